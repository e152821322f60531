"""The section of a report that holds the forecast against what the run came to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from afcost.rendering.console import format_dollars
from afcost.rendering.report.blocks import Paragraph, Section, Table
from estimator.forecast import LEVELS, RangeOutcome, compare_with_range, join_bases
from pricing.money import Money
from runner.results import Report


def compose_forecast(report: Report) -> list[Section]:
    """Return the section; none of a run that is not complete, or was forecast without a range.

    Its rows are the stages of each model over their conditions. How each condition's own stratum
    did stands beside its cost, and how the total did below the costs.
    """
    total = report.total_outcome
    if total is None or not total.has_range:
        return []
    levels = [level for level in LEVELS if total.is_inside(level) is not None]
    header = ["stage", "model", "basis", "90% range", "actual", "/ likely"]
    rows = [[*names, *_list_cells(each, levels)] for names, each in _list_groups(report)]
    rows.append(["total", "", *_list_cells(total, levels)])
    strata = [outcome for _, outcome in report.stratum_outcomes]
    lines = tuple(_describe_strata(strata, levels))
    header += [f"{level}%" for level in levels]
    table = Table(header, rows, 2, has_total=True, has_groups=False)
    return [Section("forecast against actual", (Paragraph(lines), table))]


def _list_groups(report: Report) -> Iterator[tuple[tuple[str, str], RangeOutcome]]:
    """Yield each stage and model with its forecast over all conditions, and what that came to."""
    plan = report.run_folder.plan
    for (stage, model), planned in plan.groups.items():
        strata = [
            each for each in report.strata if (each[0].stage, each[0].model) == (stage, model)
        ]
        actual = sum((found.cost for _, found in strata), Money())
        basis = join_bases({each.basis for each, _ in strata})
        yield (stage, str(plan.models[model].name)), compare_with_range(planned, actual, basis)


def _describe_strata(strata: Sequence[RangeOutcome], levels: Iterable[int]) -> Iterator[str]:
    """Yield how many strata were inside each of their ranges, by basis."""
    ranged = [each for each in strata if each.has_range]
    for basis in dict.fromkeys(each.basis for each in ranged):
        own = [each for each in ranged if each.basis == basis]
        inside = ", ".join(
            f"{sum(each.is_inside(level) is True for each in own)} in their {level}% range"
            for level in levels
        )
        yield f"of {len(own)} {'stratum' if len(own) == 1 else 'strata'} by {basis}: {inside}"


def _list_cells(outcome: RangeOutcome, levels: Iterable[int]) -> list[str]:
    low, high = (outcome.quantiles[name] for name in ("q05", "q95"))
    return [
        outcome.basis,
        f"{format_dollars(low)} – {format_dollars(high)}",
        format_dollars(outcome.actual),
        f"x{outcome.actual.as_float / outcome.likely:.2f}" if outcome.likely else "",
        *(_place(outcome, level) if outcome.has_range else "" for level in levels),
    ]


def _place(outcome: RangeOutcome, level: int) -> str:
    """Return whether the actual cost is inside a range, or on which side of it."""
    if outcome.is_inside(level):
        return "inside"
    return "above" if outcome.actual.as_float > outcome.quantiles["q50"] else "below"
