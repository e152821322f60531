"""The plan: everything that an approval is given for, in one hashed file.

It holds the experiment with a digest of every file that it was made from, the digest of all
requests, the pinned rate card of every model, the forecast and its assumptions. Its digest is over
all of that, so an approval of it covers nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from estimator.counting.tokenizer import Counting
from estimator.errors import BadPlan
from estimator.forecast.forecast import CostRange, Stratum, TokenRange
from estimator.workload.count_requests import PlannedModel
from experiment.definition.loader import BUILTIN, Changes
from pricing.catalog.model_names import ModelName
from pricing.rates.offer import Offer
from pricing.rates.rate_card import RateCard

SCHEMA = "afcost.plan/1"
_LISTS = ("models", "tokenizers", "prices")  # of `Changes`


@dataclass(frozen=True, slots=True)
class Plan:
    """A planned experiment.

    Attributes:
        name: the experiment's name.
        source: the experiment file as an absolute path, or `builtin:…`.
        changes: what the command line changed of it.
        files: every file that it was made from -> sha256; paths relative to the experiment.
        requests: digest of all subject requests.
        models: written name -> model with its pinned rate card.
        strata, groups, total: the forecast; groups by (stage, model).
        assumptions, warnings: what a reader must know.
        digest: sha256 over all of the above.
    """

    name: str
    source: str
    changes: Changes
    files: dict[str, str]
    requests: str
    models: dict[str, PlannedModel]
    strata: tuple[Stratum, ...]
    groups: dict[tuple[str, str], CostRange]
    total: CostRange
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Sha256 over the plan's content, wherever its files lie."""
        content = _content(self) | {"source": None}
        content["changes"] |= {"tokenizers": None}  # their fingerprints say what they are
        for model in content["models"].values():
            model["counting"] |= {"source": None}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def experiment_digest(self) -> str:
        """Sha256 over the experiment's files and what the command line changed."""
        made_from = {"files": self.files, "changes": asdict(self.changes)}
        return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()

    @property
    def requests_in_all(self) -> int:
        """How many requests are planned, judges' included."""
        return sum(stratum.requests for stratum in self.strata)


def save(plan: Plan, path: Path) -> None:
    """Write a plan file, replacing an older one whole or not at all."""
    folder = path.resolve().parent
    document = {"schema": SCHEMA, "digest": plan.digest} | _content(plan)
    if plan.source != BUILTIN:
        document["source"] = os.path.relpath(plan.source, folder)
    for model in document["models"].values():
        if Path(tokenizer := model["counting"]["source"]).is_absolute():
            model["counting"]["source"] = os.path.relpath(tokenizer, folder)
    write_whole(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> Plan:
    """Read a plan file.

    Raises:
        BadPlan: no such file, not a plan, or not what its digest says.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadPlan(f"plan {path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadPlan(f"plan {path}: is not a plan file: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BadPlan(f"plan {path}: expected schema {SCHEMA}; make one with `afcost estimate -o`")
    try:
        plan = _from_document(document, path.resolve().parent)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BadPlan(f"plan {path}: is damaged: {error!r}; make it anew") from error
    if plan.digest != document["digest"]:
        raise BadPlan(f"plan {path}: was edited: its content is not what its digest says")
    return plan


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _content(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "source": plan.source,
        "changes": asdict(plan.changes)
        | {name: list(getattr(plan.changes, name)) for name in _LISTS},
        "files": dict(sorted(plan.files.items())),
        "requests": plan.requests,
        "models": {written: _model_json(m) for written, m in sorted(plan.models.items())},
        "strata": [_stratum_json(stratum) for stratum in plan.strata],
        "groups": [[*pair, cost.to_json()] for pair, cost in plan.groups.items()],
        "total": plan.total.to_json(),
        "assumptions": list(plan.assumptions),
        "warnings": list(plan.warnings),
    }


def _from_document(document: dict[str, Any], folder: Path) -> Plan:
    source = document["source"]
    changes = document["changes"]
    return Plan(
        name=document["name"],
        source=source if source == BUILTIN else str((folder / source).resolve()),
        changes=Changes(**changes | {name: tuple(changes[name]) for name in _LISTS}),
        files=document["files"],
        requests=document["requests"],
        models={written: _model(m, folder) for written, m in document["models"].items()},
        strata=tuple(_stratum(stratum) for stratum in document["strata"]),
        groups={(s, m): CostRange.from_json(cost) for s, m, cost in document["groups"]},
        total=CostRange.from_json(document["total"]),
        assumptions=tuple(document["assumptions"]),
        warnings=tuple(document["warnings"]),
    )


def _model_json(model: PlannedModel) -> dict[str, Any]:
    return {
        **asdict(model.name),
        "counting": asdict(model.counting),
        "window": model.window,
        "prefill": model.prefill,
        "card": model.card.to_json(),
        "reserve": model.reserve.to_json(),
        "offer": model.offer.to_json(),
    }


def _model(data: dict[str, Any], folder: Path) -> PlannedModel:
    name = ModelName(data["written"], data["provider"], data["id"], data["alias"])
    card, reserve = (RateCard.from_json(data[key]) for key in ("card", "reserve"))
    offer = Offer.from_json(data["offer"])
    counting = Counting(**data["counting"])
    if counting.source and not counting.source.startswith("hf:"):
        counting = replace(counting, source=str((folder / counting.source).resolve()))
    return PlannedModel(name, offer, card, reserve, data["window"], data["prefill"], counting)


def _stratum_json(stratum: Stratum) -> dict[str, Any]:
    figures = {name: getattr(stratum, name) for name in Stratum.__slots__}
    return figures | {"output": stratum.output.to_json(), "cost": stratum.cost.to_json()}


def _stratum(data: dict[str, Any]) -> Stratum:
    ranges = {
        "output": TokenRange.from_json(data["output"]),
        "cost": CostRange.from_json(data["cost"]),
    }
    return Stratum(**data | ranges)
