"""The pooled cost against golden values, each computed by hand from the formulas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from estimator.forecast.pooling import (
    LengthShape,
    MeasuredStratum,
    pool_costs,
    split_variance,
)

PROBABILITIES = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
ANSWER, SCRATCHPAD = LengthShape(1.2, 0.75), LengthShape(0.7, 0.5)
A = [120, 340, 95, 410, 220, 180, 640, 150, 275, 330]
C = [50, 90, 40, 100, 70, 60, 140, 45, 80, 75]
TEN_TIMES = [10 * each for each in A[:5]]


def measure(
    calls: Sequence[Sequence[float]], left: Iterable[int], shape: LengthShape = ANSWER
) -> MeasuredStratum:
    """Return a stratum with the given calls of each query, and so many left of each."""
    means = [float(np.mean(each)) if each else 0.0 for each in calls]
    return MeasuredStratum(
        queries=np.arange(len(calls)),
        counted=np.array([len(each) for each in calls]),
        means=np.array(means),
        left=np.array(list(left)),
        within=sum(sum((x - m) ** 2 for x in each) for each, m in zip(calls, means, strict=True)),
        shape=shape,
    )


def pilot(calls: Sequence[float], first: int = 0, shape: LengthShape = ANSWER) -> MeasuredStratum:
    """Return a stratum of 100 queries x 2, of which some have one call each."""
    by_query: list[list[float]] = [[] for _ in range(100)]
    for query, call in enumerate(calls, start=first):
        by_query[query] = [call]
    return measure(by_query, [2 - len(each) for each in by_query], shape)


def history(calls: Sequence[float]) -> MeasuredStratum:
    """Return a stratum of 100 queries x 2, and others that were measured once each."""
    unseen: list[list[float]] = [[] for _ in range(100)]
    return measure([*([call] for call in calls), *unseen], [0] * len(calls) + [2] * 100)


LIVE = measure([[100, 140, 120], [300, 260], [80], []], [0, 1, 2, 3])
LIVE_TOO = measure([[10, 14, 12], [30], [9], []], [0, 2, 2, 3])

GOLDEN = {
    "one stratum": (
        [pilot(A)],
        2760,
        [33567.2778, 36754.1319, 47569.4484, 56396.3686, 66962.0854, 87388.1365, 96142.4809],
    ),
    "two strata, queries apart": (
        [pilot(A), pilot(TEN_TIMES, first=50)],
        14610,
        [
            255352.3579,
            294197.2738,
            432120.3783,
            552037.3791,
            706396.8461,
            1047661.9837,
            1214349.798,
        ],
    ),
    "two strata, queries shared": (
        [pilot(A), pilot(TEN_TIMES)],
        14610,
        [
            250223.725,
            289506.7243,
            430094.3752,
            553425.6928,
            713366.3626,
            1070724.2608,
            1246806.2603,
        ],
    ),
    "all queries shared": (
        [pilot(A), pilot(C)],
        3510,
        [43677.9955, 47620.5608, 60875.1774, 71574.9785, 84270.5154, 108537.9392, 118846.6314],
    ),
    "history of other queries": (
        [history(A)],
        0,
        [31843.4976, 35261.621, 46942.242, 56552.2584, 68129.6374, 90697.9837, 100433.6259],
    ),
    "history of other queries, shared": (
        [history(A), history(C)],
        0,
        [41480.3583, 45720.1224, 60077.2361, 71764.958, 85726.467, 112646.4439, 124160.1909],
    ),
    "history of the same queries": (
        [measure([[each] for each in A], [2] * 10)],
        0,
        [3957.6391, 4204.834, 4984.0999, 5567.3735, 6218.9058, 7371.4319, 7831.853],
    ),
    "a run that goes on": (
        [LIVE],
        1000,
        [1258.5727, 1345.1796, 1727.9558, 2149.775, 2816.0202, 4829.8392, 6112.6144],
    ),
    "two strata of a run that goes on": (
        [LIVE, LIVE_TOO],
        1000,
        [1296.2651, 1392.0824, 1808.7388, 2260.2664, 2963.887, 5050.8618, 6360.9802],
    ),
    "a scratchpad": (
        [pilot(A, shape=SCRATCHPAD)],
        2760,
        [35978.1855, 38887.9734, 48487.5828, 56067.8772, 64904.7624, 81417.3256, 88307.4111],
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_quantiles_are_the_golden_ones(name: str) -> None:
    strata, certain, expected = GOLDEN[name]
    cost = pool_costs(strata, certain)
    assert [round(cost.quantile(p), 4) for p in PROBABILITIES] == expected


def test_chance_above_an_amount_is_the_golden_one() -> None:
    assert round(pool_costs([pilot(A)], 2760).chance_above(90000), 6) == 0.040572


def test_quantile_is_exceeded_as_often_as_it_says() -> None:
    cost = pool_costs([pilot(A), pilot(C)], 3510)
    for p in PROBABILITIES:
        assert cost.chance_above(cost.quantile(p)) == pytest.approx(1 - p)


def test_nothing_left_costs_what_is_paid() -> None:
    cost = pool_costs([measure([[each] for each in A], [0] * 10)], 2760)
    assert (cost.quantile(0.05), cost.quantile(0.95)) == (2760, 2760)
    assert (cost.chance_above(2759), cost.chance_above(2761)) == (1, 0)


def test_calls_that_cost_nothing_forecast_nothing() -> None:
    assert pool_costs([pilot([0.0] * 5)]).quantile(0.95) == 0


def test_no_strata_cost_what_is_certain() -> None:
    assert pool_costs([], 7).quantile(0.95) == 7


@pytest.mark.parametrize("name", GOLDEN)
def test_the_shares_of_strata_in_the_variance_are_all_of_it(name):
    strata = GOLDEN[name][0]
    assert sum(split_variance(strata)) == pytest.approx(pool_costs(strata).variance)


def test_what_was_measured_elsewhere_drifts_in_one_direction():
    here = [history(A), history(C)]
    there = [replace(each, may_drift=True) for each in here]
    mean = pool_costs(here).mean
    assert mean == pytest.approx(200 * 276 + 200 * 75)
    added = pool_costs(there).variance - pool_costs(here).variance
    assert added == pytest.approx((0.4 * mean) ** 2)
    assert pool_costs([here[0], there[1]]).variance == pytest.approx(
        pool_costs(here).variance + (0.4 * 200 * 75) ** 2
    )
    assert sum(split_variance(there)) == pytest.approx(pool_costs(there).variance)
