"""The plan of a program: what its calls cost, and everything that an approval covers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from estimator.forecast import CostRange, Stratum
from estimator.plan import model_to_json, stratum_to_json
from estimator.recorded.stages import OTHER_STAGE, PromptParts, Stage, find_stage
from estimator.workload import PlannedModel


@dataclass(frozen=True, slots=True)
class ProgramPlan:
    """A planned program.

    Attributes:
        study: the name under which its money and answers are stored.
        command: that was rehearsed; of a log, empty.
        recording: sha256 of the file of its calls; empty where that is not kept.
        default_limit: output tokens of a call that says no limit; None for the model's largest.
        prices: the user's own, as `--price` writes them.
        models: name as `provider/model` -> model with its pinned prices.
        stages: by which its calls are told apart.
        strata, groups, total: the forecast; groups by (stage, model).
        assumptions, warnings: what a reader must know.
        problems: why calls may be missing; the forecast is a part then.
    """

    study: str
    command: tuple[str, ...]
    recording: str
    default_limit: int | None
    prices: tuple[str, ...]
    models: Mapping[str, PlannedModel]
    stages: tuple[Stage, ...]
    strata: tuple[Stratum, ...]
    groups: Mapping[tuple[str, str], CostRange]
    total: CostRange
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Return the sha256 of its content: what is approved."""
        written = json.dumps(program_plan_json(self), sort_keys=True)
        return hashlib.sha256(written.encode()).hexdigest()

    @property
    def calls(self) -> int:
        """Return how many calls are planned."""
        return sum(stratum.requests for stratum in self.strata)

    def list_strata(self, stage: str, model: str) -> Sequence[Stratum]:
        """Return the strata of a stage and a model."""
        return [each for each in self.strata if (each.stage, each.model) == (stage, model)]

    def name_stage(self, label: str, parts: PromptParts) -> str:
        """Return the name of the planned stage that a call is of, or that it is of another."""
        found = find_stage(self.stages, label, parts)
        return found.name if found else OTHER_STAGE


def program_plan_json(plan: ProgramPlan) -> dict[str, Any]:
    """Return a plan's content as JSON, without its schema and digest."""
    return {
        "study": plan.study,
        "command": list(plan.command),
        "recording": plan.recording,
        "default_max_tokens": plan.default_limit,
        "prices": list(plan.prices),
        "models": {name: model_to_json(each) for name, each in sorted(plan.models.items())},
        "stages": [stage.to_json() for stage in plan.stages],
        "strata": [stratum_to_json(each) for each in plan.strata],
        "groups": [[*pair, cost.to_json()] for pair, cost in plan.groups.items()],
        "total": plan.total.to_json(),
        "assumptions": list(plan.assumptions),
        "warnings": list(plan.warnings),
        "problems": list(plan.problems),
    }
