"""How models are asked to be done by a time, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from afcost.rendering import console as draw
from afcost.rendering.durations import format_duration
from estimator.processing import LaterStart, NotInTime, Way, find_way
from estimator.workload import PlannedModel
from pricing.money import money_from_float


def describe_by(
    models: Mapping[str, PlannedModel], by: datetime, later: LaterStart | None = None
) -> Iterator[str]:
    """Yield in lines which models are asked how, and which hours are cheaper.

    Args:
        models: written name -> planned model.
        by: when all is to be done.
        later: the start at cheaper hours, if any.
    """
    ways = {str(model.name): find_way(model).value for model in models.values()}
    yield f"by {by:%Y-%m-%d %H:%M}: {_list_ways(ways)}"
    if later is not None:
        yield (
            f"off-peak: begun at {later.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC it likely costs "
            f"{draw.format_dollars(later.cost)} instead of {draw.format_dollars(later.now)}; "
            "afcost run --by waits for that"
        )


def describe_late(late: NotInTime, by: datetime, now: datetime) -> str:
    """Return that nothing is done by a time, and what is possible."""
    soonest = (now + timedelta(seconds=late.fastest)).replace(second=0) + timedelta(minutes=2)
    return (
        f"--by {by:%Y-%m-%d %H:%M}: nothing is likely done by then; the fastest way takes up to "
        f"{format_duration(late.fastest)} in 90% of cases. Possible: --by "
        f"{soonest:%Y-%m-%dT%H:%M} or later, a higher --concurrency, or fewer queries"
    )


def describe_ways(ways: Mapping[str, str]) -> Iterator[str]:
    """Yield in a line which models are asked how, where not all are by calls."""
    if set(ways.values()) - {Way.CALLS.value}:
        yield f"asked: {_list_ways(ways)}"


def _list_ways(ways: Mapping[str, str]) -> str:
    by_way: dict[str, list[str]] = {}
    for name, way in ways.items():
        by_way.setdefault(way, []).append(name)
    return "; ".join(f"{way} {', '.join(names)}" for way, names in sorted(by_way.items()))


def by_to_json(
    models: Mapping[str, PlannedModel], by: datetime, later: LaterStart | None
) -> dict[str, Any]:
    """Return the same as JSON; money as decimal strings of US dollars."""
    return {
        "time": by.isoformat(timespec="seconds"),
        "ways": [
            {"model": str(model.name), "way": find_way(model).value} for model in models.values()
        ],
        "off_peak": later
        and {
            "start": later.at.isoformat(timespec="seconds"),
            "likely_usd": money_from_float(later.cost).to_decimal_string(),
            "now_usd": money_from_float(later.now).to_decimal_string(),
        },
    }
