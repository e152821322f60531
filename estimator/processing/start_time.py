"""The start of a run: the cheapest hour from which it is done in time, where prices have hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from estimator.forecast import Stratum, price_strata
from estimator.workload import PlannedModel

_NOTABLE = 0.99  # of the cost now; a smaller difference is not waited for


@dataclass(frozen=True, slots=True)
class LaterStart:
    """A start at an hour at which prices are lower.

    Attributes:
        at: when, in UTC.
        cost: of all requests then, likely, in US dollars.
        now: the same from now on.
    """

    at: datetime
    cost: float
    now: float


def find_later_start(
    strata: Sequence[Stratum],
    models: Mapping[str, PlannedModel],
    now: datetime,
    by: datetime,
    seconds: float,
) -> LaterStart | None:
    """Return the cheapest start at which requests are done in time; None where that is now.

    Args:
        strata: the requests.
        models: written name -> planned model.
        now: with a time zone.
        by: when they are to be done.
        seconds: that they take at most, likely.
    """
    takes = timedelta(seconds=seconds)
    latest = by - takes

    def price_from(start: datetime) -> float:
        return sum(
            price_strata(
                [each for each in strata if each.model == written and each.requests],
                model.offer.tariff.highest_between(start, start + takes),
            )
            for written, model in models.items()
        )

    starts = {
        moment
        for model in models.values()
        for moment in model.offer.tariff.change_moments(now, latest)
    }
    cost_now = price_from(now)
    cost, at = min(
        ((price_from(start), start) for start in sorted(starts)), default=(cost_now, now)
    )
    return LaterStart(at, cost, cost_now) if cost < _NOTABLE * cost_now else None
