"""The spending curve: what is spent, held and reserved over time, in a bounded number of points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pricing.money import Money
from runner.ledger import Change

_MOST_POINTS = 240  # more than a chart can show
_FIRST_WIDTH = 1.0  # seconds of a point, before there are too many


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
        self._settled = self._held = self._reserved = 0  # pico-dollars
        self._points: list[tuple[float, int, int, int]] = []
        self._width = _FIRST_WIDTH

    def add(self, change: Change) -> None:
        """Add the next entry; one of before the money began to move is left out."""
        if not (change.settled or change.held or change.reserved or change.aside):
            return
        at = datetime.fromisoformat(change.at)
        self.began = self.began or at
        self._settled += change.settled
        self._held += change.held
        self._reserved += change.reserved + change.aside
        self._keep((at - self.began).total_seconds())

    def _keep(self, seconds: float) -> None:
        point = (seconds, self._settled, self._held, self._reserved)
        if self._points and self._is_same_place(self._points[-1][0], seconds):
            self._points[-1] = point
        else:
            self._points.append(point)
        while len(self._points) > _MOST_POINTS:
            self._width *= 2
            self._points = list({int(p[0] // self._width): p for p in self._points}.values())

    def _is_same_place(self, one: float, other: float) -> bool:
        return one // self._width == other // self._width

    def list_points(self) -> tuple[SpendingPoint, ...]:
        """Return the points, oldest first."""
        return tuple(
            SpendingPoint(seconds, *map(Money, amounts)) for seconds, *amounts in self._points
        )
