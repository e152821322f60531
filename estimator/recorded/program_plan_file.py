"""The file of a program's plan, with the file of its calls beside it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from estimator.atomic_write import write_atomically
from estimator.errors import BadPlan
from estimator.forecast import CostRange
from estimator.json_files import read_json_file
from estimator.plan import model_from_json, stratum_from_json
from estimator.recorded.program_plan import ProgramPlan, program_plan_json
from estimator.recorded.recorded_call import Recording
from estimator.recorded.recording_file import write_recording
from estimator.recorded.stages import Stage
from estimator.safe_text import dump_json

PROGRAM_PLAN_SCHEMA = "afcost.program-plan/1"
_MAX_BYTES = 64 << 20
_MAX_STUDY = 120  # characters


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
    try:
        document = read_json_file(path, _MAX_BYTES)
    except OSError as error:
        raise BadPlan(f"cannot read plan {path}: {error.strerror}; {again}") from error
    except ValueError as error:
        raise BadPlan(f"{path} is not a plan file ({error}); {again}") from error
    if not isinstance(document, dict) or document.get("schema") != PROGRAM_PLAN_SCHEMA:
        raise BadPlan(f"plan {path}: expected schema {PROGRAM_PLAN_SCHEMA}; {again}")
    try:
        plan = _from_json(document, path.resolve().parent)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadPlan(f"plan {path} is damaged: {error!r}; create it again") from error
    if plan.digest != document["digest"]:
        raise BadPlan(f"plan {path} was edited: its content does not match its digest")
    return plan


def _from_json(document: dict[str, Any], folder: Path) -> ProgramPlan:
    limit = document["default_max_tokens"]
    if limit is not None and int(limit) < 1:  # some servers take it for no limit
        raise ValueError(f"default_max_tokens is {int(limit)}")
    plan = ProgramPlan(
        study=_read_study(document["study"]),
        command=tuple(map(str, document["command"])),
        recording=str(document["recording"]),
        default_limit=None if limit is None else int(limit),
        prices=tuple(map(str, document["prices"])),
        models={name: model_from_json(m, folder) for name, m in document["models"].items()},
        stages=tuple(map(Stage.from_json, document["stages"])),
        strata=tuple(map(stratum_from_json, document["strata"])),
        groups={(s, m): CostRange.from_json(cost) for s, m, cost in document["groups"]},
        total=CostRange.from_json(document["total"]),
        assumptions=tuple(document["assumptions"]),
        warnings=tuple(document["warnings"]),
        problems=tuple(document["problems"]),
    )
    planned = {*(each.model for each in plan.strata), *(model for _, model in plan.groups)}
    if unknown := sorted(planned - plan.models.keys()):
        raise ValueError(f"no price is pinned for {unknown[0]}")
    return plan


def _read_study(written: object) -> str:
    """Return a study's name, which names a folder in `runs/` and nothing outside of it.

    Raises:
        ValueError: it is no such name.
    """
    study = str(written)
    is_name = study.isprintable() and 0 < len(study) <= _MAX_STUDY and study not in (".", "..")
    if not is_name or set(study) & {"/", "\\"}:
        raise ValueError(f"{study[:_MAX_STUDY]!r} is no name for a study")
    return study
