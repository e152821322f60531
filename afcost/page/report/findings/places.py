"""Where the gaps and rates of an analysis stand in the report's JSON, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from experiment.analysis import Analysis, CellRate, Comparison, ComplianceGap
from experiment.definition import ExperimentSpec, cross_factors


@dataclass(frozen=True, slots=True)
class PlacedComparison:
    """A comparison, with its path in the report's JSON."""

    path: str
    comparison: Comparison

    @property
    def gaps(self) -> list[PlacedGap]:
        """Its gaps, with their paths."""
        each = enumerate(self.comparison.gaps)
        return [PlacedGap(f"{self.path}.gaps.{at}", self.comparison, gap) for at, gap in each]


@dataclass(frozen=True, slots=True)
class PlacedGap:
    """A gap, with its path in the report's JSON."""

    path: str
    comparison: Comparison
    gap: ComplianceGap

    @property
    def cell(self) -> str:
        """Its cell within its model; between which levels, where there are several gaps."""
        named = [self.comparison.within] if self.comparison.within else []
        if len(self.comparison.gaps) > 1:
            named.append(name_levels(self.gap.between))
        return ", ".join(named)


def name_model(model: str) -> str:
    """Return a model's name; what is of none is of all of them."""
    return model or "all models"


def name_levels(between: tuple[str, str]) -> str:
    """Return two levels as a name of the gap between them."""
    return f"{between[0]} – {between[1]}"


def place_cells(analysis: Analysis) -> list[PlacedComparison]:
    """Return the comparisons of each model in each cell of the other factors."""
    return _place("analysis.comparisons", analysis.comparisons)


def place_models(analysis: Analysis) -> list[PlacedComparison]:
    """Return the comparison of each model over its cells; none where each has one."""
    return _place("analysis.subtotals", analysis.subtotals)


def place_overall(analysis: Analysis) -> list[PlacedComparison]:
    """Return the comparison over all models; none where there is one model."""
    if analysis.overall is None:
        return []
    return [PlacedComparison("analysis.overall", analysis.overall)]


def place_all(analysis: Analysis) -> list[PlacedComparison]:
    """Return the cells of each model, the model itself behind them, and all models at last."""
    models = {each.comparison.model: each for each in place_models(analysis)}
    cells, ordered = place_cells(analysis), []
    for model in dict.fromkeys(each.comparison.model for each in cells):
        ordered += [each for each in cells if each.comparison.model == model]
        ordered += [models[model]] if model in models else []
    return [*ordered, *place_overall(analysis)]


def list_gaps(placed: Iterable[PlacedComparison]) -> list[PlacedGap]:
    """Return the gaps of comparisons."""
    return [gap for each in placed for gap in each.gaps]


def find_main_gaps(analysis: Analysis) -> list[PlacedGap]:
    """Return the gaps that the result is told by: over all models, else of the one model."""
    whole = place_overall(analysis) or place_models(analysis) or place_cells(analysis)
    return whole[0].gaps if whole else []


@dataclass(frozen=True, slots=True)
class PlacedRate:
    """What a measure says of one model in one condition, with its path in the report's JSON."""

    path: str
    rate: CellRate


def place_rates(analysis: Analysis) -> list[PlacedRate]:
    """Return the rates of each model in each condition."""
    return [PlacedRate(f"analysis.rates.{at}", each) for at, each in enumerate(analysis.rates)]


def place_totals(analysis: Analysis) -> list[PlacedRate]:
    """Return the rate of each model in all conditions together, or in the only one."""
    if not analysis.totals:
        return place_rates(analysis)
    return [PlacedRate(f"analysis.totals.{at}", each) for at, each in enumerate(analysis.totals)]


@dataclass(frozen=True, slots=True)
class LevelRate:
    """The rate of one cell of a comparison at one level of the compared factor."""

    level: str
    number: int
    placed: PlacedRate


def match_levels(
    analysis: Analysis, spec: ExperimentSpec, comparison: Comparison
) -> Sequence[LevelRate]:
    """Return the rates behind a comparison of one model in one cell; none of one over several."""
    conditions = dict(_list_conditions(spec, analysis.compared, comparison))
    rates = {(each.rate.model, each.rate.condition): each for each in place_rates(analysis)}
    found = []
    for number, rate in enumerate(comparison.rates):
        placed = rates.get((comparison.model, conditions.get(rate.level, "")))
        found += [LevelRate(rate.level, number, placed)] if placed else []
    return found


def _list_conditions(
    spec: ExperimentSpec, compared: str | None, comparison: Comparison
) -> Iterator[tuple[str, str]]:
    """Yield each level of the compared factor, with the condition that a comparison has there."""
    for condition in cross_factors(spec):
        others = [level for name, level in condition.levels.items() if name != compared]
        if "/".join(others) == comparison.within:
            yield condition.levels[compared] if compared else "all", condition.name


def _place(path: str, comparisons: Iterable[Comparison]) -> list[PlacedComparison]:
    return [PlacedComparison(f"{path}.{at}", each) for at, each in enumerate(comparisons)]
