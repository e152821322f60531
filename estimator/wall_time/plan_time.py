"""Plan time: how long a plan's requests take, with what that rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from estimator.forecast import MEASURED, Stratum
from estimator.wall_time.account_limits import NO_LIMITS, AccountLimits, SeenLimits
from estimator.wall_time.batch_time import (
    BatchTime,
    count_rounds,
    find_batch_times,
    find_latest_end,
    find_work_time,
)
from estimator.wall_time.call_load import CallLoad, TokenTotal
from estimator.wall_time.speed import Speed, find_prior_speed, slow_to_flex
from estimator.wall_time.wall_time import Bound, WallTime
from estimator.workload import PlannedModel
from experiment.definition import SUBJECT
from pricing.catalog import ModelName
from pricing.rates import SERVICE_TIERS

_HOUR = 3600.0
(_FLEX,) = SERVICE_TIERS["flex"]


@dataclass(frozen=True, slots=True)
class PlanTime:
    """How long requests take, and what that rests on.

    Attributes:
        wall: the time.
        speeds: of each model, by its name with its provider.
        limits: the same for all of them, as the user knows them.
        seen: of some of them, as their answers stated them before, where the user says nothing.
        batches: provider -> the time of a batch of it, where some are sent.
        latest: after how many seconds the last batch ends at the latest; None without any.
    """

    wall: WallTime
    speeds: dict[str, Speed]
    limits: AccountLimits
    seen: Mapping[str, SeenLimits] = field(default_factory=dict)
    batches: Mapping[str, BatchTime] = field(default_factory=dict)
    latest: float | None = None

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
            "batches": {name: each.to_json() for name, each in self.batches.items()},
            "latest_hours": None if self.latest is None else round(self.latest / _HOUR, 5),
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
    batches: Mapping[str, BatchTime] | None = None,
    waits: Mapping[str, int] | None = None,
) -> PlanTime | None:
    """Return how long the requests of strata take; None where there are none.

    Args:
        strata: of a plan.
        models: written name -> planned model.
        concurrency: requests in flight, at most.
        limits: of each model.
        measured: name with its provider -> speed, of models of which calls were timed.
        seen: name with its provider -> its limits in an earlier run; those given come first.
        batches: provider -> how long its batches took here, where some were timed.
        waits: name of a judge -> how many stages it waits for, where those are more than one.
    """
    loads = list_loads(strata, models, waits)
    if not loads:
        return None
    speeds = find_speeds([each.model for each in loads if not each.in_batches], measured)
    flex = {str(each.name) for each in models.values() if _FLEX in each.offer.options}
    speeds |= {name: slow_to_flex(speeds[name]) for name in flex & speeds.keys()}
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
    times = find_batch_times(loads, batches)
    wall = find_work_time(loads, speeds, of_models, concurrency, times)
    latest = find_latest_end(loads, times) if times else None
    shown = {
        name: replace(time, rounds=max(count_rounds(x, time) for x in loads if x.is_batch_of(name)))
        for name, time in times.items()
    }
    return PlanTime(wall, speeds, limits, used, shown, latest)


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


def list_loads(
    strata: Iterable[Stratum],
    models: Mapping[str, PlannedModel],
    waits: Mapping[str, int] | None = None,
) -> list[CallLoad]:
    """Return the calls that each stage asks of each model.

    Args:
        strata: of a plan.
        models: written name -> planned model.
        waits: as of `find_plan_time`.
    """
    groups: dict[tuple[str, ModelName, bool], list[Stratum]] = {}
    for each in strata:
        model = models[each.model]
        groups.setdefault((each.stage, model.name, model.offer.is_batch), []).append(each)
    found = (
        replace(
            _sum_strata(own, stage, name),
            in_batches=in_batches,
            order=0 if stage == SUBJECT else (waits or {}).get(stage, 1),
        )
        for (stage, name, in_batches), own in groups.items()
    )
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
