"""Outcomes: how answers are assumed, or were seen, to vary between and within queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from estimator.design.power import GapVariance
from experiment.analysis import Observation, list_pairs
from experiment.definition import ExperimentSpec

if TYPE_CHECKING:
    import numpy as np

# The share of a yes-or-no answer's variance that lies between queries: the median over language
# models that answered the same queries several times, quartiles 0.64 and 0.76. The correlation of
# the queries' rates under two conditions was 0.6 to 1 in them; the middle of that.
TYPICAL_ICC, TYPICAL_CORRELATION = 0.71, 0.8
TYPICAL_RATE = 0.2
_FEW = 5  # expected positive answers, below which the test finds less than it promises


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How answers vary under two conditions.

    Attributes:
        variance: of the answers, as the judge gives them.
        source: what it rests on, in words.
        rates: of the two conditions; None where nothing is said of them.
        squares: of the two conditions, the mean square of an answer as the judge gives it: of
            yes and no, the share of yes.
    """

    variance: GapVariance
    source: str
    rates: tuple[float, float] | None = None
    squares: tuple[float, float] = (TYPICAL_RATE, TYPICAL_RATE)

    def judged_with(self, sensitivity: float, specificity: float) -> Outcomes:
        """Return the outcomes as a judge that errs sees them, in points of the true gap.

        A rate p is seen as p' = (1 - sp) + (se + sp - 1) p. All variances are those of p'; the gap
        is seen se + sp - 1 times as large as it is, so they are divided by its square.

        Raises:
            ValueError: the judge tells nothing apart.
        """
        seen = sensitivity + specificity - 1
        if seen <= 0:
            raise ValueError(
                f"sensitivity {sensitivity:g} and specificity {specificity:g} tell nothing apart; "
                "their sum must be above 1"
            )
        false = 1 - specificity
        rates = self.rates or (TYPICAL_RATE, TYPICAL_RATE)
        within = [
            false * (1 - false) + seen * (1 - 2 * false) * rate - seen**2 * (rate - own)
            for rate, own in zip(rates, self.variance.within, strict=True)
        ]
        variance = GapVariance(self.variance.between, (within[0] / seen**2, within[1] / seen**2))
        first, second = ((false + seen * each) / seen**2 for each in self.squares)
        return replace(
            self,
            variance=variance,
            squares=(first, second),
            source=f"{self.source}; by a judge of sensitivity {sensitivity:g} and specificity "
            f"{specificity:g}",
        )

    def read_in_part(self, share: float) -> Outcomes:
        """Return the outcomes where the judge reads a share q of the answers, drawn at random.

        Each stands for 1/q, so s2 grows by (1 - q) / q times the mean square of an answer (Horvitz
        and Thompson 1952).
        """
        grows = (1 - share) / share
        first, second = (
            own + grows * square
            for own, square in zip(self.variance.within, self.squares, strict=True)
        )
        return replace(self, variance=GapVariance(self.variance.between, (first, second)))

    def is_rare(self, queries: int) -> bool:
        """Return whether so few positive answers are expected that the test finds too little."""
        return self.rates is not None and queries * min(self.rates) < _FEW


ASSUMED = Outcomes(
    GapVariance(0.05, (0.084, 0.051)),
    "assumed: rates differ between queries by a variance of 0.05, answers to one query by 0.084 "
    "and 0.051, as where a gap of about 20 pp was measured; smaller gaps vary less",
)


def assume_rates(rates: tuple[float, float]) -> Outcomes:
    """Return the outcomes of two rates that vary over queries as those of models typically do."""
    icc = (TYPICAL_ICC, TYPICAL_ICC)
    return Outcomes(
        GapVariance.from_rates(rates, icc, TYPICAL_CORRELATION),
        f"assumed: rates of {rates[0]:g} and {rates[1]:g}; {TYPICAL_ICC:g} of their variance lies "
        f"between queries, which correlate by {TYPICAL_CORRELATION:g}",
        rates,
        rates,
    )


