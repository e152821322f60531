"""What a failure says is what the run does: it waits, goes on, stops, or leaves a model out.

Nothing is held that was not billed, and no outage eats the cap.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.e2e.answers.study import Study
from tests.support.scripted_provider import (
    Call,
    Reply,
    ScriptedProvider,
    run_scripted_provider,
    write_usual,
)

OUTAGE = 2.0  # seconds
CONCURRENCY = 4
PATIENCE = 40.0  # seconds; what stops at once, or waits as asked, needs a few


def money(report) -> tuple[str, bool]:
    return report["held_usd"], Decimal(report["spent_usd"]) > 0


def last_before(provider: ScriptedProvider, n: int) -> float:
    """Return the seconds between two calls that follow each other."""
    return provider.calls[n].at - provider.calls[n - 1].at


@pytest.mark.parametrize(
    ("kind", "status", "body", "headers"),
    [
        (
            "anthropic",
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            {"Retry-After": "2"},
        ),
        ("openai", 503, {"error": {"message": "The server is overloaded.", "code": 503}}, {}),
    ],
    ids=["529 with Retry-After", "503"],
)
def test_an_outage_holds_little_and_the_run_completes_when_it_ends(
    lab, kind, status, body, headers
):
    begins = 3

    def answer(call: Call) -> Reply:
        began = provider.calls[begins - 1].at if len(provider.calls) >= begins else call.at
        is_down = call.n >= begins and call.at < began + OUTAGE
        return Reply(status, body, headers) if is_down else write_usual(call)

    with run_scripted_provider(answer) as provider:
        study = Study(provider.url, queries=20, kind=kind, judge={})
        study.plan(lab, cap="0.02")
        study.run_within(PATIENCE, lab, "--concurrency", str(CONCURRENCY))
    report = lab.report()
    assert report["outcome"] == "complete"
    assert report["attempts"]["held"] <= 2 * CONCURRENCY
    assert all(each["actual"]["requests"] == 20 for each in report["strata"])
    assert len(provider.calls) <= 80 + 2 * CONCURRENCY


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        (
            "openai",
            400,
            {
                "type": "invalid_request_error",
                "message": "Your credit balance is too low to access the Anthropic API.",
            },
        ),
        (
            "anthropic",
            400,
            {
                "type": "invalid_request_error",
                "message": "You have reached your specified API usage limits. You will regain "
                "access on 2027-01-01 at 00:00 UTC.",
            },
        ),
        (
            "anthropic",
            429,
            {
                "type": "rate_limit_error",
                "message": "Spend limit reached.",
                "details": {"error_code": "enforced_spend_limit_reached"},
            },
        ),
        (
            "openai",
            429,
            {
                "type": "exceeded_current_quota_error",
                "message": "Your account is not active or out of balance.",
            },
        ),
        ("openai", 402, {"message": "Insufficient credits.", "code": 402}),
        ("openai", 200, {"message": "Insufficient credits.", "code": 402}),
    ],
    ids=lambda value: value.get("type", "code 402") if isinstance(value, dict) else str(value),
)
def test_out_of_money_stops_the_whole_run_at_once_with_nothing_held(lab, kind, status, error):
    def answer(call: Call) -> Reply:
        return write_usual(call) if call.n <= 4 else Reply(status, {"error": error})

    with run_scripted_provider(answer) as provider:
        study = Study(provider.url, queries=20, kind=kind, judge={})
        study.plan(lab)
        said = study.run_within(PATIENCE, lab, "--concurrency", str(CONCURRENCY), ends=1)
    assert len(provider.calls) <= 4 + CONCURRENCY
    report = lab.report()
    assert money(report) == ("0.00", True)
    assert report["outcome"] == "partial"
    assert any(word in said.lower() for word in ("credit", "spend", "money", "limit", "balance"))
    assert report["reason"], "it can be read later"


@pytest.mark.parametrize(
    ("headers", "error", "seconds"),
    [
        ({"retry-after-ms": "1500"}, {"message": "slow down", "code": "rate_limit_exceeded"}, 1.5),
        ({"Retry-After": "1.5"}, {"message": "slow down", "code": "rate_limit_exceeded"}, 1.5),
        (
            {},
            {
                "code": 429,
                "status": "RESOURCE_EXHAUSTED",
                "message": "You exceeded your current quota, please check your plan and billing "
                "details.",
                "details": [
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}
                ],
            },
            2.0,
        ),
    ],
    ids=["retry-after-ms", "fraction", "Google's retryDelay"],
)
@pytest.mark.parametrize("status", [429, 200])
def test_a_rate_limit_is_waited_for_as_asked_and_holds_nothing(
    lab, status, headers, error, seconds
):
    def answer(call: Call) -> Reply:
        if call.n != 3:
            return write_usual(call)
        return Reply(status, {"error": error | {"code": 429}}, headers)

    with run_scripted_provider(answer) as provider:
        study = Study(provider.url, queries=2)
        study.plan(lab)
        study.run_within(PATIENCE, lab, "--concurrency", "1")
    report = lab.report()
    assert (report["outcome"], report["held_usd"]) == ("complete", "0.00")
    assert len(provider.calls) == 5
    assert last_before(provider, 3) >= seconds


JUDGES_FAULT = {"error": {"message": "Unsupported value: 'temperature'", "param": "temperature"}}


def test_a_judge_that_refuses_everything_costs_two_subjects_and_mending_it_pays_none_again(lab):
    """One refusal alone may be due to that answer, so a second job tries."""
    is_mended = False

    def answer(call: Call) -> Reply:
        return Reply(400, JUDGES_FAULT) if call.is_judge and not is_mended else write_usual(call)

    with run_scripted_provider(answer) as provider:
        study = Study(provider.url, queries=10, judge={})
        study.plan(lab)
        study.run_within(PATIENCE, lab, "--concurrency", "8", ends=1)
        first = [call for call in provider.calls if not call.is_judge]
        assert len(first) <= 2
        assert "temperature" in lab.report()["reason"]
        is_mended = True
        mended = Study(provider.url, queries=10, judge={"sampling": {"max_tokens": 60}})
        mended.plan(lab)
        mended.run_within(PATIENCE, lab, "--concurrency", "8")
    subjects = [call.prompt for call in provider.calls if not call.is_judge]
    assert len(subjects) == len(set(subjects)) == 20
    assert lab.report()["outcome"] == "complete"


def test_one_model_that_does_not_exist_is_named_and_the_others_go_on(lab):
    missing = {"error": {"message": "The model `gone` does not exist", "code": "model_not_found"}}

    def answer(call: Call) -> Reply:
        return Reply(404, missing) if call.model == "gone" else write_usual(call)

    with run_scripted_provider(answer) as provider:
        study = Study(provider.url, queries=10, models=("one", "gone", "two"), judge={})
        study.plan(lab)
        said = study.run_within(PATIENCE, lab, "--concurrency", "8", ends=1)
    assert "lab/gone" in said
    assert "does not exist" in said
    report = lab.report()
    done = {each["model"]: 0 for each in report["strata"] if each["stage"] == "subject"}
    for each in report["strata"]:
        if each["stage"] == "subject":
            done[each["model"]] += each["actual"]["requests"]
    assert sorted(done.values()) == [0, 20, 20]
    assert sum(call.model == "gone" for call in provider.calls) <= 8
    assert "gone" in report["reason"]
    assert report["held_usd"] == "0.00"


def test_whole_floats_are_counts(lab):
    usage = {"prompt_tokens": 30.0, "completion_tokens": 20.0, "total_tokens": 50.0}
    with run_scripted_provider(lambda call: write_usual(call, usage=usage)) as provider:
        study = Study(provider.url, queries=2)
        study.plan(lab)
        study.run_within(PATIENCE, lab)
    report = lab.report()
    assert (report["outcome"], report["held_usd"]) == ("complete", "0.00")
    entry, output = map(Decimal, study.price)
    assert Decimal(report["spent_usd"]) == 4 * (30 * entry + 20 * output) / 1_000_000
