"""The plan file: a plan as JSON, with the digest that an approval names.

It contains the experiment with a digest of every file that it was made from, the digest of all
requests, the pinned rate card of every model, the forecast and its assumptions. Paths in it are
relative to the plan file, so that both can be moved together.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from estimator.atomic_write import write_atomically
from estimator.cached_prefix import CachedPrefix
from estimator.counting import CountingMethod
from estimator.errors import BadPlan
from estimator.forecast import CostRange, Stratum, TokenRange
from estimator.plan.plan import OVERRIDE_LISTS, PLAN_SCHEMA, Plan, plan_json
from estimator.plan_document import (
    Document,
    build_plan,
    check_plain_fields,
    check_study,
    read_plan_document,
)
from estimator.safe_text import dump_json
from estimator.workload import PlannedModel
from experiment.definition import Overrides, is_builtin
from pricing.catalog import ModelName
from pricing.rates import Offer, RateCard
from providers.capabilities import capability_from_json

_OF_PROGRAMS = "afcost.program-plan/1"  # the schema of `estimator.recorded`
_MAX_BYTES = 16 << 20  # of a plan; ten thousand conditions with two judges each take less


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan file atomically, replacing an older one."""
    folder = path.resolve().parent
    document = {"schema": PLAN_SCHEMA, "digest": plan.digest} | plan_json(plan)
    if not is_builtin(plan.source):
        document["source"] = os.path.relpath(plan.source, folder)
    if plan.changes.price_files:
        document["changes"]["price_files"] = [
            os.path.relpath(path, folder) for path in plan.changes.price_files
        ]
    for model in document["models"].values():
        if Path(tokenizer := model["counting"]["source"]).is_absolute():
            model["counting"]["source"] = os.path.relpath(tokenizer, folder)
    write_atomically(path, dump_json(document, indent=1) + "\n")


def read_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        BadPlan: no such file, not a plan, or its content does not match its digest.
    """
    document = read_plan_document(path, _MAX_BYTES, "create one with `afcost estimate … -o`")
    if document.get("schema") == _OF_PROGRAMS:
        raise BadPlan(f"{path} is the plan of a program; start it:  afcost guard {path} -- COMMAND")
    if document.get("schema") != PLAN_SCHEMA:
        raise BadPlan(
            f"plan {path}: expected schema {PLAN_SCHEMA}; create one with `afcost estimate -o`"
        )
    return build_plan(path, document, partial(_plan_from_json, folder=path.resolve().parent))


def _plan_from_json(document: Document, folder: Path) -> Plan:
    source = document["source"]
    changes = document["changes"] | {
        name: tuple(document["changes"].get(name, ())) for name in OVERRIDE_LISTS
    }
    changes["price_files"] = tuple(
        str((folder / path).resolve()) for path in changes["price_files"]
    )
    return Plan(
        name=document["name"],
        source=source if is_builtin(source) else str((folder / source).resolve()),
        changes=Overrides(**changes),
        files=document["files"],
        requests=document["requests"],
        models={written: model_from_json(m, folder) for written, m in document["models"].items()},
        strata=tuple(stratum_from_json(stratum) for stratum in document["strata"]),
        groups={(s, m): CostRange.from_json(cost) for s, m, cost in document["groups"]},
        total=CostRange.from_json(document["total"]),
        assumptions=tuple(document["assumptions"]),
        warnings=tuple(document["warnings"]),
        study=check_study(document["study"]) if "study" in document else "",
        trusted_folders=tuple(document.get("trusted_folders", ())),
    )


def model_from_json(data: dict[str, Any], folder: Path) -> PlannedModel:
    """Read a model that a plan pins; paths are relative to the plan's folder."""
    name = ModelName(data["written"], data["provider"], data["id"], data["alias"])
    card, reserve = (RateCard.from_json(data[key]) for key in ("card", "reserve"))
    offer = Offer.from_json(data["offer"])
    counting = _read_counting(data["counting"])
    if counting.source and not counting.source.startswith("hf:"):
        counting = replace(counting, source=str((folder / counting.source).resolve()))
    takes = capability_from_json(data["takes"]) if "takes" in data else None
    caching = tuple(CachedPrefix.from_json(each) for each in data.get("caching", ()))
    model = PlannedModel(
        name, offer, card, reserve, data["window"], data["prefill"], counting, takes, caching
    )
    for each in (model, name, card, reserve):
        check_plain_fields(each)
    return model


def _read_counting(data: dict[str, Any]) -> CountingMethod:
    """Read how prompts are counted; a learned offset may be below zero."""
    counting = CountingMethod(**data)
    check_plain_fields(replace(counting, offset=None))
    if not isinstance(counting.offset, int | None):
        raise ValueError(f"offset is {str(counting.offset)[:20]!r}")  # noqa: TRY004 - as others are
    return counting


def stratum_from_json(data: dict[str, Any]) -> Stratum:
    """Read a stratum of a plan."""
    ranges = {
        "output": TokenRange.from_json(data["output"]),
        "cost": CostRange.from_json(data["cost"]),
    }
    stratum = Stratum(**data | ranges)
    for each in (stratum, stratum.output, stratum.cost):
        check_plain_fields(each)
    return stratum
