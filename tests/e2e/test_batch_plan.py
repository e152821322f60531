"""A plan of batches is run in batches, at their price; how long they took counts in estimates."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour

QUERIES = 6


@pytest.fixture
def lab(server, tmp_path):
    server.reset(Behaviour(output_tokens=20))
    (tmp_path / "q.txt").write_text("".join(f"question {n}\n" for n in range(QUERIES)))
    (tmp_path / "own.yaml").write_text(
        "name: own\nmodels: [{name: openai/gpt-4o-mini, batch: yes}]\n"
        "queries: {file: q.txt}\nsampling: {max_tokens: 50}\n"
        "messages: [{role: user, content: '{{ query }}'}]\n"
        "judges: [{name: j, model: gpt-4o, batch: yes, sampling: {max_tokens: 20}, "
        "messages: [{role: user, content: 'J {{ output }}'}]}]\n"
        f"providers: {{openai: {{base_url: '{server.url}/v1'}}}}\n"
    )
    return Lab(tmp_path)


def test_what_is_planned_in_batches_is_billed_at_their_price(lab, server) -> None:
    planned = lab.plan("own.yaml")
    assert {each["price"]["processing"] for each in planned["strata"]} == {"batch"}
    assert {each["basis"] for each in planned["wall_time"]["batches"].values()} == {"prior"}
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes", "--trust", "openai=OPENAI_API_KEY")
    lab.afcost("run", "plan.json", "--poll", "0.1")
    calls = server.bill().calls
    assert len(calls) == 2 * QUERIES
    assert all(call.batch for call in calls)
    prices = {"gpt-4o-mini": ("0.075", "0.3"), "gpt-4o": ("1.25", "5")}  # half of the calls'
    true = (
        sum(
            each.input_tokens * Decimal(prices[each.model][0])
            + each.output_tokens * Decimal(prices[each.model][1])
            for each in calls
        )
        / 10**6
    )
    report = lab.report()
    assert true <= Decimal(report["spent_usd"]) < Decimal("1.1") * true  # by our own counts
    assert report["outcome"] == "complete"
    _check_report(lab, report)
    then = json.loads(
        lab.afcost("estimate", "own.yaml", "--samples", "2", "--format", "json").stdout
    )
    (time,) = then["wall_time"]["batches"].values()
    assert time["basis"] == "history"
    assert time["hours"]["high"] < 0.1


def _check_report(lab: Lab, report: dict[str, Any]) -> None:
    """Check what the report says of batches: rows that add up, and half of the price saved."""
    assert [each["asked"] for each in report["strata"]] == 2 * [
        {"calls": 0, "flex": 0, "batch": QUERIES}
    ]
    rows = report["batches"]
    assert sum(each["settled"] for each in rows) == 2 * QUERIES
    assert {(each["state"], each["held"], each["released"]) for each in rows} == {("ended", 0, 0)}
    assert all(each["was_awaited"] and each["seconds"] >= 0 for each in rows)
    spent = sum(Decimal(each["cost_usd"]) for each in rows)
    assert spent == Decimal(report["spent_usd"])
    assert sum(Decimal(each["calls_usd"]) for each in rows) == pytest.approx(2 * spent)
    assert sum(Decimal(each["saved_usd"]) for each in report["batching"]) == pytest.approx(spent)
    likely = Decimal(report["forecast"]["mean"])
    planned = sum(Decimal(each["planned"]["saved_usd"]) for each in report["batching"])
    assert planned == pytest.approx(likely, rel=Decimal("0.001"))
    assert sum(Decimal(each["planned_usd"]) for each in rows) == pytest.approx(likely)
    shown = " ".join(lab.afcost("report", str(lab.run_folder())).stdout.split())
    assert "batches of openai/gpt-4o-mini: 6 answers; saved $" in shown
    assert "batches of openai/gpt-4o (judge j): 6 answers; saved $" in shown
