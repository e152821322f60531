"""The plan of an experiment: everything that an approval covers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from estimator.forecast import CostRange, Stratum
from estimator.workload import PlannedModel
from experiment.definition import SUBJECT, Overrides

PLAN_SCHEMA = "afcost.plan/1"

# Of `Overrides`.
OVERRIDE_LISTS = ("models", "tokenizers", "prices", "price_files", "written", "ways")
_NEWER_CHANGES = (
    "price_files",
    "written",
    "batch",
    "ways",
)  # left out where empty, so that earlier plans keep their digests
_NEWER_FIGURES = (
    *("expected", "variance_share", "is_heavy_tailed", "share_cut_off", "own_answers"),
    *("cache_read", "cache_written", "cache_saving"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A planned experiment.

    Attributes:
        name: the experiment's name.
        source: the experiment file as an absolute path, or `builtin:…`.
        changes: what the command line changed in it.
        files: every file that it was made from -> sha256; paths relative to the experiment.
        requests: digest of all subject requests.
        models: written name -> model with its pinned rate card.
        strata, groups, total: the forecast; groups by (stage, model).
        assumptions, warnings: what a reader must know.
        trusted_folders: those outside of the experiment's own that its files are in, and that the
            user trusts; absolute paths.
        study: the name under which its money and answers are stored; empty in plans that are
            older than studies.
        digest: sha256 over all of the above: what is approved.
        work_digest: sha256 over the work alone, without its forecast: what is run.
        subjects_digest: sha256 over the subject models' part of the work.
    """

    name: str
    source: str
    changes: Overrides
    files: dict[str, str]
    requests: str
    models: dict[str, PlannedModel]
    strata: tuple[Stratum, ...]
    groups: dict[tuple[str, str], CostRange]
    total: CostRange
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    study: str = ""
    trusted_folders: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Return the sha256 of the plan's content, independent of where its files are."""
        content = plan_json(self) | {"source": None, "models": self._pinned_models()}
        content["changes"] |= {"tokenizers": None}  # their fingerprints identify them
        content["changes"].pop("price_files", None)  # the pinned prices do
        return _sha256_of(content)

    @property
    def work_digest(self) -> str:
        """Return the sha256 of the requests, the files, and the models with their pinned prices.

        Left out is what belongs to the forecast or explains a price: a model's price on the planned
        day, its reserve, other sources' prices, sources and dates, and the offset learned from
        bills, also from those of this work's own first answers.
        """
        return _sha256_of(self._work())

    @property
    def subjects_digest(self) -> str:
        """Return the sha256 of the work that the subject models do, whatever their judges are.

        Plans that differ only in judges, in files that only judges read, or in what an answer
        counts as, have the same one.
        """
        subjects = {stratum.model for stratum in self.strata if stratum.stage == SUBJECT}
        models = {name: each for name, each in self._work()["models"].items() if name in subjects}
        return _sha256_of({"requests": self.requests, "models": models})

    @property
    def order_seed(self) -> str:
        """Return the seed of the order of work; plans of before there were studies keep theirs."""
        return self.work_digest if self.study else self.digest

    @property
    def experiment_digest(self) -> str:
        """Return the sha256 of the experiment's files and command-line overrides."""
        return _sha256_of({"files": self.files, "changes": _changes_to_json(self.changes)})

    @property
    def request_count(self) -> int:
        """Return how many requests are planned, including judges'."""
        return sum(stratum.requests for stratum in self.strata)

    def _work(self) -> dict[str, Any]:
        models = self._pinned_models()
        for model in models.values():
            del model["card"], model["reserve"], model["counting"]["offset"]
            model.pop("caching", None)  # it changes what the same work is billed
            model.pop("takes", None)  # what is sent by it is compared where the requests are known
            model["offer"] = _pinned_prices(model["offer"])
        return {"files": self.files, "requests": self.requests, "models": models}

    def _pinned_models(self) -> dict[str, Any]:
        models = {written: model_to_json(model) for written, model in self.models.items()}
        for model in models.values():
            model["counting"] |= {"source": None}
        return models


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return a plan's content as JSON, without its schema and digest."""
    newer: dict[str, Any] = {"study": plan.study} if plan.study else {}
    if plan.trusted_folders:
        newer |= {"trusted_folders": list(plan.trusted_folders)}
    return newer | {
        "name": plan.name,
        "source": plan.source,
        "changes": _changes_to_json(plan.changes),
        "files": dict(sorted(plan.files.items())),
        "requests": plan.requests,
        "models": {written: model_to_json(m) for written, m in sorted(plan.models.items())},
        "strata": [stratum_to_json(stratum) for stratum in plan.strata],
        "groups": [[*pair, cost.to_json()] for pair, cost in plan.groups.items()],
        "total": plan.total.to_json(),
        "assumptions": list(plan.assumptions),
        "warnings": list(plan.warnings),
    }


def _changes_to_json(changes: Overrides) -> dict[str, Any]:
    fields = asdict(changes) | {name: list(getattr(changes, name)) for name in OVERRIDE_LISTS}
    return {name: each for name, each in fields.items() if each or name not in _NEWER_CHANGES}


def model_to_json(model: PlannedModel) -> dict[str, Any]:
    """Return a model as a plan pins it."""
    newer: dict[str, Any] = {"takes": model.takes.to_json()} if model.takes is not None else {}
    if model.caching:
        newer |= {"caching": [prefix.to_json() for prefix in model.caching]}
    return newer | {
        **asdict(model.name),
        "counting": asdict(model.counting),
        "window": model.window,
        "prefill": model.prefill,
        "card": model.card.to_json(),
        "reserve": model.reserve.to_json(),
        "offer": model.offer.to_json(),
    }


def stratum_to_json(stratum: Stratum) -> dict[str, Any]:
    """Return a stratum as a plan has it."""
    figures = {name: getattr(stratum, name) for name in Stratum.__slots__}
    for name in _NEWER_FIGURES:  # left out where unknown, so that earlier plans keep their digests
        if figures[name] is None:
            del figures[name]
    return figures | {"output": stratum.output.to_json(), "cost": stratum.cost.to_json()}


def _pinned_prices(offer: dict[str, Any]) -> dict[str, Any]:
    """Return what an offer bills, without where its prices come from."""

    def bare(tariff: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            period | {"card": period["card"] | {"checked": None, "source": None}}
            for period in tariff
        ]

    return {
        "tariff": bare(offer["tariff"]),
        "standard": offer["standard"] and bare(offer["standard"]),
        "served": {tier: bare(tariff) for tier, tariff in offer["served"].items()},
        "asked": offer["asked"],
    }


def _sha256_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
