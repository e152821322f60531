"""Evaluations of Inspect under a cap: how Inspect is started, and what came of it.

Reading order: `arguments` (the options that Inspect is started with), `asked_models` (which models
they name), `checks`, `inspect_child` (a script: Inspect, which asks for the money of whole
samples), `started_child` (how it is started), `evaluation_end` (what its logs say), `inspected_run`
(all of it), `inspect_rehearsal`.
"""

from runner.inspected.arguments import InspectOptions, find_evaluation
from runner.inspected.asked_models import find_asked_models
from runner.inspected.evaluation_end import EvaluationEnd, TaskEnd
from runner.inspected.inspect_rehearsal import rehearse_inspect
from runner.inspected.inspected_run import InspectedRun, run_inspect

__all__ = [
    "EvaluationEnd",
    "InspectOptions",
    "InspectedRun",
    "TaskEnd",
    "find_asked_models",
    "find_evaluation",
    "rehearse_inspect",
    "run_inspect",
]
