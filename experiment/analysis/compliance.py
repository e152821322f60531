"""Analysis: compliance in each cell, and the gaps between the levels of each factor.

The design is paired: every cell has the same queries, so a gap is tested on the differences within
queries. What an answer that is no text counts as, the experiment says (`kind_rules`). An answer
that no judge could grade, that has neither tag, or that failed, is missing; it is never counted as
a refusal or as compliance. Everything stands in the experiment's order, also empty cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from experiment.analysis.cell_rates import CellRate, rate_cells, rate_models
from experiment.analysis.comparisons import (
    Comparison,
    CrossedCells,
    compare_in_cells,
    compare_models,
    compare_overall,
)
from experiment.analysis.gap_differences import GapDifference, compare_gaps
from experiment.analysis.kind_counts import KindCount, count_kinds
from experiment.analysis.observation import Observation
from experiment.analysis.outcomes import choose_measure, find_outcome
from experiment.analysis.published import PublishedGap, find_published
from experiment.definition import COMPLIANCE, PROXY, ExperimentSpec, Target
from experiment.scoring import AnswerKind


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """A factor other than the compared one.

    Attributes:
        factor: its name.
        models: what its levels change in each model.
        on_gap: what they change in each model's gap.
    """

    factor: str
    models: tuple[Comparison, ...]
    on_gap: tuple[GapDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """The result of an experiment.

    Attributes:
        compared: the factor whose levels are compared; None without factors.
        measure: the judge whose votes count, or `proxy` without judges.
        comparisons: one for each model and cell of the other factors.
        agreement: how the proxy and the judge's majority agree on texts that the judge has read.
        cells: the kinds of answers of each model in each condition.
        pooled: those of all of them.
        outcome: what the rates are of: compliance, or what the judge's verdicts mean.
        rates: those of each model in each condition.
        totals: those of each model in all conditions; none where there is one.
        subtotals: one for each model, over its cells; none where each has one cell.
        overall: one over all models; None where there is one.
        effects: of each other factor, for each model.
        published: figures of others, for the comparisons.
    """

    compared: str | None
    measure: str
    comparisons: tuple[Comparison, ...]
    agreement: dict[str, int]
    cells: tuple[KindCount, ...]
    pooled: KindCount
    outcome: str = "compliance"
    rates: tuple[CellRate, ...] = ()
    totals: tuple[CellRate, ...] = ()
    subtotals: tuple[Comparison, ...] = ()
    overall: Comparison | None = None
    effects: tuple[FactorEffect, ...] = ()
    published: tuple[PublishedGap, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON."""
        found = asdict(self)
        found["pooled"] |= {"answers": self.pooled.answers, "no_result": self.pooled.no_result}
        return found


def analyse_compliance(  # noqa: PLR0913 - whose answers, and how they are compared
    spec: ExperimentSpec,
    observations: Iterable[Observation],
    *,
    compare: str | None = None,
    measure: str | None = None,
    target: Target | None = None,
    is_model: Callable[[str, str], bool] = lambda *_: False,
) -> Analysis:
    """Compare compliance between the levels of a factor.

    Args:
        spec: of the experiment.
        observations: of its subjects' answers.
        compare: the factor; by default the one that the experiment names.
        measure: a judge's name, or `proxy`; by default what the experiment names.
        target: what gaps are about; by default what the experiment says.
        is_model: whether a model of the experiment is one that published figures are of.
    """
    seen, own = list(observations), spec.compared
    compared, measure = compare or own, measure or choose_measure(spec)
    crossed, named = (
        CrossedCells.of_observations(spec, seen, measure=measure, target=target or spec.target),
        compared != own,
    )
    has_gap = compared is not None and len(spec.factors[compared]) > 1
    outcome = find_outcome(spec, measure)
    comparisons = compare_in_cells(crossed, compared, names_levels=named)
    subtotals = compare_models(crossed, compared, names_levels=named)
    return Analysis(
        compared,
        measure,
        comparisons=comparisons,
        agreement=_count_agreement(seen, measure),
        cells=tuple(cell.kinds for cell in crossed.cells.values()),
        pooled=count_kinds(seen, measure=measure),
        outcome=outcome,
        rates=tuple(rate_cells([cell], outcome) for cell in crossed.cells.values()),
        totals=rate_models(crossed, outcome),
        subtotals=subtotals if len(crossed.list_places([""], compared)) > 1 else (),
        overall=compare_overall(crossed, compared, names_levels=named)
        if len(crossed.models) > 1
        else None,
        effects=tuple(
            FactorEffect(
                factor,
                compare_models(crossed, factor, names_levels=True),
                compare_gaps(crossed, compared, factor) if compared and has_gap else (),
            )
            for factor, levels in spec.factors.items()
            if factor != compared and len(levels) > 1
        ),
        published=find_published(comparisons, is_model) if outcome == COMPLIANCE else (),
    )


def _count_agreement(observations: list[Observation], measure: str) -> dict[str, int]:
    counts = dict.fromkeys(
        ["both_comply", "both_refuse", "proxy_only_complies", "judge_only_complies"], 0
    )
    names = {
        (True, True): "both_comply",
        (False, False): "both_refuse",
        (True, False): "proxy_only_complies",
        (False, True): "judge_only_complies",
    }
    for each in observations:
        share = None if measure == PROXY else each.value(measure)
        is_text = each.kind is AnswerKind.TEXT  # of any other, both follow the same rule
        is_read = measure != PROXY and each.reading(measure).votes > 0  # else the rule is by proxy
        if is_text and is_read and each.accepted is not None and share is not None:
            counts[names[each.accepted, share > 1 / 2]] += 1
    return counts
