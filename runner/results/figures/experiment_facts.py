"""What an experiment asks, as JSON: its title, models, factors, queries and judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from estimator.plan import Plan
from experiment.definition import SUBJECT, ExperimentSpec


def describe_experiment(spec: ExperimentSpec, plan: Plan, queries: Sequence[str]) -> dict[str, Any]:
    """Return what is asked of whom, and who judges.

    Args:
        spec: the experiment's fields as planned.
        plan: of the run, which names its models.
        queries: the text of each.
    """
    subjects = dict.fromkeys(each.model for each in plan.strata if each.stage == SUBJECT)
    return {
        "title": spec.title,
        "models": [_name_model(plan, written) for written in subjects],
        "factors": {name: list(levels) for name, levels in spec.factors.items()},
        "queries": len(queries),
        "samples": spec.samples,
        "answers": sum(each.requests for each in plan.strata if each.stage == SUBJECT),
        "judges": [
            {"name": judge.name, **_name_model(plan, judge.model), "votes": judge.samples}
            for judge in spec.judges
        ],
    }


def _name_model(plan: Plan, written: str) -> dict[str, str]:
    name = plan.models[written].name
    return {"provider": name.provider, "model": name.short_name}
