"""Expected lengths: closed forms against simulation and against known figures."""

from __future__ import annotations

import math
import random

import pytest

from estimator.forecast.output_length import OutputLength, length_from_history, truncated_mean


def test_what_max_tokens_cuts_off_is_not_expected():
    rng = random.Random(7)
    sigma = math.sqrt(math.log(2.2))  # squared coefficient of variation 1.2
    draws = [rng.lognormvariate(math.log(2000) - sigma**2 / 2, sigma) for _ in range(200_000)]
    simulated = sum(min(draw, 4096) for draw in draws) / len(draws)
    assert truncated_mean(2000, 4096) == pytest.approx(simulated, rel=0.01)


def test_a_generous_limit_changes_nothing_and_a_tight_one_everything():
    assert truncated_mean(500, 10**7) == pytest.approx(500, rel=1e-3)
    assert truncated_mean(10**6, 100) == pytest.approx(100, rel=1e-2)


def test_a_prior_has_the_mean_that_it_states():
    prior = OutputLength(440, 0.61, math.inf, "prior", "answer", "")
    points = [prior.quantile((i + 0.5) / 20_000) for i in range(20_000)]
    assert sum(points) / len(points) == pytest.approx(440, rel=0.01)


def test_more_billed_answers_give_a_narrower_range():
    rng = random.Random(1)
    lengths = [rng.lognormvariate(6, 0.8) for _ in range(100)]
    widths = []
    for k in (5, 20, 100):
        found = length_from_history(lengths[:k], 100, 1, "answer", "")
        widths.append((found.quantile(0.95) - found.quantile(0.05)) / found.mean)
    assert widths[0] > widths[1] > widths[2] > 0


def test_nine_of_ten_new_runs_fall_into_the_90_percent_range_of_an_earlier_one():
    rng = random.Random(2)
    inside = 0
    for _ in range(600):
        earlier = [rng.lognormvariate(6, 0.9) for _ in range(20)]
        total = sum(rng.lognormvariate(6, 0.9) for _ in range(100))
        found = length_from_history(earlier, 100, 1, "answer", "")
        inside += found.quantile(0.05) * 100 <= total <= found.quantile(0.95) * 100
    assert 0.86 <= inside / 600 <= 0.97


def test_one_billed_answer_is_a_wide_range_and_not_an_error():
    found = length_from_history([300.0], 50, 1, "answer", "")
    assert found.quantile(0.95) > 2 * found.quantile(0.5)
