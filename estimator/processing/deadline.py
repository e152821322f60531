"""A deadline: the cheapest ways to ask all models that are done by then, likely.

A model costs least in batches and takes least time by calls. Of all combinations the cheapest is
taken whose time is short enough at the high end of its 90 % range. Many models are chosen for
together where they have the same choice.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from estimator.errors import EstimatorError
from estimator.processing.way import Way, WayOffer, ask_models
from estimator.wall_time import PlanTime
from estimator.workload import PlannedModel

_MOST = 2000  # combinations, each of which is timed

FindTime = Callable[[Mapping[str, PlannedModel]], PlanTime | None]


class NotInTime(EstimatorError):
    """Nothing that can be done is done by the time that was asked for.

    Attributes:
        fastest: how long it takes at least, in seconds, at the high end of its range.
    """

    def __init__(self, text: str, fastest: float) -> None:
        super().__init__(text)
        self.fastest = fastest


@dataclass(frozen=True, slots=True)
class ChosenWays:
    """How all models are asked.

    Attributes:
        ways: written name -> how it is asked.
        time: how long that takes; None where nothing is left.
    """

    ways: dict[str, WayOffer]
    time: PlanTime | None

    def as_written(self) -> tuple[str, ...]:
        """Return the ways as `Overrides` has them."""
        return tuple(f"{written}={each.way.value}" for written, each in sorted(self.ways.items()))

    @property
    def cost(self) -> float:
        """What all requests likely cost, in US dollars."""
        return sum(each.cost for each in self.ways.values())


def choose_ways(
    models: Mapping[str, PlannedModel],
    offers: Mapping[str, Sequence[WayOffer]],
    find_time: FindTime,
    seconds: float,
) -> ChosenWays:
    """Return the cheapest ways to ask models that are done in time.

    Args:
        models: written name -> planned model.
        offers: written name -> its ways.
        find_time: models -> how long their requests take.
        seconds: until the deadline.

    Raises:
        NotInTime: none are.
    """
    fastest = math.inf
    for ways in sorted(_list_combinations(offers), key=_order_by_cost):
        time = find_time(ask_models(models, ways))
        high = 0.0 if time is None else time.wall.high
        if high <= seconds:
            return ChosenWays(ways, time)
        fastest = min(fastest, high)
    raise NotInTime("no way to ask the models is done by then", fastest)


def _list_combinations(
    offers: Mapping[str, Sequence[WayOffer]],
) -> Iterator[dict[str, WayOffer]]:
    """Yield all combinations of ways; of many models those with the same choice go together."""
    groups = [[written] for written in offers]
    if math.prod([len(each) for each in offers.values()]) > _MOST:
        alike: dict[tuple[Way, ...], list[str]] = {}
        for written, own in offers.items():
            alike.setdefault(tuple(sorted(each.way for each in own)), []).append(written)
        groups = list(alike.values())
    choices = [sorted(each.way for each in offers[group[0]]) for group in groups]
    for chosen in itertools.product(*choices):
        yield {
            written: next(each for each in offers[written] if each.way is way)
            for group, way in zip(groups, chosen, strict=True)
            for written in group
        }


def _order_by_cost(ways: Mapping[str, WayOffer]) -> tuple[float, int]:
    """Return what orders combinations: by their cost, then those with fewer batches first."""
    batches = sum(each.way is Way.BATCH for each in ways.values())
    return round(sum(each.cost for each in ways.values()), 9), batches
