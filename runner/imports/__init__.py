"""Answers from elsewhere: files of other people's outputs become a run folder."""

from runner.imports.answer_set import AnswerSet
from runner.imports.formats import FORMAT_NAMES, PARTS
from runner.imports.import_run import Imported, ImportOptions, import_answers
from runner.imports.imported_experiment import describe_factors
from runner.imports.usage_history import write_usage

__all__ = [
    "FORMAT_NAMES",
    "PARTS",
    "AnswerSet",
    "ImportOptions",
    "Imported",
    "describe_factors",
    "import_answers",
    "write_usage",
]
