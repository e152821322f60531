"""How long an experiment takes, as a range, and what bounds it.

Reading order: `speed` (how fast a model answers, by `rates.yaml` or by calls that were timed),
`account_limits` (what a provider lets an account send), `call_load` (the calls that a model is
asked), `last_answers` (how long a run waits at its end), `wall_time` (the formula), `batch_time`
(of batches, and with calls beside them), `plan_time` (of a plan).
"""

from estimator.wall_time.account_limits import NO_LIMITS, AccountLimits, SeenLimits
from estimator.wall_time.batch_time import (
    BatchTime,
    find_batch_times,
    find_latest_end,
    find_work_time,
)
from estimator.wall_time.call_load import CallLoad, TokenTotal
from estimator.wall_time.last_answers import find_last_wait
from estimator.wall_time.plan_time import (
    PlanTime,
    SecondsRange,
    find_plan_time,
    find_speeds,
    hours_to_json,
    list_loads,
    speeds_to_json,
)
from estimator.wall_time.speed import MOST_TIMED, Z90, Speed, TimedCall, find_prior_speed, fit_speed
from estimator.wall_time.wall_time import Bound, WallTime, find_wall_time

__all__ = [
    "MOST_TIMED",
    "NO_LIMITS",
    "Z90",
    "AccountLimits",
    "BatchTime",
    "Bound",
    "CallLoad",
    "PlanTime",
    "SecondsRange",
    "SeenLimits",
    "Speed",
    "TimedCall",
    "TokenTotal",
    "WallTime",
    "find_batch_times",
    "find_last_wait",
    "find_latest_end",
    "find_plan_time",
    "find_prior_speed",
    "find_speeds",
    "find_wall_time",
    "find_work_time",
    "fit_speed",
    "hours_to_json",
    "list_loads",
    "speeds_to_json",
]
