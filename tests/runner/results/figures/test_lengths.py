"""Lengths: quantiles as numpy has them, and a mean that gives the sum back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.results.figures.lengths import measure_lengths

SHARES = {"q05": 5, "q25": 25, "q50": 50, "q75": 75, "q95": 95}


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=60))
def test_quantiles_and_mean_are_those_of_the_answers(tokens):
    found = measure_lengths(tokens)
    assert (found.answers, found.tokens) == (len(tokens), sum(tokens))
    assert found.mean * found.answers == pytest.approx(sum(tokens))
    for name, percent in SHARES.items():
        assert found.quantiles[name] == pytest.approx(np.percentile(tokens, percent), abs=0.006)


def test_of_no_answers_there_are_no_lengths():
    assert measure_lengths([]) is None
