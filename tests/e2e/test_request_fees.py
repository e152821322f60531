"""A provider that charges for each request as well as for its tokens, on its own bill."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.e2e.sample_experiment import Lab, planned
from tests.support.provider.behaviour import Behaviour, Fault

IN, OUT, FEE = Decimal("0.50"), Decimal("2.00"), Decimal("0.0125")
USUAL = Behaviour(answer="by-tier", output_tokens=(20, 300))
PRICE = f'{{input: "{IN}", output: "{OUT}", per_request: "{FEE}"}}'


def dollars(server) -> Decimal:
    """Return what the provider's own bill comes to, its fees included."""
    bill = server.bill()
    tokens = bill.input_tokens * IN + bill.output_tokens * OUT
    return tokens / 1_000_000 + len(bill.billed) * FEE


def run(folder, server, cap: str, behaviour: Behaviour = USUAL, ends: int = 0) -> Lab:
    server.reset(behaviour)
    lab = planned(folder, server.url, PRICE, limit=3)
    lab.afcost("approve", "plan.json", "--cap", cap, "--yes")
    lab.afcost("run", "plan.json", ends=ends)
    return lab


def test_a_run_pays_a_fee_for_each_request_to_the_last_digit(tmp_path, server):
    lab = run(tmp_path, server, "1")
    report = lab.report()
    assert (report["outcome"], len(server.bill().billed)) == ("complete", 24)
    assert Decimal(report["spent_usd"]) == dollars(server) > 24 * FEE


def test_the_forecast_and_the_ceiling_hold_the_fee_of_every_request(tmp_path, server):
    totals = []
    for name, price in (("fee", PRICE), ("none", f'{{input: "{IN}", output: "{OUT}"}}')):
        (tmp_path / name).mkdir()
        lab = planned(tmp_path / name, server.url, price, limit=3)
        arguments = ("af/experiment.yaml", "-m", "lab/model", "--limit", "3", "--max-tokens", "400")
        totals.append(lab.plan(*arguments)["total"])
    assert totals[0]["requests"] == 24
    for quantity in ("mean", "q05", "q50", "q95", "ceiling"):
        fee, none = (total["cost_usd"][quantity] for total in totals)
        assert Decimal(fee) - Decimal(none) == pytest.approx(24 * FEE, rel=Decimal("0.02")), (
            quantity
        )


@pytest.mark.parametrize("kind", ["429", "500_before", "500_after", "cut_after", "no_usage"])
def test_a_request_that_was_never_billed_pays_no_fee_and_one_asked_again_pays_another(
    tmp_path, server, kind
):
    lab = run(tmp_path, server, "2", Behaviour(
        answer="by-tier", output_tokens=(20, 300),
        faults=(Fault(kind, calls=(2, 5), retry_after=0.05),),
    ))  # fmt: skip
    report = lab.report()
    spent, held = Decimal(report["spent_usd"]), Decimal(report["held_usd"])
    assert report["outcome"] == "complete"
    assert spent + held >= dollars(server)
    answered = 24 * FEE
    if kind == "429":
        assert (spent, held) == (dollars(server), 0)
    else:  # held at the full amount, the fee within it
        assert held >= 2 * FEE
    assert spent >= answered


def test_a_cap_holds_with_fees_that_are_most_of_the_cost(tmp_path, server):
    lab = run(tmp_path, server, "0.10", ends=4)
    report = lab.report()
    assert Decimal(report["spent_usd"]) == dollars(server) <= Decimal("0.10")
    assert 1 <= len(server.bill().billed) < 24
