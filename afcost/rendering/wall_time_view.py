"""How long a plan takes, in words: the range, what bounds it, and what that rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from afcost.rendering.durations import format_duration, format_range
from estimator.wall_time import PlanTime, SeenLimits, Speed

_USUAL_ROUNDS = 2  # of batches: a small one, whose bill is awaited, then the rest


def describe_time(time: PlanTime, of: str = "time") -> Iterator[str]:
    """Yield in lines how long a plan takes, and what that rests on.

    Args:
        time: of the plan, or of its rest.
        of: what that is.
    """
    wall = time.wall
    likely = format_duration(wall.likely)
    yield f"{of}: likely {likely}, 90% {format_range(wall)}, limited by {describe_bound(time)}"
    if time.speeds and not time.has_limits:
        yield "      your rate limits are not known before providers answer: give --rpm, --tpm"
    yield from _describe_batches(time)
    yield from _describe_seen(time.seen)
    yield from describe_speeds(time.speeds)


def _describe_batches(time: PlanTime) -> Iterator[str]:
    """Yield how long batches take, those of the same time together, and when all end at last."""
    if time.latest is None:
        return
    said: dict[str, list[str]] = {}
    for provider, each in time.batches.items():
        basis = "timed in earlier runs" if each.basis == "history" else f"a {each.basis}"
        basis = each.basis if each.basis == "documented" else basis
        pace = f"{format_duration(each.likely)}, 90% {format_range(each)} ({basis})"
        if each.rounds > _USUAL_ROUNDS:
            pace += f"; {each.rounds} follow each other, as no more tokens may wait there"
        said.setdefault(pace, []).append(provider)
    yield from (f"batch: one at {', '.join(names)} takes {pace}" for pace, names in said.items())
    yield f"       at the latest all end, or expire, within {format_duration(time.latest)}"


def _describe_seen(seen: Mapping[str, SeenLimits]) -> Iterator[str]:
    for model, each in seen.items():
        stated = " and ".join(f"{limit:,.12g} {unit}" for unit, limit in each.limits.list_known())
        yield f"limits seen on {each.day}: {stated} a minute to {model}"


def describe_speeds(speeds: Mapping[str, Speed]) -> Iterator[str]:
    """Yield in lines how fast models are taken to be, those of the same speed together."""
    said: dict[str, list[str]] = {}
    for model, speed in speeds.items():
        said.setdefault(_describe_speed(speed), []).append(model)
    yield from (f"speed: {', '.join(models)} {speed}" for speed, models in said.items())


def describe_bound(time: PlanTime) -> str:
    """Return what bounds a plan's time."""
    bound = time.wall.bound_by
    match bound.kind:
        case "concurrency":
            return f"{bound.limit:,.0f} in flight (--concurrency)"
        case "answer_time":
            return f"the longest answers of {bound.model}, however many are in flight"
        case "batch":
            return f"batches of {bound.model}"
        case kind:
            unit = kind.partition("_")[0]
            return f"{bound.limit:,.12g} {unit} a minute to {bound.model}"


def _describe_speed(speed: Speed) -> str:
    rate = speed.tokens_a_second
    pace = "" if rate is None else f", then {rate:,.0f} tokens/s"
    basis = {"history": "timed in earlier runs", "pilot": "timed in this study"}.get(
        speed.basis, f"a {speed.basis}" if speed.basis == "prior" else speed.basis
    )
    return f"{speed.first:.1f} s{pace} ({basis}, x/÷{speed.factor:.1f})"
