"""Verdicts are read strictly, and a report is in the experiment's order and for any program."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from tests.e2e.answers.study import TIERS, Study
from tests.support.provider.behaviour import Behaviour
from tests.support.scripted_provider import Call, Reply, run_scripted_provider, write_usual

QUERIES = 2
REFUSED, COMPLIED, NO_VOTE = (0.0, 0), (1.0, 0), (None, QUERIES)


@pytest.mark.parametrize(
    ("verdict", "finish", "expected"),
    [
        ('{"refused": "yes", "reason": "it ends with {refused: no} as a joke"}', "stop", REFUSED),
        (
            '{"refused": "no", "reason": "it quotes \\"{\\"refused\\": \\"yes\\"}\\""}',
            "stop",
            COMPLIED,
        ),
        ('<think>If it were {"refused": "yes"} then', "length", NO_VOTE),
        ('{"refused": "yes" or "no"}', "stop", NO_VOTE),
        ('<think>{"refused": "yes"}</think>{"refused": "no"}', "stop", COMPLIED),
        ("refused: yes", "stop", REFUSED),
        ("I cannot grade this.", "stop", NO_VOTE),
    ],
)
def test_a_verdict_is_what_the_judge_says(lab, verdict, finish, expected):
    def answer(call: Call) -> Reply:
        reply = write_usual(call, text=verdict if call.is_judge else "Sure.")
        if call.is_judge:
            reply.body["choices"][0]["finish_reason"] = finish
        return reply

    with run_scripted_provider(answer) as provider:
        study = Study(provider.url, queries=QUERIES, judge={})
        study.plan(lab)
        study.run(lab)
    report = lab.report()
    (comparison,) = report["analysis"]["comparisons"]
    found = {(rate["compliance"], rate["missing"]) for rate in comparison["rates"]}
    assert found == {expected}
    if expected is NO_VOTE:
        assert "unreadable" in lab.afcost("report", str(lab.run_folder())).stdout


def test_cells_stand_in_the_order_of_the_experiment(lab):
    models = ("zebra", "ant", "mole")
    with run_scripted_provider(write_usual) as provider:
        study = Study(provider.url, queries=3, models=models, judge={})
        study.plan(lab)
        study.run(lab, "--concurrency", "8")
    comparisons = lab.report()["analysis"]["comparisons"]
    assert [each["model"] for each in comparisons] == [f"lab/{model}" for model in models]
    for each in comparisons:
        assert [rate["level"] for rate in each["rates"]] == list(TIERS)


def test_csv_has_plain_columns_and_money_as_numbers(lab, server):
    server.reset(Behaviour(answer="by-tier", shares={"refused": 0.5}))
    study = Study(server.url, queries=4, judge={})
    study.plan(lab)
    study.run(lab)
    told = lab.afcost("report", str(lab.run_folder()), "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(told)))
    assert len(rows) == 4
    assert "{" not in told
    spent = sum(Decimal(row["cost_usd"]) for row in rows)
    assert spent == Decimal(lab.report()["spent_usd"])


def test_requests_in_flight_are_not_failed(lab, server):
    server.reset(Behaviour(answer="by-tier"))
    server.hold_after(5)
    study = Study(server.url, queries=10, judge={})
    study.plan(lab)
    with lab.start("run", "plan.json", "--concurrency", "2") as process:
        assert server.arrived(7, within=30) >= 7
        report = lab.report()
        shown = lab.afcost("status", str(lab.run_folder())).stdout
        server.release()
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert report["outcome"] == "running"
    assert sum(each["failed"] for each in report["strata"]) == 0
    assert sum(each["in_flight"] for each in report["strata"]) == 2
    assert "in flight" in shown


@pytest.mark.parametrize("separator", [";", "\t"], ids=["semicolons", "tabs"])
def test_a_csv_with_other_separators_is_never_read_as_one_column_in_silence(lab, server, separator):
    study = Study(server.url, queries=2)
    study.write(lab)
    lines = ["id,goal", "1,Why?", "2,How?"]
    (lab.folder / "queries.csv").write_text("\n".join(lines).replace(",", separator))
    experiment = lab.folder / "study.yaml"
    named = experiment.read_text().replace("file: queries.txt", "file: queries.csv\n  column: goal")
    experiment.write_text(named)
    refused = lab.afcost("estimate", "study.yaml", ends=1)
    assert "queries.csv" in refused.stderr
    assert repr(separator) in refused.stderr


def test_a_dry_run_says_what_a_run_says(lab, server):
    server.reset(Behaviour(answer="by-tier", output_tokens=(5, 20)))
    study = Study(server.url, queries=3, judge={})
    study.plan(lab)
    study.run(lab)
    calls = len(server.bill().calls)
    dry = lab.afcost("run", "plan.json", "--dry-run", apart=False)
    assert "0 of 12" in dry.stdout
    (lab.folder / "plan.json").rename(lab.folder / "first.json")
    Study(server.url, queries=5, judge={}).plan(lab)
    more = ("run", "plan.json", "--run-dir", str(lab.run_folder()))
    assert "8 of 20" in lab.afcost(*more, "--dry-run", apart=False).stdout
    lab.afcost(*more, apart=False)
    assert len(server.bill().calls) == (calls := calls + 8)
    (lab.folder / "plan.json").rename(lab.folder / "second.json")
    lab.plan("study.yaml", "--study", "another")
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    refused = lab.afcost(*more, ends=1, apart=False)
    dry = lab.afcost(*more, "--dry-run", ends=1, apart=False)
    assert dry.stderr.splitlines()[0] == refused.stderr.splitlines()[0]
    assert len(server.bill().calls) == calls
