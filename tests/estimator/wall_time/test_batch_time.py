"""How long batches take, alone and beside calls."""

from dataclasses import replace

import pytest

from estimator.wall_time import (
    BatchTime,
    CallLoad,
    TokenTotal,
    find_batch_times,
    find_latest_end,
    find_prior_speed,
    find_wall_time,
    find_work_time,
)

SUBJECT, JUDGE = "anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini"
TIMES = {
    "anthropic": BatchTime(60, 600, 6000, 86400, "prior", ""),
    "openai": BatchTime(30, 300, 3000, 86400, "history", "", rounds=1),
}
SPEEDS = {name: find_prior_speed(name) for name in (SUBJECT, JUDGE)}


def load(stage: str, model: str, *, batch: bool, order: int = 0) -> CallLoad:
    tokens = TokenTotal(50e3, 100e3, 200e3)
    provider = model.partition("/")[0]
    return CallLoad(stage, model, provider, 100, 1e5, tokens, 4e5, 0, batch, order)


def find(*loads: CallLoad):
    return find_work_time(loads, SPEEDS, {}, 10, TIMES)


def test_stages_in_batches_follow_each_other() -> None:
    found = find(load("subject", SUBJECT, batch=True), load("j", JUDGE, batch=True, order=1))
    assert (found.low, found.likely, found.high) == (60 + 30, 2 * 600 + 300, 6000 + 600 + 3000)
    assert [each.kind for each in found.bounds] == ["batch", "batch"]
    assert found.bound_by.model == SUBJECT


def test_calls_that_judge_a_batch_wait_for_it() -> None:
    judge = load("j", JUDGE, batch=False, order=1)
    calls = find_wall_time([judge], SPEEDS, {}, 10)
    found = find(load("subject", SUBJECT, batch=True), judge)
    assert found.likely == pytest.approx(1200 + calls.likely)


def test_calls_beside_a_batch_take_no_longer_than_it() -> None:
    beside = [load("subject", JUDGE, batch=False), load("subject", SUBJECT, batch=True)]
    assert find(*beside).likely == max(1200, find_wall_time(beside[:1], SPEEDS, {}, 10).likely)


def test_calls_alone_take_what_they_take() -> None:
    calls = [load("subject", SUBJECT, batch=False), load("j", JUDGE, batch=False, order=1)]
    assert find(*calls) == find_wall_time(calls, SPEEDS, {}, 10)


def test_the_windows_of_all_rounds_bound_it() -> None:
    loads = [load("subject", SUBJECT, batch=True), load("j", JUDGE, batch=True, order=1)]
    assert find_latest_end(loads, TIMES) == 3 * 86400


def test_every_provider_has_a_time_with_its_source_and_a_measured_one_comes_first() -> None:
    loads = [load("subject", f"{name}/m", batch=True) for name in ("openrouter", "somewhere")]
    found = find_batch_times(loads, {"somewhere": TIMES["openai"]})
    assert found["somewhere"] == TIMES["openai"]
    assert "230,000 batches" in found["openrouter"].source
    assert found["openrouter"].low < found["openrouter"].likely < found["openrouter"].high
    assert found["openrouter"].to_json()["hours"]["latest"] == 96


def test_tokens_that_may_not_wait_go_into_later_rounds() -> None:
    """Together lets 30 billion tokens of a model wait."""
    times = {"together": BatchTime(60, 600, 6000, 86400, "prior", "")}
    fits, not_fits = (
        replace(load("subject", "together/m", batch=True), input_tokens=each)
        for each in (3e10, 7e10)
    )
    one, more = (find_work_time([each], {}, {}, 10, times) for each in (fits, not_fits))
    assert (one.low, one.likely, one.high) == (60, 1200, 6600)
    assert (more.low, more.likely, more.high) == (3 * 60, 4 * 600, 6000 + 3 * 600)
    assert find_latest_end([not_fits], times) == 4 * 86400
