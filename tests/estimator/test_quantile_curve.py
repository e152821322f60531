"""A curve through a few quantiles is monotone, meets them, and is close to the distribution."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from estimator.forecast import PooledCost
from estimator.forecast.stratum import QUANTILES
from estimator.quantile_curve import _interpolate, find_share_below

NORMAL = NormalDist()
SHARES = sorted(QUANTILES.values())
OF_BEFORE = [0.05, 0.5, 0.95]
CLOSE = 0.005
STEPS = st.lists(st.floats(1e-3, 1e3), min_size=6, max_size=6)


def quantiles_of(find, shares=SHARES):
    return {p: find(p) for p in shares}


def worst_error(find, shares=SHARES):
    known = quantiles_of(find, shares)
    return max(abs(find_share_below(known, find(p)) - p) for p in np.linspace(0.002, 0.998, 499))


@given(least=st.floats(1e-3, 1e4), steps=STEPS)
def test_it_is_monotone_and_meets_the_quantiles(least, steps):
    amounts = np.cumsum([least, *steps])
    known = dict(zip(SHARES, map(float, amounts), strict=True))
    for p, amount in known.items():
        assert find_share_below(known, amount) == pytest.approx(p, abs=1e-6)
    shares = [find_share_below(known, a) for a in np.linspace(0, 1.5 * amounts[-1], 400)]
    assert all(0 <= share <= 1 for share in shares)
    assert all(a <= b + 1e-12 for a, b in pairwise(shares))


@given(xs=STEPS, ys=STEPS, at=st.floats(0, 1))
def test_between_points_it_is_the_cubic_that_scipy_draws(xs, ys, at):
    x, y = np.cumsum(xs), np.cumsum(ys)
    place = x[1] + at * (x[-2] - x[1])  # at the ends it is never flat, so it may differ
    mine = _interpolate(list(zip(x.tolist(), y.tolist(), strict=True)), float(place))
    assert mine == pytest.approx(float(PchipInterpolator(x, y)(place)), rel=1e-9)


@pytest.mark.parametrize("shares", [SHARES, OF_BEFORE], ids=["seven", "three"])
@pytest.mark.parametrize("certain", [0.0, 0.5, 2.0, 20.0])
@pytest.mark.parametrize("sigma", [0.05, 0.3, 0.61, 1.0, 1.5])
def test_of_a_log_normal_part_above_what_is_certain_it_is_exact(shares, certain, sigma):
    def find(p):
        return certain + math.exp(sigma * NORMAL.inv_cdf(p))

    assert worst_error(find, shares) < 1e-6


GOLDEN = {  # mean, variance, degrees of freedom, certain, of the sums in knowledge/forecast.md
    "A": (52440, 192539252, 15, 2760),
    "A and B": (514590, 39187179421.318, 10.050633, 14610),
    "A and C": (63880, 280802619.1024, 15, 3510),
    "A again": (5520, 791257.2, 15, 0),
    "live": (1333.3333, 519982.417582, 8, 1000),
    "mostly known": (52440, 192539252, 15, 500_000),
    "few answers": (1000, 900_000, 5, 20_000),
}


@pytest.mark.parametrize("cost", GOLDEN.values(), ids=GOLDEN)
def test_of_measured_sums_it_is_close(cost):
    assert worst_error(PooledCost(*cost).quantile) < CLOSE


def test_equal_quantiles_are_an_amount_of_that_probability():
    known = {0.05: 2.0, 0.25: 2.0, 0.5: 3.0, 0.75: 4.0, 0.95: 4.0}
    shares = [find_share_below(known, amount) for amount in (1.99, 2.0, 3.0, 3.99, 4.0)]
    assert (shares[0], shares[-1]) == (0, 1)
    assert shares[1:-1] == pytest.approx([0.25, 0.5, 0.75], abs=0.01)
    assert shares == sorted(shares)
    one = dict.fromkeys(SHARES, 3.0)
    assert [find_share_below(one, amount) for amount in (2.99, 3.0, 3.01)] == [0, 1, 1]


def test_it_loads_neither_numpy_nor_scipy():
    said = "import sys; from estimator.quantile_curve import find_share_below as f;"
    said += "f({0.05: 1.0, 0.5: 2.0, 0.95: 5.0}, 3.0);"
    said += "assert not {'numpy', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", said], check=True)
