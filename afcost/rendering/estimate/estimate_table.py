"""The table of an estimate: what each stage of each model sends, writes and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from afcost.rendering import console as draw
from estimator.forecast import CostRange, Stratum
from estimator.plan import Plan
from experiment.definition import SUBJECT

if TYPE_CHECKING:  # an experiment's estimate needs nothing of it
    from estimator.recorded import ProgramPlan

_HEADER = ["stage", "model", "calls", "in", "out", "likely", "90% range", "ceiling"]
FIGURES = 6  # columns, the last ones


def name_columns(*, by_condition: bool) -> list[str]:
    """Return the names of the columns; the last ones are `FIGURES`."""
    return _HEADER[:2] + (["condition"] if by_condition else []) + _HEADER[2:]


def build_rows(plan: Plan | ProgramPlan, *, by_condition: bool) -> list[list[str]]:
    """Return a row of each stage of each model, or of each of its conditions, and the total."""
    rows = []
    groups = sorted(plan.groups.items(), key=lambda group: group[0][0] != SUBJECT)
    for (stage, model), cost in groups:  # the judges below the models that they judge
        strata = [s for s in plan.strata if (s.stage, s.model) == (stage, model)]
        name = str(plan.models[model].name)
        if by_condition:
            rows += [[stage, name, s.condition, *_format_figures([s], s.cost)] for s in strata]
        else:
            rows.append([stage, name, *_format_figures(strata, cost)])
    first = ["total", "", ""] if by_condition else ["total", ""]
    return [*rows, [*first, *_format_figures(list(plan.strata), plan.total)]]


def _format_figures(strata: list[Stratum], cost: CostRange) -> list[str]:
    exact = all(stratum.exactness == "exact" for stratum in strata)
    return [
        f"{sum(stratum.requests for stratum in strata):,}",
        ("" if exact else "~")
        + draw.format_tokens(sum(stratum.input_tokens for stratum in strata)),
        "~" + draw.format_tokens(sum(stratum.output.mean for stratum in strata)),
        draw.format_dollars(cost.mean),
        f"{draw.format_dollars(cost.q05)} – {draw.format_dollars(cost.q95)}",
        draw.format_dollars(cost.ceiling),
    ]
