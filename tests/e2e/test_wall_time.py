"""How long a plan takes is said beside what it costs, and rests on calls that were timed."""

from __future__ import annotations

import json

from tests.runner import sample_experiment
from tests.support.provider.behaviour import Behaviour

DELAY = 0.05


def estimate(afcost, *options):
    return json.loads(afcost("estimate", *options, "--format", "json")[0])


def test_a_first_estimate_has_priors_and_says_that_no_limit_is_known(afcost):
    time = estimate(afcost)["wall_time"]
    hours = time["hours"]
    assert 0 < hours["low"] < hours["likely"] < hours["high"]
    assert (time["concurrency"], time["bound_by"]["kind"]) == (10, "concurrency")
    assert {each["basis"] for each in time["speeds"]} == {"prior"}
    assert time["requests_per_minute"] is time["tokens_per_minute"] is None
    shown = afcost("estimate")[0]
    assert "time: likely " in shown
    assert "your rate limits are not known" in shown
    assert "(a prior, x/÷3.0)" in shown


def test_limits_and_the_concurrency_bound_it(afcost):
    limited = estimate(afcost, "--rpm", "2", "--concurrency", "50")["wall_time"]
    assert limited["bound_by"]["kind"] == "requests_per_minute"
    assert limited["bound_by"]["model"] == "deepinfra/llama-3.1-70b"
    assert limited["hours"]["likely"] >= 239 / 2 / 60
    shown = afcost("estimate", "--rpm", "2")[0]
    assert "limited by 2 requests a minute to deepinfra/llama-3.1-70b" in shown
    assert "your rate limits are not known" not in shown


def test_batches_take_as_long_as_their_provider_does_and_a_judge_waits_for_the_answers(afcost):
    found = estimate(afcost, "-m", "claude-opus-4.5", "--batch")["wall_time"]
    assert [each["model"] for each in found["bounds"]] == [
        "openai/gpt-4o-mini",
        "anthropic/claude-opus-4.5",
    ]
    assert {each["kind"] for each in found["bounds"]} == {"batch"}
    assert found["hours"]["likely"] == sum(each["hours"]["likely"] for each in found["bounds"])
    assert found["latest_hours"] == 4 * 24  # two stages of two rounds
    shown = afcost("estimate", "-m", "claude-opus-4.5", "--batch")[0]
    assert "limited by batches of openai/gpt-4o-mini" in shown
    assert "at the latest all end, or expire, within 4.0 days" in shown
    assert "your rate limits are not known" not in shown  # nothing is called


def test_speeds_neither_change_a_plan_nor_its_digests(afcost):
    plans = [
        json.loads(afcost("estimate", *options, "--format", "json")[0])["plan"]["digest"]
        for options in ((), ("--concurrency", "99", "--rpm", "3"))
    ]
    assert plans[0] == plans[1]


def test_calls_of_a_run_are_timed_and_the_next_estimate_rests_on_them(afcost, server, tmp_path):
    honest = Behaviour(wordy=True, input_tokens="counted", output_tokens=(5, 40), delay=DELAY)
    server.reset(honest)
    path = sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1", queries=4)
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "1", "--yes")
    afcost("run", "plan.json")
    time = estimate(afcost, str(path), "--samples", "2")["wall_time"]
    (own,) = time["speeds"]
    assert (own["basis"], own["source"]) == ("pilot", "32 calls of runs/small")
    rate = own["tokens_per_second"]
    assert own["first_token_seconds"] + (40 / rate if rate else 0) >= DELAY
    rest = afcost("estimate", str(path), "--samples", "2")[0]
    assert "time of the rest: likely " in rest
    assert "timed in this study" in rest
    other = estimate(afcost, str(path), "--study", "second")["wall_time"]["speeds"]
    assert [each["basis"] for each in other] == ["history"]
    assert estimate(afcost, str(path))["wall_time"] is None  # all of it is answered
