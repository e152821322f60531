"""The whole way over each API: estimate, approve, run, report, and the same bill on both sides."""

from decimal import Decimal

import pytest

from tests.e2e.sample_experiment import KEYS, planned
from tests.support.provider.behaviour import Behaviour

REASONING = 150  # tokens of every answer that are not shown
IN, OUT = Decimal("0.50"), Decimal("2.00")
PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "responses": "/v1/responses",
    "google": "/v1/models/{model}:generateContent",
}


def approve(folder, server, kind):
    price = f'{{input: "{IN}", output: "{OUT}", source: "the lab"}}'
    lab = planned(folder, server.url, price, limit=1, kind=kind)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    return lab


def dollars(bill):
    return (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000


@pytest.mark.parametrize("kind", PATHS)
def test_a_run_costs_what_the_provider_bills(server, kind, tmp_path):
    lab = approve(tmp_path, server, kind)
    server.reset(
        Behaviour(
            answer="by-tier",
            output_tokens=(200, 300),
            reasoning_tokens=REASONING,
            api_key=KEYS["LAB_KEY"],
            models=("model", "judge"),
        )
    )
    lab.afcost("run", "plan.json")
    report, bill = lab.report(), server.bill()
    assert report["outcome"] == "complete"
    assert len(bill.billed) == len(bill.calls) == 8
    expected = {PATHS[kind].format(model=model) for model in ("model", "judge")}
    assert {call.path for call in bill.calls} == expected
    assert {call.model for call in bill.calls} == {"model", "judge"}
    assert Decimal(report["spent_usd"]) == dollars(bill)
    assert (report["held_usd"], report["reserved_usd"]) == ("0.00", "0.00")
    assert all(each["gap"]["estimate"] == 1.0 for each in report["analysis"]["comparisons"])
    answers = lab.answers()
    assert sum(row["output"] for row in answers) == bill.output_tokens, "thoughts among them"
    hidden = 0 if kind == "anthropic" else REASONING  # which does not say how many they were
    assert {row["hidden"] for row in answers} == {hidden}


def test_a_key_that_google_refuses_stops_a_run_before_anything_is_sent(server, tmp_path):
    lab = approve(tmp_path, server, "google")
    server.reset(Behaviour(api_key="another-key", models=("model", "judge")))
    refused = lab.afcost("run", "plan.json", ends=3)
    assert "the key was rejected" in refused.stderr
    assert server.bill().calls == ()
