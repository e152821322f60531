"""`afcost run --by TIME`: batches where they are done by then, and cheaper hours waited for."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from afcost.by_time import choose_in_time
from afcost.commands.planning.earlier_answers import list_left, make_timer
from afcost.rendering import console as draw
from afcost.rendering.wall_time_view import describe_time
from afcost.rendering.ways_view import describe_by
from estimator.processing import Way, ask_models, choose_ways, find_later_start, list_ways
from estimator.wall_time import NO_LIMITS
from runner.launch import check_plan, find_study_progress

_clock, _sleep = partial(datetime.now, UTC), time.sleep  # tests wait for nothing
_LOOK = 30.0  # seconds between looks at the clock, which may be set meanwhile


def choose_batched_by(
    plan: Path, by: datetime, run_dir: Path | None, ledger: str | None, concurrency: int
) -> frozenset[str]:
    """Return the models that are asked in batches to be done by a time at the least cost.

    What the plan has in batches stays so. It first waits for cheaper hours from which the rest is
    done in time, where there are any while the approval holds.

    Args:
        plan: the plan file, approved.
        by: the time.
        run_dir: of the study; None for the plan's own.
        ledger: the address of a shared ledger, from which no batches are sent.
        concurrency: calls in flight, at most.

    Raises:
        Refused: nothing is done by then; it says what is possible.
    """
    now = datetime.now().astimezone()
    checked = check_plan(plan, now, run_dir, ledger)
    planned, verified = checked.plan, checked.verified
    until = checked.approval.until
    is_shared = checked.ledger_location.is_shared
    progress = None
    if not is_shared:
        progress = find_study_progress(
            planned, verified.experiment, verified.models, checked.folder
        )
    strata = [each for each in list_left(planned, progress) if each.requests]
    models = {each.model: verified.models[each.model] for each in strata}
    allowed = frozenset[Way]() if is_shared else frozenset({Way.BATCH})
    ways = list_ways(verified.experiment, models, strata, verified.book, now.date(), allowed)
    how = (verified.experiment, progress, checked.folder, concurrency, NO_LIMITS)
    find_time = make_timer(planned, *how)
    chosen = choose_in_time(lambda seconds: choose_ways(models, ways, find_time, seconds), by)
    if chosen.time is not None:
        asked = ask_models(models, chosen.ways)
        end = min(by, until or by)
        later = find_later_start(strata, asked, now, end, chosen.time.wall.high)
        for line in (*describe_by(asked, by, later), next(describe_time(chosen.time))):
            draw.print_text(draw.stderr(), line)
        if later is not None:
            _wait_until(later.at)
    return frozenset(name for name, each in chosen.ways.items() if each.way is Way.BATCH)


def _wait_until(moment: datetime) -> None:
    at = moment.astimezone()
    draw.print_text(draw.stderr(), f"waiting until {at:%Y-%m-%d %H:%M}; Ctrl-C ends it")
    while (left := (moment - _clock()).total_seconds()) > 0:
        _sleep(min(left, _LOOK))
