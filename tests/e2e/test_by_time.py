"""`--by TIME`: the cheapest ways to ask models that are done by then."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

MODELS = ("-m", "claude-opus-4.5", "-m", "gpt-5", "--limit", "10")


def estimate(afcost, *options: str):
    return json.loads(afcost("estimate", *MODELS, *options, "--format", "json")[0])


def total(found) -> float:
    return float(found["total"]["cost_usd"]["mean"])


def test_more_time_costs_less_and_the_plan_says_how_models_are_asked(afcost) -> None:
    calls, soon, late = (estimate(afcost, *by) for by in ((), ("--by", "6h"), ("--by", "9d")))
    ways = [{each["way"] for each in found["by"]["ways"]} for found in (soon, late)]
    assert ways == [{"batch", "calls", "flex"}, {"batch", "flex"}]
    assert total(calls) > 1.9 * total(soon)
    assert total(soon) > total(late)
    assert soon["wall_time"]["hours"]["high"] < 6
    assert {each["price"]["processing"] for each in late["strata"]} == {"batch", "calls"}
    assert "by" not in calls


def test_a_plan_by_a_time_can_be_approved_as_it_is(afcost) -> None:
    shown = afcost("estimate", *MODELS, "--by", "9d", "-o", "plan.json")[0]
    assert re.search(r"by \d{4}-.*: batch anthropic/claude-opus-4.5, openai/gpt-4o-mini", shown)
    document = json.loads(Path("plan.json").read_text())
    assert document["changes"]["ways"] == [
        *("claude-opus-4.5=batch", "gpt-5=flex", "openai/gpt-4o-mini=batch")
    ]
    shown = afcost("approve", "plan.json", "--cap", "50", "--yes")[0]
    assert "limited by batches of" in shown


def test_what_cannot_be_done_is_refused_with_what_is_possible(afcost) -> None:
    _, said = afcost("estimate", *MODELS, "--by", "1m", ends=3)
    assert "nothing is likely done by then; the fastest way takes up to" in said
    possible = re.search(r"Possible: --by (\S+) or later", said)
    assert possible
    afcost("estimate", *MODELS, "--by", possible[1])


def test_a_later_start_at_cheaper_hours_is_told(afcost) -> None:
    found = json.loads(
        afcost("estimate", "-m", "deepseek/deepseek-v4-pro", "--limit", "2", "--by", "9d",
               "--format", "json")[0]
    )  # fmt: skip
    assert found["by"]["off_peak"] is None or (
        float(found["by"]["off_peak"]["likely_usd"]) < float(found["by"]["off_peak"]["now_usd"])
    )


@pytest.mark.parametrize("text", ["25:00", "soon", "2020-01-01", "1x", "-2h"])
def test_what_is_no_time_is_refused(afcost, text: str) -> None:
    afcost("estimate", f"--by={text}", ends=2)


@pytest.mark.parametrize(("text", "away"), [("36h", 36), ("2d", 48), ("90m", 1.5)])
def test_a_time_may_be_written_in_several_ways(afcost, text: str, away: float) -> None:
    by = datetime.fromisoformat(estimate(afcost, "--by", text)["by"]["time"])
    left = by - datetime.now().astimezone()
    assert timedelta(hours=away) - timedelta(minutes=5) < left <= timedelta(hours=away)


def test_batches_are_not_asked_for_twice(afcost) -> None:
    _, said = afcost("estimate", "--batch", "--by", "9d", ends=2)
    assert "remove --batch" in said


def test_a_design_by_a_time_costs_less_and_says_which_rows_are_late(afcost) -> None:
    asked = ("design", "--budget", "50", "-m", "claude-opus-4.5", "--format", "json")
    calls, late = (json.loads(afcost(*asked, *by)[0]) for by in ((), ("--by", "9d")))
    assert set(calls["ways"].values()) == {"calls"}
    assert set(late["ways"].values()) == {"batch"}
    one, other = (float(found["costs"][0]["likely_usd"]) for found in (calls, late))
    assert one == pytest.approx(2 * other, rel=1e-3)
    assert late["late_rows"] == []
    shown = afcost("design", "--budget", "500", "-m", "claude-opus-4.5", "--by", "6h", "--rpm", "5")
    assert re.search(r"Rows? [\d, ]+ may not be done by then \(--by\)", shown[0])
    assert "asked: batch anthropic/claude-opus-4.5; calls openai/gpt-4o-mini" in shown[0]
