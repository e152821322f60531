"""Labels by hand: which answers are drawn, the file that they are written in, and reading it."""

from runner.labelling.draw import Draw, DrawnSample, LabelTask, draw_label_file, list_tasks
from runner.labelling.label_file import LabelFile, read_label_file, write_label_file
from runner.labelling.label_words import NO, SKIP, YES, read_label_word
from runner.labelling.reading import read_labels

__all__ = [
    "NO",
    "SKIP",
    "YES",
    "Draw",
    "DrawnSample",
    "LabelFile",
    "LabelTask",
    "draw_label_file",
    "list_tasks",
    "read_label_file",
    "read_label_word",
    "read_labels",
    "write_label_file",
]
