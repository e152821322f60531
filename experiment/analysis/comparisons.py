"""Comparisons: the rates at a factor's levels, and the gaps between them, in cells and over all."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from experiment.analysis.cells import Cell, summarize_cell
from experiment.analysis.evidence import describe_evidence, find_evidence
from experiment.analysis.gaps import ComplianceGap, compute_gap, correct_gaps, list_pairs
from experiment.analysis.observation import Observation
from experiment.definition import ExperimentSpec, Target, cross_factors

_Levels = tuple[str, ...]
_Place = tuple[str, _Levels]  # a model, and the levels of all factors but one, or of all of them


@dataclass(frozen=True, slots=True)
class ComplianceRate:
    """The rate at one level: the mean over `answers`; `missing` have no result.

    `missing_by` says why -> how many. Over several cells it is the mean of their rates.
    """

    level: str
    answers: int
    missing: int
    compliance: float | None
    proxy: float | None
    missing_by: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model in one cell of the remaining factors, such as `cot`, or over several cells.

    Attributes:
        model: as the experiment writes it; empty over all models.
        within: the levels of the other factors, joined by `/`; empty over all of them.
        rates: one for each level.
        gap: between the first two levels; None where there is one level.
        gaps: between all levels that are compared, the first two first.
    """

    model: str
    within: str
    rates: tuple[ComplianceRate, ...]
    gap: ComplianceGap | None
    gaps: tuple[ComplianceGap, ...] = ()


@dataclass(frozen=True, slots=True)
class CrossedCells:
    """All cells of an experiment, in its order.

    Attributes:
        factors: factor -> its levels.
        models: as the experiment writes them.
        cells: of each model and levels of the factors.
        target: what gaps between them are about.
    """

    factors: dict[str, _Levels]
    models: tuple[str, ...]
    cells: dict[_Place, Cell]
    target: Target = Target.LIKE_THESE

    @classmethod
    def of_observations(
        cls,
        spec: ExperimentSpec,
        observations: Iterable[Observation],
        *,
        measure: str,
        target: Target = Target.LIKE_THESE,
    ) -> CrossedCells:
        """Sort an experiment's observations into its cells."""
        names = {tuple(each.levels.values()): each.name for each in cross_factors(spec)}
        found: dict[_Place, list[Observation]] = defaultdict(list)
        for each in observations:
            found[each.model, tuple(map(each.levels.__getitem__, spec.factors))].append(each)
        models = tuple(dict.fromkeys([*spec.models, *(model for model, _ in found)]))
        return cls(
            {factor: tuple(levels) for factor, levels in spec.factors.items()},
            models,
            {
                (model, levels): summarize_cell(
                    found[model, levels], measure=measure, model=model, condition=name
                )
                for model, (levels, name) in itertools.product(models, names.items())
            },
            target,
        )

    def list_places(self, models: Iterable[str], factor: str | None) -> list[_Place]:
        """Return each model with each cell of the factors other than this one."""
        others = [levels for name, levels in self.factors.items() if name != factor]
        return list(itertools.product(models, itertools.product(*others)))

    def find_cell(self, place: _Place, factor: str | None, level: str) -> Cell:
        """Return the cell at one level of a factor, at a place that leaves that factor open."""
        model, others = place
        if factor is None:
            return self.cells[place]
        at = list(self.factors).index(factor)
        return self.cells[model, (*others[:at], level, *others[at:])]


def compare_in_cells(
    crossed: CrossedCells, factor: str | None, *, names_levels: bool = False
) -> tuple[Comparison, ...]:
    """Compare a factor's levels for each model in each cell of the other factors."""
    places = crossed.list_places(crossed.models, factor)
    groups = [(model, "/".join(others), [(model, others)]) for model, others in places]
    return _compare_groups(crossed, factor, groups, names_levels=names_levels)


def compare_models(
    crossed: CrossedCells, factor: str | None, *, names_levels: bool = False
) -> tuple[Comparison, ...]:
    """Compare a factor's levels for each model, over all cells of the other factors."""
    groups = [(model, "", crossed.list_places([model], factor)) for model in crossed.models]
    return _compare_groups(crossed, factor, groups, names_levels=names_levels)


def compare_overall(
    crossed: CrossedCells, factor: str | None, *, names_levels: bool = False
) -> Comparison:
    """Compare a factor's levels over all models and cells of the other factors."""
    groups = [("", "", crossed.list_places(crossed.models, factor))]
    return _compare_groups(crossed, factor, groups, names_levels=names_levels)[0]


def _compare_groups(
    crossed: CrossedCells,
    factor: str | None,
    groups: Sequence[tuple[str, str, list[_Place]]],
    *,
    names_levels: bool,
) -> tuple[Comparison, ...]:
    """Compare a factor's levels in each group of cells, and correct for all of these gaps."""
    levels = crossed.factors[factor] if factor else ("all",)
    cells = [
        {level: [crossed.find_cell(place, factor, level) for place in places] for level in levels}
        for _, _, places in groups
    ]
    pairs = list_pairs(levels)
    gaps = correct_gaps(
        [_compute(pair, found, crossed.target) for found in cells for pair in pairs]
    )
    tested = sum(gap.p is not None for gap in gaps)
    return tuple(
        _describe_comparison(
            Comparison(
                model,
                within,
                tuple(_average_rates(level, found[level]) for level in levels),
                None,
                tuple(gaps[number * len(pairs) : (number + 1) * len(pairs)]),
            ),
            over=len(places),
            beside=tested,
            names_levels=names_levels or len(pairs) > 1,
        )
        for number, ((model, within, places), found) in enumerate(zip(groups, cells, strict=True))
    )


def _compute(pair: tuple[str, str], cells: dict[str, list[Cell]], target: Target) -> ComplianceGap:
    first, second = (cells[level] for level in pair)
    sums = [(a.sums, b.sums) for a, b in zip(first, second, strict=True)]
    return compute_gap(pair, sums, target)


def _describe_comparison(
    comparison: Comparison, *, over: int, beside: int, names_levels: bool
) -> Comparison:
    """Return a comparison whose gaps say what they show."""
    where = f"in {comparison.model}" if comparison.model else "over all models"
    if comparison.within:
        where += f", {comparison.within}"
    elif over > 1 and comparison.model:
        where += ", over all conditions"
    gaps = tuple(
        replace(
            gap,
            evidence=find_evidence(gap),
            sentence=describe_evidence(
                gap, f"a gap{_name_levels(gap) if names_levels else ''} {where}", beside=beside
            ),
        )
        for gap in comparison.gaps
    )
    return replace(comparison, gap=gaps[0] if gaps else None, gaps=gaps)


def _name_levels(gap: ComplianceGap) -> str:
    return f" between {gap.between[0]} and {gap.between[1]}"


def _average_rates(level: str, cells: Sequence[Cell]) -> ComplianceRate:
    """Return the rate at one level: the mean over cells, each with the same weight."""
    missing_by: Counter[str] = Counter()
    for cell in cells:
        missing_by.update(cell.kinds.missing)
    return ComplianceRate(
        level,
        answers=sum(cell.answers for cell in cells),
        missing=sum(cell.missing for cell in cells),
        compliance=_average(cell.rate for cell in cells),
        proxy=_average(cell.proxy for cell in cells),
        missing_by=dict(missing_by),
    )


def _average(given: Iterable[float | None]) -> float | None:
    values = [each for each in given if each is not None]
    return sum(values) / len(values) if values else None
