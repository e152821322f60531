"""Recall: a survey that was made before of the same texts, by the same tokenizers.

What it is kept under names everything that a count rests on: the fields and queries of the
experiment, each model's tokenizer and window, and this code. The files that the templates inserted
are kept with it, and must be the same still.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from estimator.count_cache import counts, key_of
from estimator.workload.planned_model import PlannedModel
from estimator.workload.tally import Key, Survey, Tally
from experiment.definition.experiment import Experiment

_ROOMS = ("estimator", "experiment", "providers")
_AT_ONCE = 10_000  # queries that are digested together
_PARTS = ("splintr-rs", "jinja2")


def recall(experiment: Experiment, models: dict[str, PlannedModel]) -> Survey | None:
    """Give the survey of an experiment if it was made before, and nothing has changed."""
    kept = counts().document(_key(experiment, models))
    if kept is None:
        return None
    try:
        return _survey(json.loads(kept), experiment)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged; it is counted anew


def keep(experiment: Experiment, models: dict[str, PlannedModel], survey: Survey) -> None:
    """Keep a survey for the next time."""
    document = {
        "digest": survey.digest,
        "files": survey.files,
        "tallies": [_row(key, tally) for key, tally in survey.tallies.items()],
    }
    counts().keep_document(_key(experiment, models), json.dumps(document))


def _survey(document: dict[str, Any], experiment: Experiment) -> Survey | None:
    """Read a kept survey; None where a file that it rests on has changed."""
    for name, digest in document["files"].items():
        if _sha256(experiment.folder / name) != digest:
            return None
    tallies = {_key_from(row): _tally_from(row) for row in document["tallies"]}
    return Survey(tallies, document["digest"], document["files"])


def _key(experiment: Experiment, models: dict[str, PlannedModel]) -> bytes:
    counted = {
        written: [model.name.id, model.window, model.prefill, repr(model.counting)]
        for written, model in sorted(models.items())
    }
    queries = hashlib.sha256()
    for start in range(0, len(experiment.queries), _AT_ONCE):
        queries.update(json.dumps(experiment.queries[start : start + _AT_ONCE]).encode())
    return key_of(
        _this_code(),
        repr(experiment.spec.model_dump()),
        queries.hexdigest(),
        json.dumps(counted),
        json.dumps({written: model.tokenizer.name for written, model in models.items()}),
    )


@cache
def _this_code() -> str:
    """Name the code that counts: this version of afcost, down to its sources, and its parts."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        folder = Path(__file__).parents[2] / room
        for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.yaml")]):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest() + "".join(f" {part} {version(part)}" for part in _PARTS)


def _sha256(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return hashlib.sha256(file.read().encode()).hexdigest()
    except (OSError, UnicodeDecodeError):
        return None


def _row(key: Key, tally: Tally) -> dict[str, Any]:
    return {
        "key": key,
        "requests": tally.requests,
        "input_tokens": tally.input_tokens,
        "max_tokens": tally.max_tokens,
        "bounds": list(tally.bounds.items()),
        "carried": list(tally.carried.items()),
        "uses": tally.uses,
    }


def _key_from(row: dict[str, Any]) -> Key:
    stage, model, condition = row["key"]
    return stage, model, condition


def _tally_from(row: dict[str, Any]) -> Tally:
    output, reasoning = row["uses"]
    return Tally(
        requests=row["requests"],
        input_tokens=row["input_tokens"],
        max_tokens=row["max_tokens"],
        bounds=Counter(dict(row["bounds"])),
        carried={(key[0], key[1], key[2]): number for key, number in row["carried"]},
        uses=(output, reasoning),
    )
