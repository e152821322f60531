"""The state of an execution, and what its cap does not pay for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from pricing.money import Money
from runner.execution.queues import StopReason
from runner.ledger import Balance


@dataclass(slots=True)
class Progress:
    """The state of an execution; `failed` and `reason` are for people.

    Attributes:
        answered: requests, in this execution.
        failed: the requests that are given up, each with its place and the reason.
        end: why it ended; None while it goes on.
        reason: what more there is to say of that.
        cap_held: it ended at the cap, and would not have without money that is held.
        waiting: the models that are down while it goes on, each with the reason.
        is_paused: nothing is sent until it is resumed.
        crew: the workers that it has, where other processes do the work, for a person.
        batches: what is away in batches, for a person.
    """

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    end: StopReason | None = None
    reason: str = ""
    cap_held: bool = False
    waiting: str = ""
    is_paused: bool = False
    crew: str = ""
    batches: str = ""

    def record_end(self, end: StopReason, reason: str) -> bool:
        """Note how it ends: the first reason stays, but a stop overrides all others.

        Returns:
            whether that is news.
        """
        if self.end is not None and (end is not StopReason.STOPPED or self.end is end):
            return False
        self.end, self.reason = end, reason
        return True

    def name_stopped_models(self, whys: Collection[str]) -> None:
        """Add to the reason which models were asked nothing more; that is a stop.

        Args:
            whys: of each of them, in words; none where no model was stopped.
        """
        if not whys:
            return
        said = "\n".join(whys)
        if self.reason and self.end is not StopReason.STOPPED:
            said = f"{said}\n{self.reason}"
        if self.end in (StopReason.INTERRUPTED, StopReason.EXPIRED):
            self.reason = said
        elif self.end is not StopReason.STOPPED or self.reason.startswith(tuple(whys)):
            self.end, self.reason = StopReason.STOPPED, said


def is_cap_held(balance: Balance, amount: Money) -> bool:
    """Return whether the cap would pay for an amount without what is held."""
    return Money() < balance.held and balance.free < amount <= balance.free + balance.held


def describe_cap(balance: Balance, amount: Money) -> str:
    """Say why a cap does not pay for an amount.

    Args:
        balance: of the ledger.
        amount: of the next job, or of a request.
    """
    if balance.free < Money():
        counted = balance.cap - balance.free
        return f"the cap was lowered to {balance.cap}, and {counted} is spent or reserved already"
    return f"the next job {describe_shortage(amount, balance.free)}"


def describe_unsent(subjects: int) -> str:
    """Say how many subject requests are left where none is sent."""
    return f"{subjects:,} subject requests have no answer, and none was sent"


def describe_shortage(amount: Money, free: Money) -> str:
    """Say that what is free does not pay for an amount."""
    needed, left = str(amount), str(free)
    if needed == left:  # rounding hides the difference
        needed, left = (f"${each.to_decimal_string()}" for each in (amount, free))
    return f"may cost {needed}, but only {left} is free"
