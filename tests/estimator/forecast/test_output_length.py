"""Expected lengths: closed forms against simulation and against known figures."""

from __future__ import annotations

import math
import random

import pytest

from estimator.forecast.output_length import OutputLength, truncated_mean


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
    prior = OutputLength(440, 0.61, "prior", "answer", "")
    points = [prior.quantile((i + 0.5) / 20_000) for i in range(20_000)]
    assert sum(points) / len(points) == pytest.approx(440, rel=0.01)
