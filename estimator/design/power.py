"""Power: the gap that queries x samples can show, and how many of them show a given gap.

Answers are yes or no. For query i of n, pA_i and pB_i are its rates under two conditions with mA
and mB samples; the test is Student's t on the query-level differences. With

    w2 = Var_i(pA_i - pB_i)          between queries
    sc2 = E[pc_i (1 - pc_i)]         within a query, in condition c

the gap's variance is (w2 + sA2/mA + sB2/mB) / n. Where the result is about these queries alone,
w2 is left out, and the test is another one: Satterthwaite's t on the variances within each query,
which takes at least 3 samples of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiment.definition import Target

ALPHA, POWER = 0.05, 0.80
LEAST_SAMPLES_FOR_THESE = 3  # of each query and condition; with fewer there is no valid test


@dataclass(frozen=True, slots=True)
class GapVariance:
    """How answers vary.

    Attributes:
        between: w2, the variance over queries of the difference of their two rates.
        within: sA2 and sB2, the mean over queries of the variance of one answer.
    """

    between: float
    within: tuple[float, float]

    @classmethod
    def from_rates(
        cls, rates: tuple[float, float], icc: tuple[float, float], correlation: float
    ) -> GapVariance:
        """Return it for two rates.

        Args:
            rates: of the conditions, over all queries.
            icc: the share of each one's variance that lies between queries.
            correlation: of the queries' rates under the two conditions.
        """
        whole = [rate * (1 - rate) for rate in rates]
        a, b = (share * each for share, each in zip(icc, whole, strict=True))
        within = [(1 - share) * each for share, each in zip(icc, whole, strict=True)]
        return cls(a + b - 2 * correlation * math.sqrt(a * b), (within[0], within[1]))

    def of_gap(self, queries: int, samples: tuple[int, int], target: Target) -> float:
        """Return the variance of the gap that so many queries and samples of each estimate."""
        per_query = self.within[0] / samples[0] + self.within[1] / samples[1]
        between = self.between if target is Target.LIKE_THESE else 0.0
        return (between + per_query) / queries


def find_detectable_gap(
    variance: GapVariance,
    queries: int,
    samples: tuple[int, int],
    target: Target,
    gaps: int = 1,
) -> float:
    """Return the least gap that is found with 80 % power at 5 %, from 0 to 1.

    Args:
        variance: of the answers.
        queries: at least 2.
        samples: of each query in the two conditions.
        target: what the result is about.
        gaps: how many are tested together. Each is tested at 5 % over their number (Bonferroni);
            Holm's correction, by which a report is made, finds no fewer.

    Raises:
        ValueError: fewer than 2 queries, or too few samples for a result about these queries.
    """
    if queries < 2:  # noqa: PLR2004 - a spread takes two
        raise ValueError(f"{queries} queries show no gap; at least 2 are needed")
    if target is Target.THESE and min(samples) < LEAST_SAMPLES_FOR_THESE:
        raise ValueError(f"{min(samples)} samples of each query are too few; at least 3 are needed")
    df = count_degrees(queries, samples, target)
    return sum_quantiles(df, ALPHA / gaps) * math.sqrt(variance.of_gap(queries, samples, target))


def count_degrees(queries: int, samples: tuple[int, int], target: Target) -> float:
    """Return the test's degrees of freedom; those within queries where each varies alike."""
    if target is Target.LIKE_THESE:
        return queries - 1
    return queries * sum(m - 1 for m in samples)


def find_floor(variance: GapVariance, queries: int, gaps: int = 1) -> float:
    """Return the gap below which so many queries show none, whatever is spent on samples."""
    return sum_quantiles(queries - 1, ALPHA / gaps) * math.sqrt(variance.between / queries)


def sum_quantiles(df: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return t(1 - alpha/2) + t(power): by how many standard errors a gap must differ from 0."""
    from scipy.special import stdtrit  # noqa: PLC0415 - a fifth of a second

    return float(stdtrit(df, 1 - alpha / 2) + stdtrit(df, power))
