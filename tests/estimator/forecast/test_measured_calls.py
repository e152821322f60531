"""Measured calls in tokens become dollars by query, for the run that is planned."""

import numpy as np
import pytest

from estimator.forecast import LengthShape, MeasuredCalls, TokenPrices, measure_stratum

PRICES, SHAPE = TokenPrices(2.0, 10.0), LengthShape(1.2, 0.75)


def calls(basis="history", **changes):
    given = {
        "queries": np.array([0, 0, 2, 4]),
        "output": np.array([10, 30, 50, 70]),
        "answer_input": np.array([0.0, 0.0, 5.0, 0.0]),
        "limits": np.array([100, 100, 50, 0]),
        "is_cut": np.array([False, False, True, True]),
    }
    return MeasuredCalls(**given | changes, basis=basis, source="made")


def test_each_call_is_priced_and_cut_at_the_limit_of_the_run():
    found = measure_stratum(calls(), np.full(3, 2.0), 40, PRICES, SHAPE)
    assert found.queries.tolist() == [0, 1, 2, 4]
    assert found.counted.tolist() == [2, 0, 1, 1]
    assert found.means.tolist() == [200, 0, 410, 400]
    assert found.within == pytest.approx(2 * 100**2)
    assert not found.may_drift


def test_only_the_studys_own_calls_are_not_paid_again():
    wanted = np.full(3, 2.0)
    again = measure_stratum(calls(), wanted, 100, PRICES, SHAPE)
    assert again.left.tolist() == [2, 2, 2, 0]
    own = measure_stratum(calls("pilot"), wanted, 100, PRICES, SHAPE)
    assert own.left.tolist() == [0, 2, 1, 0]
    fewer = measure_stratum(calls("pilot"), np.full(3, 1.0), 100, PRICES, SHAPE)
    assert fewer.left.tolist() == [0, 1, 0, 0], "never below nothing"


def test_calls_that_ended_at_a_smaller_limit_are_censored():
    assert calls().count_censored(50) == 0
    assert calls().count_censored(60) == 1
    assert calls().count_censored(71) == 2, "without a limit, it ended where it ended"
