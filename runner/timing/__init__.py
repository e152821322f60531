"""How fast models answer, by the calls of runs; how long the rest of a run takes.

Reading order: `known_speeds` (of the models of a plan, from the runs on this machine), `run_pace`
(how fast a run goes on), `rest_time` (when it ends).
"""

from runner.timing.known_speeds import find_known_speeds
from runner.timing.rest_time import TimeLeft, find_time_left
from runner.timing.run_pace import RunPace

__all__ = ["RunPace", "TimeLeft", "find_known_speeds", "find_time_left"]
