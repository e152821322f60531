"""Pins: a run is billed and reserved by the plan's prices, and refused when they no longer hold."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.e2e.sample_experiment import Lab
from tests.e2e.sample_experiment import planned as planned_at
from tests.support.provider.behaviour import Behaviour

IN, OUT = Decimal("0.50"), Decimal("2.00")
USUAL = Behaviour(answer="by-tier", output_tokens=(20, 300))


def priced(entry: Decimal = IN, output: Decimal = OUT) -> str:
    return f'{{input: "{entry}", output: "{output}", source: "the lab"}}'


@pytest.fixture(scope="module")
def planned_once(server, tmp_path_factory):
    return planned_at(tmp_path_factory.mktemp("lab"), server.url, priced(), limit=2)


@pytest.fixture
def planned(planned_once, server, tmp_path):
    server.reset(USUAL)
    shutil.copytree(planned_once.folder, tmp_path, dirs_exist_ok=True)
    return Lab(tmp_path)


@pytest.mark.parametrize("what", ["approve", "run"])
def test_a_price_above_its_pin_is_refused_before_anything_is_sent(planned, server, what):
    if what == "run":
        planned.afcost("approve", "plan.json", "--cap", "1", "--yes")
    planned.prices(lab__model=priced(output=OUT + Decimal("0.01")), lab__judge=priced())
    arguments = ["approve", "plan.json", "--cap", "1", "--yes"] if what == "approve" else [
        "run", "plan.json"
    ]  # fmt: skip
    done = planned.afcost(*arguments, ends=3)
    assert "price of lab/model: pinned $0.50 in, $2 out" in done.stderr
    assert "now $0.50 in, $2.01 out per million" in done.stderr
    assert not server.bill().calls


def test_a_price_that_fell_is_no_obstacle_and_the_pin_is_what_is_booked(planned, server):
    planned.afcost("approve", "plan.json", "--cap", "1", "--yes")
    planned.prices(lab__model=priced(IN / 2, OUT / 2), lab__judge=priced())
    planned.afcost("run", "plan.json")
    bill = server.bill()
    pinned = (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000
    assert Decimal(planned.report()["spent_usd"]) == pinned


def test_today_against_the_pin_is_shown(planned):
    assert (
        "All prices match those pinned in" in planned.afcost("prices", "diff", "plan.json").stdout
    )
    planned.prices(lab__model=priced(IN * 3), lab__judge=priced())
    shown = planned.afcost("prices", "diff", "plan.json").stdout
    assert "1.50 (0.50)" in shown
    assert "lab/judge" not in shown


def test_a_price_that_the_provider_contradicts_stops_the_run_and_is_named_in_the_report(
    planned, server
):
    dearer = Behaviour(answer="by-tier", states_cost=("1.00", "4.00"))
    server.reset(dearer)
    folder = planned.folder
    text = (folder / "af" / "experiment.yaml").read_text()
    text = text.replace(
        "  lab: {",
        f'  openrouter: {{base_url: "{server.url}/v1", api_key_env: LAB_KEY}}\n  lab: {{',
    )
    (folder / "af" / "experiment.yaml").write_text(text)
    planned.prices(openrouter__model=priced(), lab__judge=priced())
    planned.plan(
        "af/experiment.yaml", "-m", "openrouter/model", "--limit", "2", "--max-tokens", "400"
    )
    planned.afcost("approve", "plan.json", "--cap", "1", "--yes")
    stopped = planned.afcost("run", "plan.json", "--concurrency", "1", ends=1).stderr
    assert "STOPPED. BREACH: openrouter/model" in stopped
    assert "openrouter/model states" in stopped
    check = planned.report()["prices"]["openrouter/model"]
    assert Decimal(check["stated_usd"]) == 2 * Decimal(check["pinned_usd"])
    assert not check["agrees"]
    shown = planned.afcost("report", str(planned.run_folder())).stdout
    assert "price of openrouter/model is wrong" in shown
    assert "(2 x)" in shown
    assert "lab/judge is wrong" not in shown


def test_what_is_served_in_a_dearer_tier_than_asked_is_booked_at_the_dearer_price(planned, server):
    server.reset(Behaviour(answer="by-tier", tier="default"))
    experiment = planned.folder / "af" / "experiment.yaml"
    text = experiment.read_text().replace("sampling: {", "sampling: {service_tier: flex, ", 1)
    experiment.write_text(text)
    flex = f'{{input: "{IN}", output: "{OUT}", flex: {{input: "0.25", output: "1.00"}}}}'
    planned.prices(lab__model=flex, lab__judge=priced())
    planned.plan("af/experiment.yaml", "-m", "lab/model", "--limit", "1", "--max-tokens", "400")
    planned.afcost("approve", "plan.json", "--cap", "1", "--yes")
    planned.afcost("run", "plan.json")
    bill = server.bill()
    standard = (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000
    assert Decimal(planned.report()["spent_usd"]) == standard
    assert any("served as default" in note for note in planned.report()["notes"])


def test_an_unpriced_judge_refuses_the_whole_plan_and_is_named(planned):
    planned.prices(lab__model=priced())
    done = planned.afcost(
        "estimate", "af/experiment.yaml", "-m", "lab/model", "-o", "other.json", ends=3
    )
    assert "lab/judge is unpriced" in done.stderr
    assert "lab/model" not in done.stderr
    assert not (planned.folder / "other.json").exists()


def test_sources_that_are_too_far_apart_are_refused_until_one_is_named(tmp_path):
    lab = Lab(tmp_path)
    disputed = "openrouter/mistralai/mistral-nemo"
    lab.afcost("estimate", "-m", disputed, "-o", "plan.json")
    done = lab.afcost("approve", "plan.json", "--cap", "5", "--yes", ends=3)
    assert "more than 3 x apart" in done.stderr
    assert "--price" in done.stderr
    for named in ("=genai-prices", "=0.15/0.15"):
        lab.afcost("estimate", "-m", disputed, "--price", f"{disputed}{named}", "-o", "plan.json")
        lab.afcost("approve", "plan.json", "--cap", "5", "--yes")


def test_an_announced_price_is_in_the_ceiling_of_an_approval_that_lasts_until_it_holds(tmp_path):
    start, today = date(2027, 1, 1), datetime.now().astimezone().date()
    if today >= start:
        pytest.skip("that price has come into force")
    lab = Lab(tmp_path)
    lab.afcost("estimate", "-m", "google/gemini-3.8-flash", "--limit", "1", "-o", "plan.json")
    planned = json.loads((tmp_path / "plan.json").read_text())
    reserve = planned["models"]["google/gemini-3.8-flash"]["reserve"]
    assert reserve["input"] == "0.75"
    until = (start + timedelta(days=30)).isoformat()
    long = lab.afcost("approve", "plan.json", "--cap", "9", "--until", until, "--yes").stdout
    assert "the ceiling covers every price until the approval expires" in long
    tomorrow = (today + timedelta(days=1)).isoformat()
    short = lab.afcost("approve", "plan.json", "--cap", "9", "--until", tomorrow, "--yes").stdout
    if today + timedelta(days=2) < start:
        assert "the ceiling covers every price" not in short
