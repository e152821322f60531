"""What a course of batches needs to know of the run that it is a part of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from estimator.workload import PlannedModel
from experiment.prompts import RequestBuilder
from providers.batches import BatchLimits, find_batch_limits
from providers.provider import Provider
from runner.ledger import Ledger
from runner.transport.batches import BatchTransport


def read_utc_clock() -> datetime:
    """Return now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWork:
    """What a course needs to know.

    Attributes:
        requests: of the plan.
        seed: of the order of work.
        ledger: open for writing.
        models: written name -> model; those that are sent batches at the prices of these.
        batched: written names of those.
        unpriced: those of them of which nothing more is sent: their price is not known any more.
        collects_only: why nothing is sent, neither in batches nor by calls; empty where it is.
        providers: every provider by name.
        folder: of the run.
        work: the digest of the plan's work.
        labels: what a batch says of itself, where its provider keeps that.
        open_transport: what sends batches.
        may_begin: returns whether anything new may be sent: the approval has not ended.
        find_limits: returns what the batches of a provider are like; None where it has none.
        answered_only: no subject request is sent, only judges of answers that are stored.
        waits: whether it waits for batches; else it ends where there is nothing else to do.
        poll: seconds between looks at batches.
        read_clock: returns now, in UTC.
    """

    requests: RequestBuilder
    seed: str
    ledger: Ledger
    models: dict[str, PlannedModel]
    batched: frozenset[str]
    providers: dict[str, Provider]
    folder: Path
    work: str
    labels: dict[str, str]
    open_transport: Callable[[], AbstractAsyncContextManager[BatchTransport]]
    may_begin: Callable[[], bool] = lambda: True
    find_limits: Callable[[Provider], BatchLimits | None] = find_batch_limits
    answered_only: bool = False
    waits: bool = True
    unpriced: frozenset[str] = frozenset()
    collects_only: str = ""
    poll: float = 60.0
    read_clock: Callable[[], datetime] = read_utc_clock
