"""Read label files for a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from experiment.analysis.validation import Label, LabelSet
from experiment.errors import BadLabels
from runner.labelling.label_file import LabelFile, LabelRow, read_label_file
from runner.labelling.label_words import SKIP, YES, read_label_word
from runner.labelling.sample_record import read_samples
from runner.run_folder import RunFolder

_SHOWN = 5  # lines that a remark names


def read_labels(run_folder: RunFolder, paths: Iterable[Path]) -> LabelSet:
    """Read the labels in some files.

    A file without names is one person's; with several files, each is named by its file, and by its
    path where two files have one name.

    Raises:
        BadLabels: a file cannot be read, or a label is no word that is known.
    """
    files = [read_label_file(path) for path in dict.fromkeys(paths)]
    names = _name_files([file.path for file in files])
    labels = [label for file in files for label in _list_labels(file, names[file.path])]
    if not labels:
        named = " and ".join(str(file.path) for file in files)
        raise BadLabels(f"{named}: no answer has a label; write yes or no in the column `label`")
    return LabelSet(
        tuple(labels),
        tuple(read_samples(run_folder.path)),
        remarks=tuple(remark for file in files for remark in _list_remarks(file)),
        run=str(run_folder.path),
    )


def _name_files(paths: Sequence[Path]) -> dict[Path, str]:
    """Return what the person is called whose file it is; empty where there is only one."""
    if len(paths) == 1:
        return {paths[0]: ""}
    stems = Counter(path.stem for path in paths)
    return {path: path.stem if stems[path.stem] == 1 else str(path) for path in paths}


def _list_labels(file: LabelFile, unnamed: str) -> Iterator[Label]:
    for row in file.rows:
        word = _read_word(file, row)
        if word and word != SKIP:
            place = f"{file.path}, line {row.line}"
            yield Label(row.request, word == YES, row.rater or unnamed, place)


def _read_word(file: LabelFile, row: LabelRow) -> str:
    given = row.cells["label"]
    word = read_label_word(given)
    if word is None:
        raise BadLabels(
            f"{file.path}, line {row.line}: label {given.strip()!r} is neither yes nor no; write "
            "yes, no, or skip"
        )
    return word


def _list_remarks(file: LabelFile) -> Iterator[str]:
    words = [(row.line, _read_word(file, row)) for row in file.rows]
    empty = [line for line, word in words if not word]
    if empty:
        lines = ", ".join(map(str, empty[:_SHOWN])) + (", …" if len(empty) > _SHOWN else "")
        where = "line" if len(empty) == 1 else "lines"
        have = "has" if len(empty) == 1 else "have"
        count = f"{len(empty):,} of {len(words):,} rows {have}"
        yield f"{file.path}: {count} no label ({where} {lines})"
    if skipped := sum(word == SKIP for _, word in words):
        yield f"{file.path}: {skipped:,} of {len(words):,} rows skipped"
