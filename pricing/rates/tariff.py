"""Tariff: the prices of one model at one provider over time.

A provider announces a new price for a day, or asks less at night. A tariff holds all of that as a
list of periods; of those that hold at a moment the last one counts. All times are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pricing.errors import Unpriced
from pricing.rates.rate_card import RateCard, dearest_of

_WEEK = frozenset(range(7))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of a day that have a price of their own.

    Attributes:
        start, end: UTC; the end itself is not in. An end before the start is on the next day.
        weekdays: days on which they begin, Monday 0.
    """

    start: time
    end: time
    weekdays: frozenset[int] = _WEEK

    def hold(self, moment: datetime) -> bool:
        """Say whether a moment lies within them."""
        clock = moment.time()
        if self.start <= self.end:
            return self.start <= clock < self.end and moment.weekday() in self.weekdays
        if clock >= self.start:
            return moment.weekday() in self.weekdays
        return clock < self.end and (moment.weekday() - 1) % 7 in self.weekdays

    def to_json(self) -> dict[str, Any]:
        """Give ISO times and a list of weekdays."""
        clocks = {"start": self.start.isoformat(), "end": self.end.isoformat()}
        return {**clocks, "weekdays": sorted(self.weekdays)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Hours:
        """Read what `to_json` gave."""
        start, end = time.fromisoformat(data["start"]), time.fromisoformat(data["end"])
        return cls(start, end, frozenset(data["weekdays"]))

    def __str__(self) -> str:
        """Give the hours for a reader, such as `01:00-04:00 UTC Mon-Fri`."""
        text = f"{self.start:%H:%M}-{self.end:%H:%M} UTC"
        if self.weekdays == _WEEK:
            return text
        names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
        days = sorted(self.weekdays)
        if days == list(range(days[0], days[-1] + 1)) and len(days) > 1:
            return f"{text} {names[days[0]]}-{names[days[-1]]}"
        return f"{text} {', '.join(names[day] for day in days)}"


@dataclass(frozen=True, slots=True)
class Period:
    """A price, from when on it holds (None: always) and at which hours (None: all)."""

    card: RateCard
    start: date | None = None
    hours: Hours | None = None

    def hold(self, moment: datetime) -> bool:
        """Say whether this price may apply at a moment."""
        if self.start is not None and moment.date() < self.start:
            return False
        return self.hours is None or self.hours.hold(moment)


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one (provider, model) costs, at any time: of the periods that hold, the last counts."""

    periods: tuple[Period, ...]

    @classmethod
    def flat(cls, card: RateCard) -> Tariff:
        """Give a tariff with one price."""
        return cls((Period(card),))

    def at(self, moment: datetime) -> RateCard:
        """Give the price at a moment.

        Args:
            moment: with a time zone.

        Raises:
            Unpriced: the first period begins later.
        """
        moment = moment.astimezone(UTC)
        for period in reversed(self.periods):
            if period.hold(moment):
                return period.card
        card = self.periods[0].card
        raise Unpriced(f"{card.provider}/{card.model} has no price yet on {moment:%Y-%m-%d}")

    def on(self, day: date) -> RateCard:
        """Give the price of a day, at its dearest hour."""
        start = datetime.combine(day, time(), UTC)
        return self.dearest(start, start + _DAY - timedelta(seconds=1))

    def dearest(self, start: datetime, end: datetime | None) -> RateCard:
        """Give a card that bills at least what any price between two moments does.

        Args:
            start: the first moment.
            end: the last one; None means for as long as anything is known.
        """
        moments = self._moments(start.astimezone(UTC), end and end.astimezone(UTC))
        return dearest_of(list(dict.fromkeys(self.at(moment) for moment in moments)))

    def begun(self, day: date) -> bool:
        """Say whether any price holds on a day yet."""
        return any(period.start is None or period.start <= day for period in self.periods)

    def usual(self, day: date) -> RateCard:
        """Give the price of the week that begins with a day, at its dearest hour.

        Only special hours repeat in it; a price that is announced for later has no part in it.
        """
        if not self.hours:
            return self.on(day)
        start = datetime.combine(day, time(), UTC)
        known = Tariff(tuple(p for p in self.periods if p.start is None or p.start <= day))
        return (known if known.periods else self).dearest(start, start + 7 * _DAY)

    def each(self, change: Callable[[RateCard], RateCard]) -> Tariff:
        """Give this tariff with every card changed."""
        return Tariff(tuple(Period(change(p.card), p.start, p.hours) for p in self.periods))

    def risen(
        self, above: Tariff, start: datetime, end: datetime | None
    ) -> tuple[RateCard, RateCard, datetime] | None:
        """Give the first moment at which this tariff bills more than another in any class.

        Returns:
            the other's card, this one's, and the moment; None where it never does.
        """
        start, end = start.astimezone(UTC), end and end.astimezone(UTC)
        moments = {*self._moments(start, end), *above._moments(start, end)}
        for moment in sorted(moments):
            was, now = above.at(moment), self.at(moment)
            if now.dearer_than(was):
                return was, now, moment
        return None

    def changes(self, after: date) -> list[date]:
        """Give the days after a day on which a new price begins."""
        starts = {period.start for period in self.periods if period.start}
        return sorted(start for start in starts if start > after)

    @property
    def hours(self) -> list[Hours]:
        """The hours that have a price of their own."""
        return list(dict.fromkeys(p.hours for p in self.periods if p.hours is not None))

    def _moments(self, start: datetime, end: datetime | None) -> Iterator[datetime]:
        """Give moments that together meet every price of an interval."""
        days = (datetime.combine(day, time(), UTC) for day in self.changes(start.date()))
        anchors = [start, *(day for day in days if end is None or day <= end)]
        yield from anchors
        clocks = {clock for hours in self.hours for clock in (hours.start, hours.end)}
        for anchor in anchors:
            for later in range(8):
                for clock in clocks:
                    moment = datetime.combine(anchor.date() + later * _DAY, clock, UTC)
                    if anchor <= moment and (end is None or moment <= end):
                        yield moment

    def to_json(self) -> list[dict[str, Any]]:
        """Give the periods as JSON."""
        return [
            {
                "start": period.start and period.start.isoformat(),
                "hours": period.hours and period.hours.to_json(),
                "card": period.card.to_json(),
            }
            for period in self.periods
        ]

    @classmethod
    def from_json(cls, data: list[dict[str, Any]]) -> Tariff:
        """Read what `to_json` gave."""
        return cls(
            tuple(
                Period(
                    RateCard.from_json(each["card"]),
                    each["start"] and date.fromisoformat(each["start"]),
                    each["hours"] and Hours.from_json(each["hours"]),
                )
                for each in data
            )
        )
