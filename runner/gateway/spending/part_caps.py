"""Caps beside the one of the whole program: on its tokens, or on what one model or label costs.

Like that one they are checked in the transaction that reserves a call, at its worst case, against
what the ledger says: of all starts, and of all processes that share it. What may have been billed
counts in full. Calls of an earlier start without a cap on tokens that were lost count with their
prompts alone, since nothing says how long their answers could be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pricing.money import Money
from runner.gateway.spending.call_size import CallSize
from runner.ledger import AttemptChange, Ledger

_NOTHING = CallSize()
_TOKENS = re.compile(r"up to (\d+) tokens")  # the note of a reservation
_MORE = re.compile(r"(\d+) tokens more than reported are booked")  # and how a settlement's begins


@dataclass(eq=False, slots=True)
class PartCap:
    """A cap on a part of a program's calls.

    Attributes:
        name: of the model or label; empty for all calls.
        most: pico-dollars, or tokens.
        counts_tokens: which of them.
        spent: what was billed, or may have been, when it was looked at last.
        tied: what calls in flight may cost.
    """

    name: str
    most: int
    counts_tokens: bool = False
    spent: int = 0
    tied: int = 0

    @property
    def option(self) -> str:
        """The option that it was given by."""
        return "--cap-tokens" if self.counts_tokens else f"--cap-for {self.name}"

    def measure(self, size: CallSize) -> int:
        """Return what of a call's size counts here."""
        return size.tokens if self.counts_tokens else size.pico

    def show(self, amount: int) -> str:
        """Return an amount as a reader knows it."""
        return f"{amount:,} tokens" if self.counts_tokens else f"{Money(amount)}"

    def describe(self) -> str:
        """Say what was reached."""
        of = f" for {self.name}" if self.name else ""
        spent = f"{self.spent:,} used" if self.counts_tokens else f"{Money(self.spent)} spent"
        return f"cap of {self.show(self.most)}{of} reached: {spent}"


@dataclass(frozen=True, slots=True)
class _Part:
    """What an attempt comes to, or may."""

    model: str
    stage: str
    spent: CallSize = _NOTHING
    tied: CallSize = _NOTHING


class PartCaps:
    """All such caps of a program, as its ledger has them.

    Args:
        ledger: open for writing.
        caps: that were given.
    """

    def __init__(self, ledger: Ledger, caps: Sequence[PartCap]) -> None:
        self._ledger = ledger
        self._caps = caps
        self._seq = 0  # up to which entries are in what follows; they are committed
        self._sums = [(0, 0) for _ in caps]  # of each: spent, tied
        self._open: dict[str, _Part] = {}  # attempts that may change yet

    @property
    def counts_tokens(self) -> bool:
        """Whether one of them does."""
        return any(cap.counts_tokens for cap in self._caps)

    def find_reached(self, names: Iterable[str], size: CallSize) -> PartCap | None:
        """Return the cap that cannot pay for a call now; None where all can.

        It is asked within the transaction that would reserve the call.

        Args:
            names: the call's model and label.
            size: of it, at the worst case.
        """
        if not self._caps:
            return None
        self.look()
        known = {"", *names}
        return next(
            (
                cap
                for cap in self._caps
                if cap.name in known and cap.spent + cap.tied + cap.measure(size) > cap.most
            ),
            None,
        )

    def look(self) -> None:
        """Read what the ledger says of them, within a transaction.

        What is written in it may be undone, and is read again by the next one.
        """
        changes = self._ledger.list_changes(self._seq)
        kept = [each for each in changes if each.seq <= self._ledger.last_seq_here]
        self._sums, self._open = self._add(kept)
        self._seq = kept[-1].seq if kept else self._seq
        sums, _ = self._add(changes[len(kept) :])
        for cap, (spent, tied) in zip(self._caps, sums, strict=True):
            cap.spent, cap.tied = spent, tied

    def _add(
        self, changes: Sequence[AttemptChange]
    ) -> tuple[list[tuple[int, int]], dict[str, _Part]]:
        """Return the sums and the open attempts with some changes more."""
        sums, parts = list(self._sums), dict(self._open)
        for change in changes:
            before = parts.pop(change.attempt, _Part(change.model, change.stage))
            after = _apply(before, change)
            if change.kind != "release" and (after.tied.pico or _may_change(change)):
                parts[change.attempt] = after
            names = {"", change.model, change.stage}
            for number, cap in enumerate(self._caps):
                if cap.name in names:
                    spent, tied = sums[number]
                    spent += cap.measure(after.spent) - cap.measure(before.spent)
                    tied += cap.measure(after.tied) - cap.measure(before.tied)
                    sums[number] = spent, tied
        return sums, parts


def _may_change(change: AttemptChange) -> bool:
    """Return whether money is held for an attempt, which may be resolved."""
    return change.kind in ("reserve", "hold") or change.held > 0


def _apply(part: _Part, change: AttemptChange) -> _Part:
    """Return what an attempt comes to after a change of its money."""
    whole = CallSize(part.spent.pico + part.tied.pico, part.spent.tokens + part.tied.tokens)
    pico = whole.pico + change.reserved + change.settled + change.held
    match change.kind:
        case "reserve":
            found = _TOKENS.fullmatch(change.note)
            tokens = int(found[1]) if found else change.bound
            return replace(part, tied=CallSize(pico, tokens))
        case "settle" if change.held <= 0:
            tokens = whole.tokens if change.tokens is None else change.tokens
            more = _MORE.match(change.note)
            tokens += int(more[1]) if more else 0
        case "release":
            tokens = 0
        case _:  # held, or resolved: nothing tells its tokens, unless it cost nothing
            tokens = whole.tokens if pico else 0
    return replace(part, spent=CallSize(pico, tokens), tied=_NOTHING)


def describe_tokens(tokens: int) -> str:
    """Return the note of a reservation, which says what tokens it may take."""
    return f"up to {tokens} tokens"
