"""The record of what was drawn to be labelled, kept in the run folder, apart from the label file.

It says which model and verdict an answer is of, which a person who labels must not see.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from estimator.atomic_write import write_atomically
from estimator.json_files import read_json_file
from estimator.safe_text import dump_json
from experiment.analysis.validation import LabelSample, Stratum
from experiment.errors import BadLabels

SAMPLE_FILE = "label-samples.json"
_SCHEMA = "afcost.label-samples/1"
_MAX_BYTES = 256 << 20


def read_samples(folder: Path) -> list[LabelSample]:
    """Read the samples that were drawn of a run; none where there are none.

    Raises:
        BadLabels: the record cannot be read.
    """
    path = folder / SAMPLE_FILE
    if not path.exists():
        return []
    try:
        return [_read_sample(each) for each in read_json_file(path, _MAX_BYTES)["samples"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadLabels(
            f"cannot read {path}: {error}; it says how answers were drawn to be labelled. Put it "
            "back, or move it away to go on without it"
        ) from error


def write_samples(folder: Path, samples: list[LabelSample]) -> None:
    """Write the samples that were drawn of a run.

    Raises:
        BadLabels: they cannot be written.
    """
    path = folder / SAMPLE_FILE
    try:
        write_atomically(
            path, dump_json({"schema": _SCHEMA, "samples": [asdict(each) for each in samples]})
        )
    except OSError as error:
        raise BadLabels(f"cannot write {path}: {error.strerror}") from error


def _read_sample(kept: dict[str, Any]) -> LabelSample:
    strata = tuple(
        Stratum(str(each["model"]), str(each["verdict"]), tuple(map(str, each["requests"])))
        for each in kept["strata"]
    )
    return LabelSample(str(kept["judge"]), strata, tuple(map(str, kept["drawn"])))
