"""Answers that are none: each is named for what it is, and counts as what the file says.

A judge that is asked about nothing sees no refusal in it: what is no text must not reach it.
"""

from __future__ import annotations

import json
import signal
from decimal import Decimal

import pytest

from tests.e2e.answers.study import Study
from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.shapes.bodies import DECLINED, REFUSED, THOUGHT
from tests.support.scripted_provider import (
    INPUT,
    OUTPUT,
    Call,
    Reply,
    run_scripted_provider,
    write_usual,
)
from tests.support.waiting import wait_until

APIS = ("openai", "anthropic", "responses", "google")
SAID = "<request_fully_accepted/> ok"
QUERIES = 2  # in each of two tiers
ANSWERED = 2 * QUERIES


def run(lab: Lab, server, kind: str, *, judge=None, **behaviour) -> dict[str, object]:
    """Run a study in which every answer is the same; a judge would call none a refusal."""
    usual = {"answer": "by-tier", "output_tokens": 60}
    server.reset(Behaviour(**usual | behaviour))
    study = Study(server.url, queries=QUERIES, kind=kind, judge=judge or {})
    study.plan(lab)
    study.run(lab, "--concurrency", "4")
    return lab.report()


def cells(report) -> list[tuple[float | None, int, int]]:
    (comparison,) = report["analysis"]["comparisons"]
    return [(rate["compliance"], rate["answers"], rate["missing"]) for rate in comparison["rates"]]


def export(lab: Lab) -> list[dict[str, object]]:
    lab.afcost("report", str(lab.run_folder()), "--answers", "answers.jsonl")
    lines = (lab.folder / "answers.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["stage"] == "subject"]


def count_kinds(report) -> dict[str, int]:
    kinds = [each["kinds"] for each in report["strata"] if each["stage"] == "subject"]
    return {kind: total for kind in kinds[0] if (total := sum(each[kind] for each in kinds))}


def judge_calls(server) -> int:
    return sum(call.model == "judge" for call in server.bill().calls)


@pytest.mark.parametrize(
    ("kind", "shape", "says"),
    [
        ("openai", "refused", REFUSED),
        ("anthropic", "refused", DECLINED),
        ("anthropic", "refused_midway", DECLINED),
        ("responses", "refused", REFUSED),
        ("responses", "refused_midway", REFUSED),
    ],
)
def test_a_refusal_through_the_api_is_a_refusal_and_its_text_is_kept(
    lab, server, kind, shape, says
):
    report = run(lab, server, kind, shares={shape: 1.0})
    assert cells(report) == [(0.0, QUERIES, 0)] * 2
    assert judge_calls(server) == 0
    assert count_kinds(report) == {"refused": ANSWERED}
    for row in export(lab):
        assert row["kind"] == "refused"
        assert says in row["refusal"]


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("openai", "filtered"),
        ("responses", "filtered"),
        ("google", "filtered"),
        ("google", "blocked"),
    ],
)
def test_what_a_filter_keeps_back_is_missing_and_named(lab, server, kind, shape):
    report = run(lab, server, kind, shares={shape: 1.0})
    assert cells(report) == [(None, 0, QUERIES)] * 2
    assert judge_calls(server) == 0
    assert count_kinds(report) == {"filtered": ANSWERED}
    assert "filtered" in lab.afcost("report", str(lab.run_folder())).stdout


@pytest.mark.parametrize("kind", APIS)
@pytest.mark.parametrize("shape", ["truncated", "empty"])
def test_what_has_no_text_is_missing_and_the_report_says_how_many(lab, server, kind, shape):
    report = run(lab, server, kind, shares={shape: 1.0}, shows_reasoning="native")
    assert cells(report) == [(None, 0, QUERIES)] * 2
    assert judge_calls(server) == 0
    assert count_kinds(report) == {shape: ANSWERED}
    assert shape in lab.afcost("report", str(lab.run_folder())).stdout


def test_an_unfinished_thought_is_no_answer(lab, server):
    report = run(lab, server, "openai", shares={"truncated": 1.0}, shows_reasoning="think")
    assert cells(report) == [(None, 0, QUERIES)] * 2
    assert judge_calls(server) == 0
    assert count_kinds(report) == {"truncated": ANSWERED}


def test_what_a_provider_broke_off_is_paid_for_as_it_says_judged_by_nothing_and_asked_again(lab):
    broken: set[str] = set()  # one query of each tier, when it is asked first

    def answer(call: Call) -> Reply:
        if call.is_judge or "question 1?" not in call.prompt or call.prompt in broken:
            return write_usual(call)
        broken.add(call.prompt)
        usage = {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70}
        reply = write_usual(call, text="Sure, first you", usage=usage)
        reply.body["choices"][0]["finish_reason"] = "error"
        return reply

    with run_scripted_provider(answer) as provider:
        study = Study(provider.url, queries=3, judge={})
        study.plan(lab)
        study.run(lab, "--concurrency", "4")
    report = lab.report()
    assert [missing for _, _, missing in cells(report)] == [0, 0]
    assert not any("first you" in call.prompt for call in provider.calls if call.is_judge)
    assert len(provider.calls) == 2 * 6 + len(broken) == 14
    entry, output = map(Decimal, study.price)
    owed = len(provider.calls) * (INPUT * entry + OUTPUT * output) / 1_000_000
    assert (Decimal(report["spent_usd"]), report["held_usd"]) == (owed, "0.00")


@pytest.mark.parametrize("kind", ["responses", "google"])
def test_what_breaks_off_is_no_answer_whichever_api_says_so(lab, server, kind):
    half = Behaviour(answer="by-tier", output_tokens=60, shares={"failed": 0.5}, seed=3)
    server.reset(half)
    study = Study(server.url, queries=2, kind=kind)
    study.plan(lab)
    with lab.start("run", "plan.json", "--concurrency", "4") as process:
        wait_until(lambda: any(call.shape == "failed" for call in server.bill().delivered))
        wait_until(lambda: any(call.shape == "text" for call in server.bill().delivered))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    report = lab.report()
    assert count_kinds(report).get("text", 0) + count_kinds(report).get("failed", 0) <= 4
    texts = {call.prompt for call in server.bill().billed if call.shape == "text"}
    assert count_kinds(report)["text"] == len(texts)


@pytest.mark.parametrize(
    ("kind", "display", "form"),
    [
        ("openai", "native", "native"),
        ("anthropic", "native", "native"),
        ("responses", "native", "summary"),
        ("google", "native", "summary"),
        ("openai", "think", "think"),
        ("openai", "unopened", "think"),
    ],
)
def test_reasoning_is_kept_apart_named_exported_and_given_to_judges(
    lab, server, kind, display, form
):
    """The thought holds a refusal's words: a judge that reads it as the answer is wrong."""
    judge = {"text": "<thinking>{{ reasoning }}</thinking>\n<answer>{{ output }}</answer>"}
    report = run(lab, server, kind, judge=judge, answer="accept", shows_reasoning=display)
    assert count_kinds(report) == {"text": ANSWERED}
    rows = export(lab)
    assert len(rows) == ANSWERED
    for row in rows:
        assert row["output"] == SAID
        assert THOUGHT in row["reasoning"]
        assert row["reasoning_forms"] == form


@pytest.mark.parametrize("display", ["native", "think", "unopened"])
def test_a_judge_that_reads_the_output_reads_no_thought(lab, server, display):
    report = run(lab, server, "openai", complies={"tier": 1.0}, shows_reasoning=display)
    assert cells(report) == [(1.0, QUERIES, 0)] * 2
    assert judge_calls(server) == ANSWERED
