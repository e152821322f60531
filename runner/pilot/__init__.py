"""A pilot: a few queries of each stratum of a study run first, and its forecast rests on them."""

from runner.pilot.course import LEAST_QUERIES, PilotGoal
from runner.pilot.look import Look
from runner.pilot.new_plan import name_pilot_plan, write_pilot_plan
from runner.pilot.outline import PilotOutline, PilotSize, outline_pilot
from runner.pilot.pilot_run import PilotRun, run_pilot

__all__ = [
    "LEAST_QUERIES",
    "Look",
    "PilotGoal",
    "PilotOutline",
    "PilotRun",
    "PilotSize",
    "name_pilot_plan",
    "outline_pilot",
    "run_pilot",
    "write_pilot_plan",
]
