"""How fast models answer, by the calls of runs; how long the rest of a run takes.

Reading order: `known_speeds` (of the models of a plan, from the runs on this machine),
`known_batches` (the same of their providers' batches), `run_pace`
(how fast a run goes on), `rest_time` (when it ends), `batch_ends` (the same of its batches).
"""

from runner.timing.batch_ends import (
    AwayBatch,
    find_batches_left,
    find_longer,
    find_rooms,
    find_times,
    list_away,
)
from runner.timing.known_batches import find_known_batches, fit_batch_time
from runner.timing.known_speeds import find_known_speeds
from runner.timing.rest_time import TimeLeft, find_time_left
from runner.timing.run_pace import RunPace

__all__ = [
    "AwayBatch",
    "RunPace",
    "TimeLeft",
    "find_batches_left",
    "find_known_batches",
    "find_known_speeds",
    "find_longer",
    "find_rooms",
    "find_time_left",
    "find_times",
    "fit_batch_time",
    "list_away",
]
