"""`--by TIME`: ask models the cheapest way that is done by then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from afcost.commands.planning.earlier_answers import find_progress, list_left, make_timer
from afcost.errors import Refused
from afcost.rendering.ways_view import describe_late
from estimator.forecast import Stratum
from estimator.plan import Estimate
from estimator.processing import (
    ChosenWays,
    FindTime,
    LaterStart,
    NotInTime,
    Way,
    choose_ways,
    find_later_start,
    list_ways,
)
from estimator.wall_time import AccountLimits, PlanTime


def choose_by(
    estimate: Estimate, strata: Sequence[Stratum], find_time: FindTime, by: datetime
) -> ChosenWays:
    """Return the cheapest ways to ask an experiment's models that are done by a time.

    Args:
        estimate: of the experiment.
        strata: what is left of it.
        find_time: finds how long it takes.
        by: the time.

    Raises:
        Refused: nothing is done by then; it says what is possible.
    """
    plan = estimate.plan
    is_begun = sum(each.requests for each in strata) < plan.request_count
    # Calls of another tier are other requests: what is answered already would be paid again.
    allowed = frozenset(Way) - ({Way.FLEX} if is_begun else set())
    models = {written: plan.models[written] for written in {each.model for each in strata}}
    ways = list_ways(estimate.experiment, models, strata, estimate.book, estimate.run_date, allowed)
    now = datetime.now().astimezone()
    try:
        return choose_ways(models, ways, find_time, (by - now).total_seconds())
    except NotInTime as late:
        raise Refused(describe_late(late, by, now)) from late


def find_ways_by(
    estimate: Estimate,
    by: datetime,
    run_dir: Path | None,
    concurrency: int,
    limits: AccountLimits,
) -> tuple[str, ...]:
    """Return the ways that are done by a time, as `Overrides` has them.

    Args:
        estimate: of the experiment as its file is.
        by: the time.
        run_dir: of its study; None for the default.
        concurrency: calls in flight, at most.
        limits: of each model.

    Raises:
        Refused: nothing is done by then.
    """
    progress = find_progress(estimate, run_dir)
    strata = list_left(estimate.plan, progress)
    how = (estimate.experiment, progress, run_dir, concurrency, limits)
    return choose_by(estimate, strata, make_timer(estimate.plan, *how), by).as_written()


def find_cheaper_hours(
    estimate: Estimate, strata: Sequence[Stratum], time: PlanTime | None, by: datetime | None
) -> LaterStart | None:
    """Return the cheapest later start from which a plan is done by a time; None without any."""
    if time is None or by is None:
        return None
    now = datetime.now().astimezone()
    return find_later_start(strata, estimate.plan.models, now, by, time.wall.high)
