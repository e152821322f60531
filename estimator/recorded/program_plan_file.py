"""The file of a program's plan, with the file of its calls beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from estimator.atomic_write import write_atomically
from estimator.errors import BadPlan
from estimator.forecast import CostRange, Stratum
from estimator.json_files import read_json_file
from estimator.plan import model_from_json, stratum_from_json
from estimator.plan_document import (
    Document,
    build_plan,
    check_plain_fields,
    check_study,
    read_plan_document,
)
from estimator.recorded.program_plan import ProgramPlan, program_plan_json
from estimator.recorded.recorded_call import Recording
from estimator.recorded.recording_file import write_recording
from estimator.recorded.stages import Stage
from estimator.safe_text import dump_json

PROGRAM_PLAN_SCHEMA = "afcost.program-plan/1"
_MAX_BYTES = 64 << 20


def save_program_plan(plan: ProgramPlan, recording: Recording, path: Path) -> ProgramPlan:
    """Write a plan, and the recording that it was made from beside it.

    Returns:
        the plan with the digest of the recording: what is approved.
    """
    beside = recording_path(path)
    write_recording(beside, recording)
    with beside.open("rb") as file:
        plan = replace(plan, recording=hashlib.file_digest(file, "sha256").hexdigest())
    copy_program_plan(plan, path)
    return plan


def copy_program_plan(plan: ProgramPlan, path: Path) -> None:
    """Write a plan alone."""
    document = {"schema": PROGRAM_PLAN_SCHEMA, "digest": plan.digest} | program_plan_json(plan)
    write_atomically(path, dump_json(document, indent=1) + "\n")


def recording_path(plan_path: Path) -> Path:
    """Return the file of the calls that a plan was made from."""
    return plan_path.with_suffix(".calls.jsonl")


def is_program_plan(path: Path) -> bool:
    """Return whether a file is the plan of a program; of one that cannot be read, it is not."""
    try:
        document = read_json_file(path, _MAX_BYTES)
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and document.get("schema") == PROGRAM_PLAN_SCHEMA


def read_program_plan(path: Path) -> ProgramPlan:
    """Read the plan of a program.

    Raises:
        BadPlan: no such file, not one, or its content does not match its digest.
    """
    again = "create one with `afcost estimate -o … -- COMMAND`"
    document = read_plan_document(path, _MAX_BYTES, again)
    if document.get("schema") != PROGRAM_PLAN_SCHEMA:
        raise BadPlan(f"plan {path}: expected schema {PROGRAM_PLAN_SCHEMA}; {again}")
    return build_plan(path, document, partial(_from_json, folder=path.resolve().parent))


def _from_json(document: Document, folder: Path) -> ProgramPlan:
    limit = document["default_max_tokens"]
    if limit is not None and int(limit) < 1:  # some servers take it for no limit
        raise ValueError(f"default_max_tokens is {int(limit)}")
    models = {name: model_from_json(m, folder) for name, m in document["models"].items()}
    return ProgramPlan(
        study=check_study(document["study"]),
        command=_read_texts(document["command"]),
        recording=str(document["recording"]),
        default_limit=None if limit is None else int(limit),
        prices=_read_texts(document["prices"]),
        models=models,
        stages=tuple(map(_read_stage, document["stages"])),
        strata=_read_strata(document["strata"], models),
        groups=_read_groups(document["groups"], models),
        total=_read_total(document["total"]),
        assumptions=_read_texts(document["assumptions"]),
        warnings=_read_texts(document["warnings"]),
        problems=_read_texts(document["problems"]),
    )


def _read_texts(written: Any) -> tuple[str, ...]:  # noqa: ANN401 - any JSON
    if not isinstance(written, list) or not all(isinstance(each, str) for each in written):
        raise ValueError("expected a list of texts")
    return tuple(written)


def _read_strata(written: Any, models: Collection[str]) -> tuple[Stratum, ...]:  # noqa: ANN401
    strata = tuple(map(stratum_from_json, written))
    _require_known((each.model for each in strata), models)
    return strata


def _read_groups(
    written: Any,  # noqa: ANN401 - any JSON
    models: Collection[str],
) -> dict[tuple[str, str], CostRange]:
    groups = {(stage, model): _read_total(cost) for stage, model, cost in written}
    if not all(isinstance(name, str) for pair in groups for name in pair):
        raise ValueError("expected a stage and a model of each group")
    _require_known((model for _, model in groups), models)
    return groups


def _require_known(names: Iterable[str], models: Collection[str]) -> None:
    for name in names:
        if name not in models:
            raise ValueError(f"{name[:60]!r} is none of the plan's models")


def _read_total(written: Any) -> CostRange:  # noqa: ANN401 - any JSON
    total = CostRange.from_json(written)
    check_plain_fields(total)
    return total


def _read_stage(written: Any) -> Stage:  # noqa: ANN401 - any JSON
    stage = Stage.from_json(written)
    for each in (stage, stage.system, stage.last):
        check_plain_fields(each)
    return stage
