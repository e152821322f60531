"""The spending curve: what is spent, held and reserved over time, in a bounded number of points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pricing.money import Money
from runner.ledger import Balance, Change

_MOST_POINTS = 240  # more than a chart can show
_FIRST_WIDTH = 1.0  # seconds of a point, before there are too many
_SECOND = len("2026-11-27T12:00:00")  # of a time as ISO 8601 in UTC, to the second


@dataclass(frozen=True, slots=True)
class SpendingPoint:
    """The balance at a time.

    Attributes:
        seconds: since the first entry.
        settled, held: amounts.
        reserved: what is under way, with what open jobs may still cost.
    """

    seconds: float
    settled: Money
    held: Money
    reserved: Money


class SpendingCurve:
    """The balance of a ledger over time, entry by entry.

    Where there are too many points, each covers twice the time, and the last of each is kept.
    """

    def __init__(self) -> None:
        self.began: datetime | None = None
        self._aside = self._reserved = self._settled = self._held = 0  # pico-dollars
        self._second = ""  # of the newest entry
        self._points: list[tuple[float, int, int, int]] = []
        self._width = _FIRST_WIDTH

    def add(self, change: Change) -> None:
        """Add the next entry; one of before the money began to move is left out."""
        if change.at[:_SECOND] != self._second:
            self._keep()
            self._second = change.at[:_SECOND]
        self._aside += change.aside
        self._reserved += change.reserved
        self._settled += change.settled
        self._held += change.held

    def balance(self, cap: Money) -> Balance:
        """Return the balance after the newest entry."""
        settled, held = Money(self._settled), Money(self._held)
        return Balance(cap, settled, held, Money(self._reserved), Money(self._aside))

    def _keep(self) -> None:
        """Keep how the newest second has ended."""
        amounts = self._settled, self._held, self._reserved + self._aside
        if not self._second or not (self._points or any(amounts)):
            return
        at = datetime.fromisoformat(f"{self._second}+00:00")
        self.began = self.began or at
        seconds = (at - self.began).total_seconds()
        if self._points and self._points[-1][0] // self._width == seconds // self._width:
            self._points.pop()
        self._points.append((seconds, *amounts))
        while len(self._points) > _MOST_POINTS:
            self._width *= 2
            self._points = list({int(p[0] // self._width): p for p in self._points}.values())

    def list_points(self) -> tuple[SpendingPoint, ...]:
        """Return the points, oldest first."""
        self._keep()
        return tuple(
            SpendingPoint(seconds, *map(Money, amounts)) for seconds, *amounts in self._points
        )
