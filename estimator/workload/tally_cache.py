"""The tally cache: the counted workload of the same texts with the same tokenizers.

Its key covers everything that a count depends on: the experiment's fields and queries, each model's
tokenizer and window, and this code. The digests of the files that templates inserted are stored
with it, and must still match.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from estimator.count_cache import default_cache, make_cache_key
from estimator.counting import name_encoder
from estimator.workload.planned_model import PlannedModel
from estimator.workload.tally import StratumKey, StratumTally, Workload
from experiment.definition import Experiment
from experiment.errors import RefusedFile
from experiment.file_access import read_file

_DIGESTED_ROOMS = ("estimator", "experiment", "providers")
_QUERIES_PER_DIGEST = 10_000  # digested together, to bound the memory
_digested: list[tuple[Experiment, tuple[str, ...]]] = []  # the last one, asked for again


def load_workload(experiment: Experiment, models: dict[str, PlannedModel]) -> Workload | None:
    """Return the cached workload of an experiment; None if there is none or anything changed."""
    document = default_cache().get_document(_workload_key(experiment, models))
    if document is None:
        return None
    try:
        return _parse_workload(json.loads(document), experiment)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged; it is counted again


def save_workload(
    experiment: Experiment, models: dict[str, PlannedModel], workload: Workload
) -> None:
    """Save a workload for the next estimate."""
    document = {
        "digest": workload.digest,
        "files": workload.files,
        "repeats": [[*place, number] for place, number in workload.repeats.items()],
        "tallies": [_tally_to_json(key, tally) for key, tally in workload.tallies.items()],
    }
    default_cache().put_document(_workload_key(experiment, models), json.dumps(document))


def load_notes(experiment: Experiment, kind: str) -> list[str] | None:
    """Return what `save_notes` kept; None if there is nothing or anything changed."""
    document = default_cache().get_document(_notes_key(experiment, kind))
    if document is None:
        return None
    try:
        content = json.loads(document)
        same = all(_file_sha256(experiment, k) == v for k, v in content["files"].items())
        return [str(each) for each in content["notes"]] if same else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged; they are made again


def save_notes(
    experiment: Experiment, kind: str, notes: Sequence[str], files: Mapping[str, str | None]
) -> None:
    """Keep what is to be said of an experiment whatever its models, for the next estimate.

    Args:
        experiment: whose file, queries and templates they depend on.
        kind: what they are called.
        notes: as text for people.
        files: that they depend on besides -> their sha256; None for one that could not be read.
    """
    document = json.dumps({"files": files, "notes": notes})
    default_cache().put_document(_notes_key(experiment, kind), document)


def _notes_key(experiment: Experiment, kind: str) -> bytes:
    return make_cache_key(kind, *_digest_experiment(experiment))


def _parse_workload(document: dict[str, Any], experiment: Experiment) -> Workload | None:
    """Parse a cached workload; None where a file that it depends on has changed."""
    for name, digest in document["files"].items():
        if _file_sha256(experiment, name) != digest:
            return None
    tallies = {StratumKey(*row["key"]): _parse_tally(row) for row in document["tallies"]}
    repeats = {(cell, query): number for cell, query, number in document["repeats"]}
    return Workload(tallies, document["digest"], document["files"], repeats)


def _workload_key(experiment: Experiment, models: dict[str, PlannedModel]) -> bytes:
    counted = {
        written: [
            *(model.name.id, model.window, model.prefill),
            *(repr(model.counting), repr(model.takes)),
        ]
        for written, model in sorted(models.items())
    }
    return make_cache_key(
        *_digest_experiment(experiment),
        json.dumps(counted),
        json.dumps({written: model.tokenizer.name for written, model in models.items()}),
    )


def _digest_experiment(experiment: Experiment) -> tuple[str, ...]:
    """Return what an experiment's requests depend on besides models and inserted files."""
    if not _digested or _digested[0][0] is not experiment:
        queries = hashlib.sha256()
        for start in range(0, len(experiment.queries), _QUERIES_PER_DIGEST):
            part = slice(start, start + _QUERIES_PER_DIGEST)
            queries.update(json.dumps(experiment.queries[part]).encode())
            queries.update(json.dumps(experiment.query_columns[part]).encode())
        spec = repr(experiment.spec.model_dump(by_alias=True))
        _digested[:] = [(experiment, (_code_digest(), spec, queries.hexdigest()))]
    return _digested[0][1]


@cache
def _code_digest() -> str:
    """Return a digest of the code that counts: afcost's sources and the packages it uses."""
    digest = hashlib.sha256()
    for room in _DIGESTED_ROOMS:
        folder = Path(__file__).parents[2] / room
        for path in sorted(_list_sources(folder)):
            with open(path, "rb") as file:  # noqa: PTH123 - three times as fast as by Path
                digest.update(os.path.basename(path).encode() + file.read())  # noqa: PTH119
    return f"{digest.hexdigest()} {name_encoder()} jinja2 {version('jinja2')}"


def _list_sources(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        yield from (f"{place}/{name}" for name in names if name.endswith((".py", ".yaml")))


def _file_sha256(experiment: Experiment, name: str) -> str | None:
    try:
        text = read_file(experiment.folder, name, experiment.trust).decode()
    except (OSError, UnicodeDecodeError, RefusedFile):
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def _tally_to_json(key: StratumKey, tally: StratumTally) -> dict[str, Any]:
    return {
        "key": key,
        "requests": tally.requests,
        "input_tokens": tally.input_tokens,
        "max_tokens": tally.max_tokens,
        "bounds": list(tally.bounds.items()),
        "carried": list(tally.judged_answers.items()),
        "uses": tally.answer_occurrences,
        "fields": tally.adds_fields,
        "depending": tally.depending,
        "joint": list(tally.joint_bounds.items()),
    }


def _parse_tally(row: dict[str, Any]) -> StratumTally:
    output, reasoning = row["uses"]
    return StratumTally(
        requests=row["requests"],
        input_tokens=row["input_tokens"],
        max_tokens=row["max_tokens"],
        bounds=Counter(dict(row["bounds"])),
        judged_answers={StratumKey(*key): number for key, number in row["carried"]},
        answer_occurrences=(output, reasoning),
        adds_fields=row["fields"],
        depending=row["depending"],
        joint_bounds=Counter(dict(row["joint"])),
    )
