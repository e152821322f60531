"""The experiment of a run with other judges, written as files that a plan can be made from.

It goes into a folder of its own in the run's, never into the user's experiment: all that the run
kept, with the judges of a judge file in the place of those of the same name.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import yaml

from estimator.atomic_write import make_private_folder, write_bytes_atomically
from experiment.definition import BUILTIN_SOURCE, ExperimentSpec, parse_yaml
from experiment.errors import BadExperiment
from pricing.sources import PRICE_FILE
from runner.errors import BadRun
from runner.rejudge.judge_file import JudgeFile
from runner.run_folder import RunFolder

FOLDER, EXPERIMENT = "rejudge", "experiment.yaml"


def write_judged_experiment(
    run: RunFolder, judges: JudgeFile, *, batch: bool | None = None
) -> Path:
    """Write a run's experiment with other judges, and return the path of its file.

    The same run and judges are written to the same place.

    Args:
        run: whose experiment it is.
        judges: that it is to have.
        batch: whether models are asked in batches where the file does not say it of one; None for
            what the run's experiment says.

    Raises:
        BadRun: the run folder keeps too little, or cannot be written.
        BadExperiment: the judges do not fit the experiment, or their files others of its name.
    """
    said = {} if batch is None else {"batch": batch}
    spec = judges.add_to(run.spec.to_stored() | said)
    files = _merge_files(run, judges, spec)
    text = _write_yaml(spec)
    contents = {EXPERIMENT: text.encode()} | {name: each.encode() for name, each in files.items()}
    if prices := _read_prices(run):
        contents[PRICE_FILE] = prices
    folder = run.path / FOLDER / _digest(contents)
    try:
        for name, content in contents.items():
            make_private_folder((folder / name).parent)
            write_bytes_atomically(folder / name, content)
    except OSError as error:
        raise BadRun(f"cannot write to {folder}: {error.strerror}; nothing was sent") from error
    return folder / EXPERIMENT


def _write_yaml(spec: ExperimentSpec) -> str:
    """Return an experiment's fields as a file that is read as the same fields.

    Raises:
        BadRun: they cannot be written so.
    """
    text = yaml.safe_dump(spec.to_stored(), sort_keys=False, allow_unicode=True, width=100)
    if ExperimentSpec.model_validate(parse_yaml(text)[0]) != spec:
        raise BadRun("the run's experiment cannot be written as YAML; nothing was sent")
    return text


def _merge_files(run: RunFolder, judges: JudgeFile, spec: ExperimentSpec) -> dict[str, str]:
    """Return the texts that the experiment with these judges is made from, by path."""
    run.request_builder()  # refuses a folder that keeps none
    own = EXPERIMENT if run.plan.source == BUILTIN_SOURCE else Path(run.plan.source).name
    kept = {name: text for name, text in run.files.items() if name != own}
    for name in kept:
        if Path(name).is_absolute() or os.path.normpath(name).startswith(".."):
            raise BadRun(
                f"{run.path} was made from {name}, which is outside of its experiment's folder, so "
                "its experiment cannot be written elsewhere; change the judge in the experiment "
                "file, and plan that with `afcost estimate … -o`"
            )
    new = {name: text for name, text in judges.files.items() if kept.get(name) != text}
    for name in new.keys() & (kept.keys() | {EXPERIMENT, PRICE_FILE}):
        if name not in kept or _is_named_elsewhere(name, judges, spec):
            raise BadExperiment(
                f"{judges.path}: its prompt inserts {name}, and the run has another file of that "
                "name, which it still needs; give the judge's file another name"
            )
    return kept | judges.files


def _is_named_elsewhere(name: str, judges: JudgeFile, spec: ExperimentSpec) -> bool:
    """Return whether a file may belong to a prompt that stays, or to the queries."""
    others = (judge for judge in spec.judges if judge.name not in judges.names)
    staying = [each for judge in others for each in judge.messages]
    texts = [each.content for each in (*spec.messages, *staying)]
    variables = json.dumps(spec.factors, default=str)
    return name in json.dumps(spec.queries.model_dump(mode="json")) or any(
        name in text for text in (*texts, variables)
    )


def _read_prices(run: RunFolder) -> bytes:
    """Return the price file that lies beside the run's experiment; empty where none does."""
    path = Path(run.plan.source).parent / PRICE_FILE
    is_there = run.plan.source != BUILTIN_SOURCE and path.is_file()
    return path.read_bytes() if is_there else b""


def _digest(contents: dict[str, bytes]) -> str:
    parts = sorted((name, hashlib.sha256(each).hexdigest()) for name, each in contents.items())
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
