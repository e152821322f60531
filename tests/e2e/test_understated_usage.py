"""Forecasts rest on what is booked where a provider states fewer tokens than it bills.

All answers are of 12 tokens, and all verdicts of 8. Where half of that is stated what is visible is
booked, and where a tenth or nothing is, `max_tokens`. A forecast that takes the stated tokens is
too low; all that can be made of such calls are held against what the run then cost.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.runner import sample_experiment
from tests.support.provider.behaviour import Behaviour

QUERIES = 10
BILLED = Behaviour(wordy=True, input_tokens="counted", output_tokens=12)
LIES = {"half": 12, "a tenth": 24, "zero": 24, "less by three": 12}  # -> what is booked


@pytest.fixture(params=LIES)
def lie(request, server, tmp_path):
    server.reset(replace(BILLED, lie=f"completion_tokens is {request.param}"))
    sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1", queries=QUERIES)
    return request.param


def estimate(afcost, *options):
    """Return an estimate's likely cost, and how long an answer is on average by it."""
    afcost("estimate", "e/experiment.yaml", "-o", "again.json", *options)
    plan = json.loads(Path("again.json").read_text())
    assert {stratum["basis"] for stratum in plan["strata"]} == {"history"}
    subjects = [each for each in plan["strata"] if each["stage"] == "subject"]
    outputs = [each["output"]["mean"] / each["requests"] for each in subjects]
    return float(plan["total"]["q50"]), outputs


def show(afcost, command):
    return json.loads(afcost(command, "runs/small", "--format", "json")[0])


def test_every_forecast_is_of_what_is_booked(afcost, lie):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    given = ("--cap", "0.2", "--most", "5", "--width", "0.0001", "--yes", "--format", "json")
    pilot = json.loads(afcost("pilot", "plan.json", *given)[0])
    half = float(pilot["spent_usd"]) * 1.6
    afcost("approve", "plan-pilot.json", "--cap", f"{half:.6f}", "--yes")
    afcost("run", "plan-pilot.json", ends=4)
    live = show(afcost, "status")["forecast"]
    assert live["state"] == "holds"
    afcost("approve", "plan-pilot.json", "--cap", "1", "--yes")
    afcost("run", "plan-pilot.json")
    spent = pytest.approx(float(show(afcost, "report")["spent_usd"]), rel=0.01)

    assert float(pilot["pilot_plan"]["cost_usd"]["q50"]) == spent
    assert float(live["likely_usd"]) == spent
    afcost("report", "runs/small", "--answers", "answers.csv")
    cost, outputs = estimate(afcost, "--study", "other")
    assert (cost, outputs) == (spent, pytest.approx([LIES[lie]] * 4))
    cost, outputs = estimate(afcost, "--study", "other", "--no-history", "--history", "answers.csv")
    assert outputs == pytest.approx([LIES[lie]] * 4)
    assert cost == pytest.approx(spent.expected, rel=0.1)  # judges may read less than is booked
    assert cost >= 0.99 * spent.expected


def test_what_is_booked_as_max_tokens_was_not_cut_off(afcost, server, tmp_path):
    server.reset(replace(BILLED, lie="completion_tokens is a tenth"))
    sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1", queries=5, votes=0)
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    afcost("pilot", "plan.json", "--cap", "0.2", "--yes")
    plan = json.loads(Path("plan-pilot.json").read_text())
    assert [each["share_cut_off"] for each in plan["strata"]] == [0.0] * 4
