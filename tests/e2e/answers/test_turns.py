"""Answers in several turns: each is planned, reserved, billed, and judged as one."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from tests.e2e.answers.study import TIERS, Study
from tests.support.provider.answers import FIRST_TURN
from tests.support.provider.behaviour import Behaviour

QUERIES, SOON = 6, 25.0
GO_ON = {"turns": 3, "go_on": "Go on."}


def two_turns(server) -> None:
    server.reset(Behaviour(answer="in-turns", output_tokens=(25, 40)))  # more than is shown


@pytest.mark.parametrize("answer", [GO_ON, {"turns": 3}], ids=["asked", "prefill"])
@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_an_answer_of_two_turns_is_billed_twice_and_judged_once(lab, server, kind, answer):
    two_turns(server)
    study = Study(server.url, QUERIES, kind=kind, judge={}, answer=answer, max_tokens=40)
    study.plan(lab)
    study.run(lab, "--concurrency", "4")
    report, bill = lab.report(), server.bill()
    jobs = QUERIES * len(TIERS)
    assert Counter(call.model for call in bill.calls) == {"model": 2 * jobs, "judge": jobs}
    entry, output = map(Decimal, study.price)
    owed = (bill.input_tokens * entry + bill.output_tokens * output) / 1_000_000
    assert (report["outcome"], Decimal(report["spent_usd"])) == ("complete", owed)
    (comparison,) = report["analysis"]["comparisons"]
    assert [rate["answers"] for rate in comparison["rates"]] == [QUERIES, QUERIES]
    assert {each["stage"]: each["actual"]["requests"] for each in report["strata"]} == {
        "subject": QUERIES,
        "compliance": QUERIES,
    }
    turns = [(each["stage"], each["actual"]["turns"]) for each in report["strata"]]
    assert set(turns) == {("subject", 2 * QUERIES), ("compliance", None)}
    said = f"{jobs} answers in several turns took {2 * jobs} requests\n"
    for command in ("report", "status"):
        assert said in lab.afcost(command, str(lab.run_folder())).stdout
    texts = {row["vote"]: row["text"] for row in lab.answers() if row["stage"] == "subject"}
    assert texts[0] == FIRST_TURN
    assert "<OUTPUT>" in texts[1]


def test_a_model_that_never_comes_to_its_output_ends_at_the_limit(lab, server):
    server.reset(Behaviour(text="I am still thinking.", output_tokens=(10, 30)))
    study = Study(server.url, QUERIES, answer=GO_ON, max_tokens=40)
    study.plan(lab)
    study.run(lab, "--concurrency", "4")
    assert len(server.bill().calls) == 3 * QUERIES * len(TIERS)
    shown = lab.afcost("show", str(lab.run_folder()), "--limit", "1").stdout
    assert ", in 3 turns, $" in shown
    read = lab.afcost("show", str(lab.run_folder()), "--format", "jsonl").stdout.splitlines()
    assert {json.loads(line)["turns"] for line in read} == {3}


def test_figures_say_on_how_many_turns_they_rest(lab, server):
    """One turn of each answer is likely; the ceiling, and only it, has all of them."""
    study = Study(server.url, QUERIES, judge={}, answer=GO_ON, max_tokens=40)
    study.write(lab)
    said = "likely costs and ranges count one turn of each answer"
    estimate = lab.plan("study.yaml")
    (assumed,) = [each for each in estimate["assumptions"] if said in each]
    assert "the ceiling counts all 3" in assumed
    assert said in " ".join(lab.afcost("estimate", "study.yaml").stdout.split())
    assert said in lab.afcost("estimate", "study.yaml", "--format", "md").stdout
    cost = estimate["total"]["cost_usd"]
    cap = str(Decimal(cost["ceiling"]) * 9 / 10)
    assert Decimal(cap) > Decimal(cost["q95"])
    shown = lab.afcost("approve", "plan.json", "--cap", cap, "--yes").stdout
    assert said in shown
    assert "it likely covers one turn of each answer; if up to 3 cost more, the run stops" in shown
    shown = lab.afcost("approve", "plan.json", "--cap", cost["ceiling"], "--yes").stdout
    assert "it covers the run, whatever the models answer" in shown


def test_one_turn_is_not_spoken_of(lab, server):
    study = Study(server.url, QUERIES, judge={}, max_tokens=40)
    study.write(lab)
    assert "turn" not in str(lab.plan("study.yaml")["assumptions"])
    assert "turn" not in lab.afcost("approve", "plan.json", "--cap", "1", "--yes").stdout
    study.run(lab)
    assert "turns took" not in lab.afcost("report", str(lab.run_folder())).stdout


@pytest.mark.parametrize("concurrency", [1, 10])
def test_a_cap_that_binds_leaves_no_answer_half_written_or_unjudged(lab, server, concurrency):
    two_turns(server)
    study = Study(server.url, 20, judge={}, answer=GO_ON, max_tokens=40)
    study.plan(lab, cap=None)
    ceiling = Decimal(lab.plan("study.yaml")["total"]["cost_usd"]["ceiling"])
    lab.afcost("approve", "plan.json", "--cap", str(round(ceiling / 10, 6)), "--yes")
    study.run(lab, "--concurrency", str(concurrency), ends=4)
    bill = Counter(call.model for call in server.bill().calls)
    assert bill["model"] == 2 * bill["judge"] > 0
    assert Decimal(lab.report()["spent_usd"]) <= ceiling / 10

    lab.afcost("approve", "plan.json", "--cap", str(ceiling), "--yes")
    study.run(lab, "--concurrency", str(concurrency))
    jobs = 20 * len(TIERS)
    assert Counter(call.model for call in server.bill().calls) == {"model": 2 * jobs, "judge": jobs}


def test_the_most_that_it_can_cost_has_every_turn(lab, server):
    server.reset(Behaviour(text="I am still thinking.", output_tokens=40))
    study = Study(server.url, QUERIES, answer=GO_ON, max_tokens=40)
    study.write(lab)
    estimate = lab.plan("study.yaml")
    alone = Study(server.url, QUERIES, max_tokens=40)
    alone.write(lab)
    one = Decimal(lab.plan("study.yaml")["total"]["cost_usd"]["ceiling"])
    assert Decimal(estimate["total"]["cost_usd"]["ceiling"]) > 3 * one
    assert any("the ceiling counts all 3" in said for said in estimate["assumptions"])


@pytest.mark.parametrize("stop", [1, 4])
def test_a_run_that_was_killed_between_two_turns_goes_on_with_the_second(lab, server, stop):
    """Two turns and a judge for each job, one after the other: the last call is a second turn."""
    two_turns(server)
    study = Study(server.url, 2, judge={}, answer=GO_ON, max_tokens=40)
    study.plan(lab)
    server.hold_after(stop)
    with lab.start("run", "plan.json", "--concurrency", "1") as process:
        assert server.arrived(stop + 1, SOON) == stop + 1
        process.kill()
    server.release()
    study.run(lab, "--concurrency", "1")
    jobs = 2 * len(TIERS)
    assert lab.report()["outcome"] == "complete"
    answers = lab.answers()
    assert Counter(row["stage"] for row in answers) == {"subject": 2 * jobs, "compliance": jobs}
    assert max(Counter(row["request"] for row in answers).values()) == 1
    assert len(server.bill().calls) == 3 * jobs + 1, "only the call that was cut is asked again"
