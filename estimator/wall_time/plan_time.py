"""Plan time: how long a plan's requests take, with what that rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from estimator.forecast import MEASURED, Stratum
from estimator.wall_time.account_limits import NO_LIMITS, AccountLimits, SeenLimits
from estimator.wall_time.call_load import CallLoad, TokenTotal
from estimator.wall_time.speed import Speed, find_prior_speed
from estimator.wall_time.wall_time import Bound, WallTime, find_wall_time
from estimator.workload import PlannedModel
from pricing.catalog import ModelName

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class PlanTime:
    """How long requests take, and what that rests on.

    Attributes:
        wall: the time.
        speeds: of each model, by its name with its provider.
        limits: the same for all of them, as the user knows them.
        seen: of some of them, as their answers stated them before, where the user says nothing.
    """

    wall: WallTime
    speeds: dict[str, Speed]
    limits: AccountLimits
    seen: Mapping[str, SeenLimits] = field(default_factory=dict)

    @property
    def has_limits(self) -> bool:
        """Whether any limit is known."""
        return self.limits.is_known or bool(self.seen)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; hours as numbers, a 90 % range."""
        return {
            "hours": hours_to_json(self.wall),
            "bound_by": _bound_to_json(self.wall.bound_by),
            "bounds": [_bound_to_json(each) for each in self.wall.bounds],
            "concurrency": self.wall.concurrency,
            "requests_per_minute": self.limits.requests,
            "tokens_per_minute": self.limits.tokens,
            "limits_seen": [{"model": name} | each.to_json() for name, each in self.seen.items()],
            "speeds": speeds_to_json(self.speeds),
        }


class SecondsRange(Protocol):
    """A likely time in seconds, with the ends of its range."""

    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def likely(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102


def hours_to_json(time: SecondsRange) -> dict[str, float]:
    """Return a range of seconds as hours."""
    return {name: round(getattr(time, name) / _HOUR, 5) for name in ("low", "likely", "high")}


def speeds_to_json(speeds: Mapping[str, Speed]) -> list[dict[str, Any]]:
    """Return how fast models are taken to be, by their names with their providers, as JSON."""
    return [
        {
            "model": model,
            "first_token_seconds": round(speed.first, 3),
            "tokens_per_second": speed.tokens_a_second and round(speed.tokens_a_second, 1),
            "factor": round(speed.factor, 3),
            "basis": speed.basis,
            "source": speed.source,
        }
        for model, speed in speeds.items()
    ]


def _bound_to_json(bound: Bound) -> dict[str, Any]:
    return {
        "kind": bound.kind,
        "model": bound.model or None,
        "limit": bound.limit,
        "hours": hours_to_json(bound),
    }


def find_plan_time(  # noqa: PLR0913 - all that a time depends on
    strata: Iterable[Stratum],
    models: Mapping[str, PlannedModel],
    concurrency: int,
    limits: AccountLimits = NO_LIMITS,
    measured: Mapping[str, Speed] | None = None,
    seen: Mapping[str, SeenLimits] | None = None,
) -> PlanTime | None:
    """Return how long the requests of strata take; None where there are none.

    Args:
        strata: of a plan.
        models: written name -> planned model.
        concurrency: requests in flight, at most.
        limits: of each model.
        measured: name with its provider -> speed, of models of which calls were timed.
        seen: name with its provider -> its limits in an earlier run; those given come first.
    """
    loads = list_loads(strata, models)
    if not loads:
        return None
    speeds = find_speeds([each.model for each in loads], measured)
    used = {
        name: left
        for name, each in (seen or {}).items()
        if name in speeds and (left := each.without(limits))
    }
    of_models = dict.fromkeys(speeds, limits) | {
        name: AccountLimits(
            limits.requests or each.limits.requests, limits.tokens or each.limits.tokens
        )
        for name, each in used.items()
    }
    wall = find_wall_time(loads, speeds, of_models, concurrency)
    return PlanTime(wall, speeds, limits, used)


def find_speeds(
    names: Iterable[str], measured: Mapping[str, Speed] | None = None
) -> dict[str, Speed]:
    """Return the speed of each model: as it was timed, else its prior.

    Args:
        names: of the models with their providers.
        measured: speeds of models of which calls were timed.
    """
    timed = measured or {}
    return {name: timed.get(name) or find_prior_speed(name) for name in names}


def list_loads(strata: Iterable[Stratum], models: Mapping[str, PlannedModel]) -> list[CallLoad]:
    """Return the calls that each stage asks of each model.

    Args:
        strata: of a plan.
        models: written name -> planned model.
    """
    groups: dict[tuple[str, ModelName], list[Stratum]] = {}
    for each in strata:
        groups.setdefault((each.stage, models[each.model].name), []).append(each)
    found = (_sum_strata(own, stage, name) for (stage, name), own in groups.items())
    return [each for each in found if each.requests > 0]


def _sum_strata(strata: Sequence[Stratum], stage: str, name: ModelName) -> CallLoad:
    likely = sum(each.output.mean for each in strata)
    measured = sum(each.output.mean for each in strata if each.basis in MEASURED)
    return CallLoad(
        stage=stage,
        model=str(name),
        provider=name.provider,
        requests=sum(_count_requests(each) for each in strata),
        input_tokens=sum(each.input_tokens for each in strata),
        output=TokenTotal(
            min(sum(each.output.q05 for each in strata), likely),
            likely,
            max(sum(each.output.q95 for each in strata), likely),
        ),
        most_output=sum(each.output.ceiling for each in strata),
        measured=measured / likely if likely > 0 else 0.0,
    )


def _count_requests(stratum: Stratum) -> float:
    return stratum.requests if stratum.expected is None else stratum.expected
