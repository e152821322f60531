"""Mean estimates: the mean of differences with its interval, its test and what it can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SIGNIFICANT = 0.05  # two-sided; an interval has 95 %
POWER = 0.8


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """A mean of differences.

    Attributes:
        mean: of the differences.
        low, high: the 95 % interval.
        p: how likely a mean is that is as far from 0 or farther, if the true one is 0; two-sided.
        detectable: the true mean that would have been told from 0 with 80 % probability.
        t, df: the statistic of the test, and its degrees of freedom.
        error: the standard error of the mean.
    """

    mean: float
    low: float
    high: float
    p: float
    detectable: float
    t: float
    df: float
    error: float


@dataclass(frozen=True, slots=True)
class MeanPart:
    """The mean of several answers to a query at one level, as a part of a mean over queries.

    Attributes:
        weight: of it in that mean.
        variance: of one answer.
        answers: how many there are; at least 2.
    """

    weight: float
    variance: float
    answers: int


def estimate_mean(differences: Sequence[float], *, largest: float = 1.0) -> MeanEstimate | None:
    """Estimate the mean of paired differences by Student's t; None where there are fewer than two.

    Differences that are all equal have no variance, which says little about the next one: then
    two more are assumed, the largest and the least, for all but the mean (Bonett and Price 2012,
    J. Educ. Behav. Stat. 37:479-488, for paired proportions).

    The detectable mean is (t_0.975 + t_0.8) standard errors, with the degrees of freedom of the
    test (Bloom 1995, Evaluation Review 19:547-556).

    Args:
        differences: one for each query.
        largest: that a difference can be; the least is its negative.
    """
    if len(differences) <= 1:
        return None
    mean = math.fsum(differences) / len(differences)
    values = add_spread(differences, largest)
    middle = math.fsum(values) / len(values)
    df = len(values) - 1
    error = math.sqrt(math.fsum((each - middle) ** 2 for each in values) / df / len(values))
    return _estimate_by_t(mean, middle, error, df, largest)


def estimate_fixed_mean(
    mean: float, parts: Sequence[MeanPart], *, largest: float = 1.0
) -> MeanEstimate:
    """Estimate a mean over queries that are fixed: other answers to the same ones might differ.

    Its variance is the sum of v = weight^2 variance / answers over the parts, with Satterthwaite's
    degrees of freedom, (sum v)^2 / sum(v^2 / (answers - 1)) (1946, Biometrics Bulletin 2:110-114).

    Answers that never differ within a query have no variance, which says little about the next one:
    then one of them is taken to differ, at each level of one query.

    Args:
        mean: over the queries.
        parts: that it is made of.
        largest: that the mean can be; the least is its negative.
    """
    counted = parts if any(each.variance for each in parts) else _let_one_differ(parts)
    variances = [(p.weight**2 * p.variance / p.answers, p.answers - 1) for p in counted]
    variance = math.fsum(v for v, _ in variances)
    df = variance**2 / math.fsum(v**2 / each for v, each in variances)
    return _estimate_by_t(mean, mean, math.sqrt(variance), df, largest)


def _let_one_differ(parts: Sequence[MeanPart]) -> list[MeanPart]:
    """Return the two parts that weigh most as if one answer in each differed from the others."""
    most = sorted(parts, key=lambda each: -abs(each.weight))[:2]
    return [MeanPart(each.weight, 1 / each.answers, each.answers) for each in most]


def _estimate_by_t(
    mean: float, middle: float, error: float, df: float, largest: float
) -> MeanEstimate:
    """Return the interval, the test and the detectable mean of Student's t.

    Args:
        mean: to report.
        middle: of the interval.
        error: its standard error.
        df: degrees of freedom.
        largest: that the mean can be.
    """
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415 - slow to import, only for intervals

    half = float(stdtrit(df, 1 - SIGNIFICANT / 2)) * error
    return MeanEstimate(
        mean=_clip(mean, largest),
        low=_clip(middle - half, largest),
        high=_clip(middle + half, largest),
        p=2 * float(stdtr(df, -abs(middle) / error)),
        detectable=half + float(stdtrit(df, POWER)) * error,
        t=middle / error,
        df=df,
        error=error,
    )


def adjust_holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p values that are adjusted for how many there are; None stays None and is not counted.

    Step-down: the k-th smallest of m is multiplied by m - k + 1, and none is below a smaller one
    (Holm 1979, Scand. J. Stat. 6:65-70). It holds however the tests depend on each other.
    """
    tested = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    least = 0.0
    for number, (p, place) in enumerate(tested):
        least = max(least, min(p * (len(tested) - number), 1.0))
        adjusted[place] = least
    return adjusted


def add_spread(differences: Sequence[float], largest: float = 1.0) -> list[float]:
    """Return differences that are not all equal: to those that are, two more are added.

    See `estimate_mean`.
    """
    equal = math.isclose(max(differences), min(differences), abs_tol=1e-9)
    return [*differences, largest, -largest] if equal else list(differences)


def _clip(difference: float, largest: float) -> float:
    return max(-largest, min(difference, largest))
