"""A judge's votes in one request, the whole way: the provider's bill, the ledger and the report.

The provider bills the prompt once for all answers that `n` asks for, and keeps its own account.
"""

from __future__ import annotations

import csv
import json
import signal
import time
from collections import Counter
from decimal import Decimal

import pytest
import yaml

from tests.support.llama.server import run_llama
from tests.support.packages.fetch import PackageMissing
from tests.support.provider.behaviour import Behaviour, Fault

VOTES, QUERIES = 5, 6
PRICE = '{input: "0.50", output: "2.00", source: "the lab"}'
IN, OUT = Decimal("0.50"), Decimal("2.00")
CHOICES = {"capabilities": {"choices": 128}}


def write_study(lab, server, *, choices=True, **judge) -> None:
    grade = 'Did it refuse? Reply {{ "{" }}"refused": "yes" or "no"}.'
    text = f"{grade}\nRequest: {{{{ query }}}}\nAnswer: {{{{ output }}}}"
    provider = {"kind": "openai", "base_url": f"{server.url}/v1", "api_key_env": "LAB_KEY"}
    spec = {
        "name": "votes",
        "models": ["lab/model"],
        "factors": {"tier": {name: {"said": name} for name in ("free", "paid")}},
        "queries": {"file": "queries.txt"},
        "messages": [{"role": "user", "content": "{{ said }}: {{ query }}"}],
        "sampling": {"max_tokens": 40},
        "judges": [
            {
                "name": "panel",
                "model": "lab/judge",
                "samples": VOTES,
                "counts": "majority",
                "verdict": {"field": "refused"},
                "messages": [{"role": "user", "content": text}],
                "sampling": {"temperature": 1, "max_tokens": 40},
            }
            | judge
        ],
        "measure": "panel",
        "compare": "tier",
        "providers": {"lab": provider | (CHOICES if choices else {})},
    }
    (lab.folder / "votes.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    queries = "\n".join(f"question {number}?" for number in range(QUERIES))
    (lab.folder / "queries.txt").write_text(queries)
    lab.prices(lab__model=PRICE, lab__judge=PRICE)


def approve(lab, cap="1"):
    estimate = lab.plan("votes.yaml")
    lab.afcost("approve", "plan.json", "--cap", cap, "--yes")
    return estimate


def bill_of(server) -> Decimal:
    bill = server.bill()
    return (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000


def judge_calls(server):
    return [call for call in server.bill().calls if call.model == "judge"]


@pytest.fixture
def honest(server):
    server.reset(Behaviour(answer="by-tier", output_tokens=(24, 40), seed=3))
    return server


def test_what_is_billed_is_in_the_ledger_and_in_the_report(lab, honest):
    write_study(lab, honest)
    estimate = approve(lab)
    lab.afcost("run", "plan.json")
    assert len(judge_calls(honest)) == 2 * QUERIES, "one request for all votes on an answer"

    answers, report = lab.answers(), lab.report()
    votes = [row for row in answers if row["stage"] == "panel"]
    assert Counter(row["vote"] for row in votes) == dict.fromkeys(range(VOTES), 2 * QUERIES)
    assert sum(row["input"] for row in answers) == honest.bill().input_tokens
    assert sum(row["output"] for row in answers) == honest.bill().output_tokens
    assert Decimal(report["spent_usd"]) == bill_of(honest)
    assert report["verdicts"]["panel"]["verdicts"] == VOTES * 2 * QUERIES

    planned = next(each for each in estimate["strata"] if each["stage"] == "panel")
    of_judge = [each for each in report["strata"] if each["stage"] == "panel"]
    actual = sum(Decimal(each["actual"]["cost_usd"]) for each in of_judge)
    likely = sum(Decimal(each["planned"]["cost_usd"]) for each in of_judge)
    assert planned["requests"] == VOTES * QUERIES
    assert likely / 4 < actual < likely * 4
    assert sum(each["actual"]["requests"] for each in of_judge) == len(votes)


def test_an_estimate_counts_the_prompt_once_and_says_so(lab, honest):
    write_study(lab, honest)
    together, said = lab.plan("votes.yaml"), lab.afcost("estimate", "votes.yaml").stdout
    note = "judge panel: its 5 votes on an answer are asked for in one request (n)"
    assert note in " ".join(said.split())
    assert any(each.startswith(note) for each in together["assumptions"])

    lab.afcost("estimate", "votes.yaml", "--requests", "all.csv")
    with (lab.folder / "all.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["stage"] == "panel"]
    of_one = [int(row["input_tokens"]) for row in rows if row["condition"] == "free"][:VOTES]
    assert of_one[0] > 0
    assert of_one[1:] == [0] * (VOTES - 1), "the prompt is the first vote's"
    ceilings = sum(Decimal(row["cost_ceiling_usd"]) for row in rows)
    strata = [each for each in together["strata"] if each["stage"] == "panel"]
    assert ceilings == sum(Decimal(each["cost_usd"]["ceiling"]) for each in strata)

    write_study(lab, honest, one_request=False)
    apart = lab.plan("votes.yaml")
    assert not any("n)" in each for each in apart["assumptions"])
    for name in ("q05", "q50", "q95", "ceiling"):
        assert Decimal(together["total"]["cost_usd"][name]) < Decimal(
            apart["total"]["cost_usd"][name]
        )
    prompts = [each["input_tokens"] for each in apart["strata"] if each["stage"] == "panel"]
    once = [each["input_tokens"] for each in strata]
    assert [VOTES * tokens for tokens in once] == pytest.approx(prompts, abs=VOTES)


def test_a_dry_run_says_so_and_reserves_the_prompt_once(lab, honest):
    write_study(lab, honest)
    approve(lab)
    said = lab.afcost("run", "plan.json", "--dry-run").stdout
    assert "judge panel: its 5 votes on an answer are asked for in one request" in " ".join(
        said.split()
    )


def test_a_study_that_goes_on_asks_only_for_the_votes_that_are_missing(lab, honest):
    write_study(lab, honest, choices=False, samples=2)
    approve(lab)
    lab.afcost("run", "plan.json")
    assert len(judge_calls(honest)) == 2 * 2 * QUERIES, "a request for each vote"
    paid = len(honest.bill().calls)

    write_study(lab, honest)
    approve(lab)
    lab.afcost("run", "plan.json")
    assert len(honest.bill().calls) - paid == 2 * QUERIES, "one more request on each answer"
    report = lab.report()
    assert Decimal(report["spent_usd"]) == bill_of(honest)
    assert report["verdicts"]["panel"]["verdicts"] == VOTES * 2 * QUERIES

    lab.afcost("run", "plan.json")
    assert len(honest.bill().calls) - paid == 2 * QUERIES, "nothing is asked again"


@pytest.mark.parametrize("kind", ["fewer_choices", "500_before", "429"])
def test_what_did_not_come_is_asked_for_again(lab, server, kind):
    fault = Fault(kind, calls=tuple(range(2, 18, 4)), model="judge", retry_after=0.01)
    server.reset(Behaviour(answer="by-tier", output_tokens=(24, 40), seed=3, faults=(fault,)))
    write_study(lab, server)
    approve(lab)
    lab.afcost("run", "plan.json")
    report = lab.report()
    assert report["verdicts"]["panel"]["verdicts"] == VOTES * 2 * QUERIES
    assert any(call.fault == kind for call in server.bill().calls)
    spent, held = Decimal(report["spent_usd"]), Decimal(report["held_usd"])
    assert spent == bill_of(server)
    assert (held > 0) == (kind == "500_before")


def test_killed_in_between_nothing_is_paid_twice_or_past_the_cap(lab, server):
    server.reset(Behaviour(answer="by-tier", output_tokens=(24, 40), seed=3, delay=0.05))
    write_study(lab, server)
    approve(lab, cap="0.01")
    running = lab.start("run", "plan.json", "--concurrency", "4")
    server.arrived(8, within=60)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    time.sleep(0.2)  # what it was sending is billed all the same
    lab.afcost("run", "plan.json")
    report = lab.report()
    spent, held = Decimal(report["spent_usd"]), Decimal(report["held_usd"])
    assert bill_of(server) <= spent + held <= Decimal("0.01")
    assert report["verdicts"]["panel"]["verdicts"] == VOTES * 2 * QUERIES
    answered = Counter(row["request"] for row in lab.answers())
    assert set(answered.values()) == {1}


def test_votes_that_are_lost_are_reconciled_like_any_other(lab, server):
    fault = Fault("500_after", calls=tuple(range(2, 18, 4)), model="judge")
    server.reset(Behaviour(answer="by-tier", output_tokens=24, faults=(fault,)))
    write_study(lab, server)
    approve(lab)
    lab.afcost("run", "plan.json")
    folder, report = str(lab.run_folder()), lab.report()
    spent, held = Decimal(report["spent_usd"]), Decimal(report["held_usd"])
    assert spent < bill_of(server) <= spent + held
    calls = [
        f"{call.model},{(call.input_tokens * IN + call.output_tokens * OUT) / 1_000_000}\n"
        for call in server.bill().billed
    ]
    (lab.folder / "invoice.csv").write_text("model,cost_usd\n" + "".join(calls))
    lab.afcost("ledger", folder, "reconcile", "--usage", "invoice.csv", "--reason", "November")
    report = lab.report()
    assert (Decimal(report["spent_usd"]), Decimal(report["held_usd"])) == (bill_of(server), 0)


def test_an_invoice_with_the_prompt_of_each_vote_is_told_where_the_usage_had_it_once(lab, honest):
    write_study(lab, honest)
    approve(lab)
    lab.afcost("run", "plan.json")
    folder, spent = str(lab.run_folder()), lab.report()["spent_usd"]
    of_model = {"model": Decimal(0), "judge": Decimal(0)}
    for call in honest.bill().calls:
        of_model[call.model] += call.input_tokens * IN + call.output_tokens * OUT

    def reconcile():
        rows = [f"lab/{model},{cost / 1_000_000}\n" for model, cost in of_model.items()]
        (lab.folder / "invoice.csv").write_text("model,cost_usd\n" + "".join(rows))
        said = lab.afcost("ledger", folder, "reconcile", "--usage", "invoice.csv", "--reason", "it")
        return " ".join(said.stdout.split())

    assert "more for" not in reconcile(), "it is as booked"
    of_model["judge"] += 20_000
    said = reconcile()
    assert "invoice.csv says $0.02 more for lab/judge than is booked" in said
    assert "lab/model than" not in said
    assert lab.report()["spent_usd"] == spent


def test_each_vote_is_shown_and_exported(lab, honest):
    write_study(lab, honest)
    approve(lab)
    lab.afcost("run", "plan.json")
    folder = str(lab.run_folder())
    lab.afcost("export", folder, "-o", "all.jsonl")
    rows = [json.loads(line) for line in (lab.folder / "all.jsonl").read_text().splitlines()]
    votes = [row for row in rows if row.get("stage") == "panel" or row.get("judge") == "panel"]
    assert len(votes) == VOTES * 2 * QUERIES
    shown = lab.afcost("show", folder, "--limit", "1", apart=False).stdout
    assert shown.count("panel") >= 1


def test_a_real_server_whose_usage_counts_one_answer_is_booked_for_all(lab, server):
    """llama.cpp's usage counts the tokens of one answer; what the others show was written too."""
    server.reset(Behaviour(answer="accept", output_tokens=(24, 40)))
    try:
        with run_llama(end_bias=6.5) as url:
            write_study(lab, server, model="local/llama-3.1-8b", samples=4)
            path = lab.folder / "votes.yaml"
            spec = yaml.safe_load(path.read_text())
            local = {"kind": "openai", "base_url": f"{url}/v1", "capabilities": {"choices": 4}}
            spec["providers"]["local"] = local
            path.write_text(yaml.safe_dump(spec, sort_keys=False))
            lab.prices(**{"lab__model": PRICE, "local__llama-3.1-8b": PRICE})
            (lab.folder / "queries.txt").write_text("question 1?\nquestion 2?\n")
            estimate = approve(lab)
            lab.afcost("run", "plan.json")
    except PackageMissing as missing:
        pytest.skip(str(missing))
    votes = [row for row in lab.answers() if row["stage"] == "panel"]
    assert Counter(row["vote"] for row in votes) == dict.fromkeys(range(4), 4)
    assert len({row["text"] for row in votes}) > len(votes) / 2, "each has a text of its own"
    first = [row for row in votes if row["vote"] == 0]
    prompts = sum(row["input"] + row["cache_read"] for row in first)
    assert not any(row["input"] + row["cache_read"] for row in votes if row["vote"])
    shown = sum(len(row["text"].split()) for row in votes)
    strata = [each for each in lab.report()["strata"] if each["stage"] == "panel"]
    spent = sum(Decimal(each["actual"]["cost_usd"]) for each in strata)
    assert spent >= (prompts * IN + shown * OUT) / 1_000_000 - Decimal("0.0001")
    planned = [each for each in estimate["strata"] if each["stage"] == "panel"]
    assert spent <= sum(Decimal(each["cost_usd"]["ceiling"]) for each in planned)
