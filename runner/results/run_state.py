"""The state of a run: money, requests, and how it ended, as its ledger says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from estimator.forecast import Stratum
from estimator.plan import Plan
from pricing.money import Money
from runner.ledger import Balance, ChunkNote
from runner.results.figures import StratumActual
from runner.run_folder import RunFolder


def find_unplanned_batches(plan: Plan, chunks: Iterable[ChunkNote]) -> frozenset[str]:
    """Return the models that were asked in batches, though their plan has them as calls.

    Args:
        plan: of the run.
        chunks: the batches.
    """
    asked = {each.model for each in chunks} & plan.models.keys()
    return frozenset(name for name in asked if not plan.models[name].offer.is_batch)


@dataclass(frozen=True, slots=True)
class RunState:
    """A run's state, as recorded in its ledger.

    Attributes:
        run_folder: its folder, with the plan.
        outcome: complete, partial or running.
        end: how the last execution ended, empty where it did not say, and while one goes on.
        reason: why it ended, or why one that goes on is to stop; lines for people.
        balance: of the ledger.
        held_requests: how many sent requests money is held for.
        held_for_requests: how much; the rest is what an older copy of a ledger had lost.
        strata: each planned stratum with what it came to.
        plan_file: where the plan is that was run last, as far as this machine knows.
        open_chunks: batches that are at their providers, or may be.
    """

    run_folder: RunFolder
    outcome: str
    end: str
    reason: str
    balance: Balance
    held_requests: int
    held_for_requests: Money
    strata: tuple[tuple[Stratum, StratumActual], ...]
    plan_file: Path | None
    open_chunks: tuple[ChunkNote, ...]

    @property
    def has_crashed(self) -> bool:
        """Whether the last execution ended without saying how."""
        return self.outcome == "partial" and not self.end

    def has_away(self, stratum: Stratum) -> bool:
        """Return whether what is open of a stratum is in batches, of which providers will tell."""
        return any(
            (each.stage, each.model) == (stratum.stage, stratum.model) for each in self.open_chunks
        )
