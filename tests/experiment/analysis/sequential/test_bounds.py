"""Bounds of a sequential test: published values, and what they are made to hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, stdtr

from experiment.analysis.sequential import convert_bound, find_bounds, find_expected_share

# Jennison and Turnbull, Group Sequential Methods (2000), table 2.3, two-sided 5 %: C_B(K, 0.05).
CONSTANTS = {
    1: 1.960,
    2: 1.977,
    3: 2.004,
    4: 2.024,
    5: 2.040,
    6: 2.053,
    7: 2.063,
    8: 2.072,
    9: 2.080,
    10: 2.087,
}


def test_five_looks_have_the_published_bounds():
    bounds = [round(bound, 3) for bound in find_bounds(5)]
    assert bounds == [4.562, 3.226, 2.634, 2.281, 2.040]


@pytest.mark.parametrize(("looks", "constant"), CONSTANTS.items())
def test_the_last_bound_is_the_published_constant(looks, constant):
    assert find_bounds(looks)[-1] == pytest.approx(constant, abs=6e-4)


@pytest.mark.parametrize(("looks", "alpha"), [(3, 0.05), (5, 0.05), (5, 0.05 / 3), (10, 0.01)])
def test_random_walks_cross_the_bounds_as_often_as_alpha_says(looks, alpha):
    walks = np.random.default_rng(16).standard_normal((400_000, looks)).cumsum(axis=1)
    statistics = np.abs(walks) / np.sqrt(np.arange(1, looks + 1))
    crossed = (statistics > np.array(find_bounds(looks, alpha))).any(axis=1).mean()
    assert crossed == pytest.approx(alpha, abs=4 * np.sqrt(alpha / 400_000))


@pytest.mark.parametrize("df", [1, 9, 59, 299])
def test_a_converted_bound_is_as_far_out_in_its_tail(df):
    for bound in find_bounds(5):
        converted = convert_bound(bound, df)
        assert converted > bound
        assert stdtr(df, -converted) == pytest.approx(ndtr(-bound), rel=1e-6)


def test_at_a_gap_that_is_shown_4_times_in_5_random_walks_stop_when_it_says():
    # 1.028 is how much larger the largest sample is than a fixed one of this power (table 2.4).
    drift = (1.95996 + 0.84162) * np.sqrt(1.028)
    steps = np.random.default_rng(17).standard_normal((200_000, 5)) + drift / np.sqrt(5)
    crossed = np.abs(steps.cumsum(axis=1)) / np.sqrt(np.arange(1, 6)) > np.array(find_bounds(5))
    ends = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1, 5) / 5
    assert crossed.any(axis=1).mean() == pytest.approx(0.80, abs=0.004)
    assert ends.mean() == pytest.approx(find_expected_share(5), abs=0.003)
