"""Tariff: the prices of one model at one provider over time.

A provider may announce a new price for a day, or charge less at night. A tariff is a list of
periods; of those that apply at a moment the last one counts. All times are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pricing.errors import Unpriced
from pricing.rates.rate_card import RateCard, merge_highest

_WEEK = frozenset(range(7))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of the day with their own price.

    Attributes:
        start, end: UTC, the end excluded. An end before the start is on the next day.
        weekdays: days on which the hours begin; Monday is 0.
    """

    start: time
    end: time
    weekdays: frozenset[int] = _WEEK

    def contains(self, moment: datetime) -> bool:
        """Return whether a moment lies within these hours."""
        clock = moment.time()
        if self.start <= self.end:
            return self.start <= clock < self.end and moment.weekday() in self.weekdays
        if clock >= self.start:
            return moment.weekday() in self.weekdays
        return clock < self.end and (moment.weekday() - 1) % 7 in self.weekdays

    def to_json(self) -> dict[str, Any]:
        """Return ISO times and a list of weekdays."""
        clocks = {"start": self.start.isoformat(), "end": self.end.isoformat()}
        return {**clocks, "weekdays": sorted(self.weekdays)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Hours:
        """Read what `to_json` returns."""
        start, end = time.fromisoformat(data["start"]), time.fromisoformat(data["end"])
        return cls(start, end, frozenset(data["weekdays"]))

    def __str__(self) -> str:
        """Format the hours for people, such as `01:00-04:00 UTC Mon-Fri`."""
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
    """A price, the day it starts (None: always) and the hours it applies (None: all)."""

    card: RateCard
    start: date | None = None
    hours: Hours | None = None

    def applies_at(self, moment: datetime) -> bool:
        """Return whether this price may apply at a moment."""
        if self.start is not None and moment.date() < self.start:
            return False
        return self.hours is None or self.hours.contains(moment)


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price of one (provider, model) at any time: the last period that applies counts."""

    periods: tuple[Period, ...]

    @classmethod
    def flat_rate(cls, card: RateCard) -> Tariff:
        """Return a tariff with a single price."""
        return cls((Period(card),))

    def card_at(self, moment: datetime) -> RateCard:
        """Return the price at a moment.

        Args:
            moment: with a time zone.

        Raises:
            Unpriced: the first period begins later.
        """
        moment = moment.astimezone(UTC)
        for period in reversed(self.periods):
            if period.applies_at(moment):
                return period.card
        card = self.periods[0].card
        raise Unpriced(f"{card.provider}/{card.model} has no price yet on {moment:%Y-%m-%d}")

    def highest_on(self, day: date) -> RateCard:
        """Return the price of a day, at its most expensive hour."""
        start = datetime.combine(day, time(), UTC)
        return self.highest_between(start, start + _DAY - timedelta(seconds=1))

    def highest_between(self, start: datetime, end: datetime | None) -> RateCard:
        """Return a card that bills at least as much as any price between two moments.

        Args:
            start: the first moment.
            end: the last one; None means any later moment.
        """
        moments = self._moments_to_check(start.astimezone(UTC), end and end.astimezone(UTC))
        return merge_highest(list(dict.fromkeys(self.card_at(moment) for moment in moments)))

    def has_started(self, day: date) -> bool:
        """Return whether any price is in force by a day."""
        return any(period.start is None or period.start <= day for period in self.periods)

    def typical(self, day: date) -> RateCard:
        """Return the price of the week starting on a day, at its most expensive hour.

        Special hours are included; a price that is announced for later is not.
        """
        if not self.special_hours:
            return self.highest_on(day)
        start = datetime.combine(day, time(), UTC)
        known = Tariff(tuple(p for p in self.periods if p.start is None or p.start <= day))
        return (known if known.periods else self).highest_between(start, start + 7 * _DAY)

    def map_cards(self, change: Callable[[RateCard], RateCard]) -> Tariff:
        """Return this tariff with every card transformed."""
        return Tariff(tuple(Period(change(p.card), p.start, p.hours) for p in self.periods))

    def first_increase(
        self, baseline: Tariff, start: datetime, end: datetime | None
    ) -> tuple[RateCard, RateCard, datetime] | None:
        """Return the first moment at which this tariff bills more than another in any class.

        Returns:
            the other's card, this one's, and the moment; None if it never does.
        """
        start, end = start.astimezone(UTC), end and end.astimezone(UTC)
        moments = {*self._moments_to_check(start, end), *baseline._moments_to_check(start, end)}
        for moment in sorted(moments):
            was, now = baseline.card_at(moment), self.card_at(moment)
            if now.classes_above(was):
                return was, now, moment
        return None

    def change_days(self, after: date) -> list[date]:
        """Return the days after a day on which a new price starts."""
        starts = {period.start for period in self.periods if period.start}
        return sorted(start for start in starts if start > after)

    @property
    def special_hours(self) -> list[Hours]:
        """The hours with their own price."""
        return list(dict.fromkeys(p.hours for p in self.periods if p.hours is not None))

    def change_moments(self, start: datetime, end: datetime) -> list[datetime]:
        """Return the moments after one, before another, from which another price may apply."""
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        days = (datetime.combine(day, time(), UTC) for day in self.change_days(start.date()))
        moments = {*self._moments_to_check(start, end), *days}
        return sorted(moment for moment in moments if start < moment < end)

    def _moments_to_check(self, start: datetime, end: datetime | None) -> Iterator[datetime]:
        """Yield moments that together cover every price of an interval."""
        days = (datetime.combine(day, time(), UTC) for day in self.change_days(start.date()))
        anchors = [start, *(day for day in days if end is None or day <= end)]
        yield from anchors
        clocks = {clock for hours in self.special_hours for clock in (hours.start, hours.end)}
        for anchor in anchors:
            for later in range(8):
                for clock in clocks:
                    moment = datetime.combine(anchor.date() + later * _DAY, clock, UTC)
                    if anchor <= moment and (end is None or moment <= end):
                        yield moment

    def to_json(self) -> list[dict[str, Any]]:
        """Return the periods as JSON."""
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
        """Read what `to_json` returns."""
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
