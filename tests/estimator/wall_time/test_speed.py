"""Speeds: as calls were timed, or by what is published, or a prior that says so."""

from __future__ import annotations

import pytest

from estimator.wall_time import Speed, TimedCall, find_prior_speed, find_speeds, fit_speed


def test_the_line_through_timed_calls():
    calls = [TimedCall(n, 0.5 + 0.02 * n) for n in (10, 20, 50, 100, 400)]
    found = fit_speed(calls, "history", "5 calls of runs/a")
    assert (found.first, found.per_token) == pytest.approx((0.5, 0.02))
    assert found.tokens_a_second == pytest.approx(50)
    assert found.sigma == pytest.approx(0.20)  # from run to run
    assert fit_speed(calls, "pilot", "").sigma == pytest.approx(0.10)


def test_calls_that_scatter_are_less_certain():
    calls = [TimedCall(100, seconds) for seconds in (1.0, 1.0, 4.0, 4.0)] * 2
    found = fit_speed(calls, "pilot", "")
    # sqrt(18 / (8 - 2) / 8) / 2.5, beside the drift
    assert found.sigma == pytest.approx((0.1**2 + (18 / 6 / 8) / 2.5**2) ** 0.5)
    assert (found.first, found.per_token, found.tokens_a_second) == (2.5, 0.0, None)


@pytest.mark.parametrize("calls", [[], [TimedCall(10, 1.0)] * 4])
def test_too_few_calls_say_nothing(calls):
    assert fit_speed(calls, "history", "") is None


def test_neither_part_is_below_zero():
    steep = [TimedCall(n, max(0.01 * n - 0.5, 0.01)) for n in (60, 80, 100, 200, 400)]
    found = fit_speed(steep, "history", "")
    assert found.first == 0.0
    assert found.per_token > 0
    falling = [TimedCall(n, 5 - 0.01 * n) for n in (60, 80, 100, 200, 400)]
    assert fit_speed(falling, "history", "").per_token == 0.0


@pytest.mark.parametrize(
    ("name", "tokens", "basis"),
    [
        ("openai/gpt-4o-mini", 130, "prior"),
        ("deepinfra/llama-3.1-8b", 130, "prior"),
        ("google/gemini-2.5-pro", 65, "prior"),  # not "mini"
        ("deepinfra/llama-3.1-70b", 65, "prior"),
        ("lab/gpt-oss-120b", 65, "prior"),
        ("cerebras/gpt-oss-120b", 3000, "documented"),
        ("groq/llama-3.3-70b-versatile", 280, "documented"),
    ],
)
def test_a_model_that_was_never_timed_has_what_is_published_or_a_prior(name, tokens, basis):
    found = find_prior_speed(name)
    assert found.tokens_a_second == pytest.approx(tokens)
    assert found.basis == basis
    assert found.factor >= 2.5
    assert "read on 20" in found.source


def test_what_was_timed_comes_before_a_prior():
    timed = {"a/b": Speed(1.0, 0.01, 0.2, "pilot", "")}
    found = find_speeds(["a/b", "a/c"], timed)
    assert [each.basis for each in found.values()] == ["pilot", "prior"]
