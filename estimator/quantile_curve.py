"""Quantile curve: the whole distribution of a cost, drawn through the few quantiles that are kept.

Costs are mostly an amount that is certain and a part that is about log-normal. So the logarithm of
what is above the certain part is taken, over the quantiles of the normal distribution, where the
curve is nearly straight. Between the points it is the monotone cubic of Fritsch and Carlson (1980)
with the slopes of Fritsch and Butland (1984), as in `scipy.interpolate.PchipInterpolator`; beyond
them it goes on as straight. Nothing here loads numpy or scipy: commands start with it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from statistics import NormalDist

_NORMAL = NormalDist()
_LEAST_SKEW = 1e-9  # relative to the median, below which nothing can be said of a certain part

Points = Sequence[tuple[float, float]]  # (x, y), both increasing


def find_share_below(quantiles: Mapping[float, float], amount: float) -> float:
    """Return the probability of no more than an amount.

    Args:
        quantiles: probability -> quantile; 0.05, 0.5 and 0.95 are among them. Equal ones are an
            amount of that probability.
        amount: in the unit of the quantiles.
    """
    known = sorted(quantiles.items())
    amounts = list(accumulate((each for _, each in known), max))
    certain = _find_certain(quantiles, amounts[0])
    if amount <= certain:
        return 0.0
    points = [
        (math.log(each - certain), _NORMAL.inv_cdf(p))
        for (p, _), each in zip(known, amounts, strict=True)
        if each > certain
    ]
    return _NORMAL.cdf(_follow_curve(points, math.log(amount - certain)))


def _find_certain(quantiles: Mapping[float, float], least: float) -> float:
    """Return the amount above which the 5, 50 and 95 % quantiles are those of a log-normal part.

    It solves `(low - c) (high - c) = (middle - c)^2`, which holds of any symmetric distribution of
    the logarithm. 0 where it does not lie below all quantiles.
    """
    low, middle, high = (quantiles[p] for p in (0.05, 0.5, 0.95))
    skew = low + high - 2 * middle
    if skew <= _LEAST_SKEW * middle:
        return 0.0
    found = (low * high - middle**2) / skew
    return found if found < least else 0.0


def _follow_curve(points: Points, x: float) -> float:
    """Return y at x on the curve; it jumps where several points have the same x."""
    pieces: list[list[tuple[float, float]]] = []
    for at, point in enumerate(points):
        if at and point[0] > points[at - 1][0]:
            pieces[-1].append(point)
        else:
            pieces.append([point])
    if not pieces:
        return math.inf
    if len(pieces[0]) == 1 and x < points[0][0]:
        return -math.inf
    if len(pieces[-1]) == 1 and x >= points[-1][0]:
        return math.inf
    curves = [piece for piece in pieces if len(piece) > 1]
    return _interpolate(next((each for each in curves if x < each[-1][0]), curves[-1]), x)


def _interpolate(points: Points, x: float) -> float:
    """Return y at x on the monotone cubic through at least two points."""
    slopes = _find_slopes(points)
    (first, y_first), (last, y_last) = points[0], points[-1]
    if x <= first:
        return y_first + slopes[0] * (x - first)
    if x >= last:
        return y_last + slopes[-1] * (x - last)
    at = bisect_right([each for each, _ in points], x) - 1
    (x0, y0), (x1, y1) = points[at], points[at + 1]
    width = x1 - x0
    t = (x - x0) / width
    rise = (3 - 2 * t) * t * t  # Hermite's basis: 0 at x0 and 1 at x1, flat at both
    bend0, bend1 = t * (1 - t) ** 2 * slopes[at], t * t * (t - 1) * slopes[at + 1]
    return y0 + (y1 - y0) * rise + width * (bend0 + bend1)


def _find_slopes(points: Points) -> list[float]:
    """Return the slope of the curve at each point."""
    widths = [x1 - x0 for (x0, _), (x1, _) in pairwise(points)]
    secants = [
        (y1 - y0) / width
        for ((_, y0), (_, y1)), width in zip(pairwise(points), widths, strict=True)
    ]
    if len(secants) == 1:
        return secants * 2
    inner = [
        3 * (w0 + w1) / ((2 * w1 + w0) / s0 + (w1 + 2 * w0) / s1)
        for (w0, w1), (s0, s1) in zip(pairwise(widths), pairwise(secants), strict=True)
    ]
    return [_end_slope(widths, secants), *inner, _end_slope(widths[::-1], secants[::-1])]


def _end_slope(widths: Sequence[float], secants: Sequence[float]) -> float:
    """Return the slope at the first point, of three; never flat, as the curve goes on beyond it."""
    (w0, w1), (s0, s1) = widths[:2], secants[:2]
    return max(((2 * w0 + w1) * s0 - w0 * s1) / (w0 + w1), s0 / 3)
