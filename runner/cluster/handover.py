"""Handover: a checked plan as the process that checked it gives it to its workers.

A worker neither counts the plan's texts again nor asks the providers again. It is given the plan
and the experiment as the run folder keeps them, the prices to reserve by, and the ledger's entry up
to which the chain was checked. What it can check at no cost it checks itself: that the plan's
digest fits, that its software builds the same requests, that the database it reaches has this
ledger, and that the ledger's newest work is this plan's.

It holds no secret: keys and passwords are those of the machine that a worker runs on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from estimator.workload import PlannedModel
from experiment.prompts import RequestBuilder
from pricing.rates import RateCard
from runner.launch import ApprovalEnd, OpenWork, RunOptions
from runner.ledger import PostgresLocation
from runner.run_folder import KEPT_FILES

_SAMPLES = 16  # requests whose ids are compared


@dataclass(frozen=True, slots=True)
class Handover:
    """What a worker needs of a checked plan.

    Attributes:
        lead: the name of the process that gives it.
        url, study: of the ledger.
        identity: of the ledger.
        checked_seq, checked_hash: the entry up to which its chain was checked.
        files: name -> text of what the run folder keeps of the plan and its experiment.
        folder: the run folder, where the lead has it.
        plan_file: of the plan, where the lead has it; its approval stands beside it.
        reserves: model as written -> the prices to reserve by.
        requests: [place in the order of work, id] of some requests.
        until: when the approval ends, as ISO 8601; empty where it does not.
        concurrency, timeout, lease_seconds: as `RunOptions`.
    """

    lead: str
    url: str
    study: str
    identity: str
    checked_seq: int
    checked_hash: str
    files: dict[str, str]
    folder: str
    plan_file: str
    reserves: dict[str, Any]
    requests: list[tuple[int, str]]
    until: str
    concurrency: int
    timeout: float
    lease_seconds: float

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the JSON that `to_text` returns."""
        return cls(**json.loads(text))

    @property
    def location(self) -> PostgresLocation:
        """The location of the ledger."""
        return PostgresLocation(self.url, self.study)

    @property
    def ends_at(self) -> datetime | None:
        """When the approval ends; None where it does not."""
        return datetime.fromisoformat(self.until) if self.until else None

    def read_reserves(self) -> dict[str, RateCard]:
        """Return the prices to reserve by, for each model as written."""
        return {name: RateCard.from_json(card) for name, card in self.reserves.items()}


def make_handover(
    work: OpenWork,
    plan_path: Path,
    location: PostgresLocation,
    options: RunOptions,
    watch: ApprovalEnd,
) -> Handover:
    """Return what the workers of a plan are given, once its ledger is open and checked.

    Args:
        work: of the plan.
        plan_path: its file.
        location: of the ledger, as the workers reach it.
        options: what the user chose.
        watch: of the approval.
    """
    reached = work.ledger.witness.durable
    return Handover(
        lead=work.ledger.worker,
        url=location.url,
        study=location.study,
        identity=reached.ledger,
        checked_seq=reached.seq,
        checked_hash=reached.hash,
        files={name: (work.run.path / name).read_text(encoding="utf-8") for name in KEPT_FILES},
        folder=str(work.run.path.resolve()),
        plan_file=str(plan_path.resolve()),
        reserves=_list_reserves(work.models),
        requests=list_samples(work.requests, work.seed),
        until=watch.until.isoformat() if watch.until else "",
        concurrency=options.concurrency,
        timeout=options.timeout,
        lease_seconds=options.lease_seconds,
    )


def _list_reserves(models: dict[str, PlannedModel]) -> dict[str, Any]:
    return {name: model.reserve.to_json() for name, model in models.items()}


def list_samples(requests: RequestBuilder, seed: str) -> list[tuple[int, str]]:
    """Return the places and ids of requests that are spread evenly over the order of work."""
    return list(_find_ids(requests, seed, _spread(requests.subject_count)))


def _spread(count: int) -> Iterable[int]:
    return sorted({index * (count - 1) // (_SAMPLES - 1) for index in range(_SAMPLES)})


def _find_ids(
    requests: RequestBuilder, seed: str, places: Iterable[int]
) -> Iterable[tuple[int, str]]:
    return ((place, requests.request_at(seed, place).id) for place in places)
