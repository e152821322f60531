"""How fast models answer, by the calls of runs; how long the rest of a run takes.

Reading order: `known_speeds` (of the models of a plan, from the runs on this machine),
`known_batches` (the same of their providers' batches), `run_pace`
(how fast a run goes on), `rest_time` (when it ends).
"""

from runner.timing.known_batches import find_known_batches, fit_batch_time
from runner.timing.known_speeds import find_known_speeds
from runner.timing.rest_time import TimeLeft, find_time_left
from runner.timing.run_pace import RunPace

__all__ = [
    "RunPace",
    "TimeLeft",
    "find_known_batches",
    "find_known_speeds",
    "find_time_left",
    "fit_batch_time",
]