def measure_outcomes(
    first: Mapping[int, Sequence[float]], second: Mapping[int, Sequence[float]], source: str
) -> Outcomes | None:
    """Return how measured answers vary; None where fewer than two queries were asked at both.

    sc2 is the mean over queries of the unbiased variance of their answers; w2 the variance of the
    differences less what of it is due to sc2 / mc. With one answer to each query the two cannot be
    told apart; then sc2 is the typical share of a rate's variance.

    Args:
        first: query -> the values of its answers at the first level, from 0 to 1.
        second: the same at the second.
        source: what they are of, in words.
    """
    import numpy as np  # noqa: PLC0415 - slow to import, and only for measured answers

    both = [query for query in first if first[query] and second.get(query)]
    if len(both) < 2:  # noqa: PLR2004 - a spread takes two
        return None
    sides = [[np.asarray(side[query], float) for query in both] for side in (first, second)]
    means = [np.array([each.mean() for each in side]) for side in sides]
    within = [_find_within(side) for side in sides]
    noise = sum(
        float(np.mean([own / len(each) for each in side]))
        for side, own in zip(sides, within, strict=True)
    )
    between = max(float(np.var(means[0] - means[1], ddof=1)) - noise, 0.0)
    return Outcomes(
        GapVariance(between, (within[0], within[1])),
        f"measured: {source}, {len(both):,} queries",
        (float(means[0].mean()), float(means[1].mean())),
        (_find_square(sides[0]), _find_square(sides[1])),
    )


def _find_within(answers: Iterable[np.ndarray]) -> float:
    """Return the mean over queries of the variance of one answer."""
    import numpy as np  # noqa: PLC0415 - slow to import, and only for measured answers

    listed = list(answers)
    several = [each for each in listed if len(each) > 1]
    if several:
        return float(np.mean([each.var(ddof=1) for each in several]))
    rate = float(np.mean([each.mean() for each in listed]))
    return (1 - TYPICAL_ICC) * rate * (1 - rate)


def _find_square(answers: Iterable[np.ndarray]) -> float:
    """Return the mean over queries of the square of one answer."""
    squares = [float((each**2).mean()) for each in answers]
    return sum(squares) / len(squares)


def combine_outcomes(found: Sequence[Outcomes]) -> Outcomes:
    """Return outcomes that vary as much as the most varying of several; none shows a gap sooner."""
    if len(set(found)) == 1:
        return found[0]
    rates = [each.rates for each in found if each.rates is not None]
    return Outcomes(
        GapVariance(
            max(each.variance.between for each in found),
            (
                max(each.variance.within[0] for each in found),
                max(each.variance.within[1] for each in found),
            ),
        ),
        "; ".join(dict.fromkeys(each.source for each in found)),
        (min(a for a, _ in rates), min(b for _, b in rates)) if rates else None,
        (max(each.squares[0] for each in found), max(each.squares[1] for each in found)),
    )


def measure_cells(
    spec: ExperimentSpec,
    observations: Iterable[Observation],
    *,
    measure: str,
    compared: str,
    source: str,
) -> dict[tuple[str, str], Outcomes]:
    """Return how a run's answers vary in each model and cell of the factors that are not compared.

    Args:
        spec: of the run.
        observations: its answers.
        measure: the judge that measures, or `proxy`.
        compared: the factor whose levels are compared.
        source: the run, in words.
    """
    values: dict[tuple[str, str], dict[str, dict[int, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for each in observations:
        value = each.value(measure)
        if value is not None and not each.is_outside(measure):
            within = "/".join(each.levels[name] for name in spec.factors if name != compared)
            values[each.model, within][each.levels[compared]][each.query].append(value)
    pairs = list_pairs(tuple(spec.factors[compared]))
    found = {
        cell: [measure_outcomes(sides[a], sides[b], source) for a, b in pairs]
        for cell, sides in values.items()
    }
    return {
        cell: combine_outcomes([each for each in several if each is not None])
        for cell, several in found.items()
        if any(several)
    }
