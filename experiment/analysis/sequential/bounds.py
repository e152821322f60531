"""Bounds of a sequential test: how far a gap must be from 0 at each look.

O'Brien and Fleming (1979, Biometrics 35:549-556): looks at equal steps, and the sum of what was
seen so far is held against one constant, so that early looks ask for much and the last one for
little more than a single test. The constant solves the recursion of Armitage, McPherson
and Rowe (1969, J. R. Stat. Soc. A 132:235-244): the density of sums that crossed no bound yet is
carried from look to look, here on the nodes of a Gauss-Legendre rule.
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import TYPE_CHECKING

from experiment.analysis.mean_estimate import POWER, SIGNIFICANT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

_NODES = 64  # of the rule: the constant is right to 8 digits from 40 on
_FARTHEST = 12.0  # standard errors, beyond which nothing is looked for
_HALVINGS = 45


@cache
def find_bounds(looks: int, alpha: float = SIGNIFICANT) -> tuple[float, ...]:
    """Return the bounds on a standard normal statistic, one for each look, two-sided.

    For five looks at 5 %: 4.562, 3.226, 2.634, 2.281, 2.040.

    Args:
        looks: how many there are, at equal steps.
        alpha: how likely a bound is crossed at any look where there is no gap.
    """
    constant = _bisect(lambda bound: sum(_list_crossings(looks, bound)) - alpha)
    return tuple(constant * math.sqrt(looks / look) for look in range(1, looks + 1))


def convert_bound(bound: float, df: float) -> float:
    """Return a bound on a normal statistic as one on Student's t, as far out in its tail.

    Args:
        bound: as `find_bounds` returns it.
        df: degrees of freedom: the queries so far, less one.
    """
    from scipy.special import ndtr, stdtrit  # noqa: PLC0415 - slow to import, and rarely needed

    # In the lower tail, where nothing is rounded to 1.
    return -float(stdtrit(df, float(ndtr(-bound))))


@cache
def find_expected_share(looks: int, alpha: float = SIGNIFICANT) -> float:
    """Return which share of the queries a sequential test needs on average.

    At a gap of the size that it shows with 80 % probability.

    Args:
        looks: how many there are.
        alpha: as in `find_bounds`.
    """
    constant = find_bounds(looks, alpha)[-1]
    drift = _bisect(lambda each: POWER - sum(_list_crossings(looks, constant, each)))
    crossed = _list_crossings(looks, constant, drift)
    return 1 - sum(part * (1 - look / looks) for look, part in enumerate(crossed, 1))


def _list_crossings(looks: int, constant: float, drift: float = 0.0) -> list[float]:
    """Return how likely the bound is crossed first at each look.

    Args:
        looks: how many there are.
        constant: the bound at the last look.
        drift: what the statistic is at the last look on average.
    """
    end = constant * math.sqrt(looks)  # of a sum whose steps have the variance 1
    inside = [1.0, *_carry(looks, end, drift / math.sqrt(looks))]
    return [before - after for before, after in itertools.pairwise(inside)]


def _carry(looks: int, end: float, step: float) -> Iterator[float]:
    """Yield how likely no bound was crossed, after each look."""
    import numpy as np  # noqa: PLC0415 - slow to import, and rarely needed

    rule = np.polynomial.legendre.leggauss(_NODES)
    nodes, weights = (each * end for each in rule)
    moves = _density(nodes[:, None] - nodes[None, :] - step)
    density = _density(nodes - step)
    for _ in range(looks):
        yield float(weights @ density)
        density = moves @ (weights * density)


def _density(values: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np  # noqa: PLC0415 - as above

    return np.exp(-(values**2) / 2) / math.sqrt(2 * math.pi)


def _bisect(find_excess: Callable[[float], float]) -> float:
    """Return where a falling function is 0."""
    low, high = 0.0, _FARTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if find_excess(middle) > 0 else (low, middle)
    return (low + high) / 2
