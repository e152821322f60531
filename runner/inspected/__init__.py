"""Evaluations of Inspect under a cap: how Inspect is started, and what came of it.

Reading order: `asked_models` (which models its options name), `arguments` (the options that it is
started with), `inspect_child` (a script: Inspect, which asks for the money of whole samples),
`evaluation_end` (what its logs say), `inspected_run` (all of it).
"""

from runner.inspected.arguments import InspectOptions
from runner.inspected.asked_models import AskedModel, find_asked_models
from runner.inspected.evaluation_end import EvaluationEnd, TaskEnd
from runner.inspected.inspected_run import InspectedRun, run_inspect

__all__ = [
    "AskedModel",
    "EvaluationEnd",
    "InspectOptions",
    "InspectedRun",
    "TaskEnd",
    "find_asked_models",
    "run_inspect",
]
