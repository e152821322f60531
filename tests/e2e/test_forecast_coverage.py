"""Runs that finished are counted, also when deleted, and a report says which ranges held."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.runner.sample_experiment import write
from tests.support.provider.behaviour import Behaviour

LENGTHS = {"long": 400, "short": 1}


@pytest.fixture
def run(tmp_path, afcost, server, monkeypatch):
    """Estimate, approve and run a study, all of whose answers are so long; give the report."""
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "own-home"))
    write(tmp_path, queries=3, votes=0, base_url=f"{server.url}/v1")

    def run_study(name: str, tokens: int) -> dict:
        server.reset(Behaviour(text="yes", output_tokens=tokens))
        plan = f"{name}.json"
        afcost("estimate", "experiment.yaml", "--study", name, "-o", plan)
        afcost("approve", plan, "--cap", "1", "--yes")
        afcost("run", plan, "--run-dir", name)
        return json.loads(afcost("report", name, "--format", "json")[0])

    return run_study


def test_runs_are_counted_by_basis_also_when_deleted(run, afcost, tmp_path):
    said, _ = afcost("calibration")
    assert said == "no run has finished yet, so nothing is known of how forecasts hold\n"
    reports = [run(name, tokens) for name, tokens in LENGTHS.items()]
    shutil.rmtree(tmp_path / "long")
    found = json.loads(afcost("calibration", "--format", "json")[0])
    assert found["schema"] == "afcost.calibration/1"
    inside = sum(report["forecast"]["inside"] for report in reports)
    assert (found["runs"]["count"], found["runs"]["inside"]) == (2, inside)
    assert list(found["by_basis"]) == ["prior"]
    assert [each["study"] for each in found["finished"]] == ["long", "short"]
    spent = [report["spent_usd"] for report in reports]
    assert [float(each["total"]["actual_usd"]) for each in found["finished"]] == list(
        map(float, spent)
    )
    afcost("run", "short.json", "--run-dir", "short")  # nothing is left to run, or to count
    assert json.loads(afcost("calibration", "--format", "json")[0])["finished"] == found["finished"]
    assert f"the 90% range held in {inside} of 2 runs" in afcost("calibration")[0]


def test_a_report_says_whether_the_range_held_and_where_the_cost_was(run, afcost):
    report = run("short", 1)
    said, _ = afcost("report", "short")
    assert report["forecast"]["inside"] is False
    assert report["forecast"]["basis"] == "prior"
    assert report["forecast"]["levels"]["90"] is False
    assert {stratum["forecast"]["basis"] for stratum in report["strata"]} == {"prior"}
    assert all(s["forecast"]["levels"]["90"] is s["inside"] for s in report["strata"])
    assert said.count(" is outside\n") == 1  # it is not said twice
    total = [line.split() for line in said.splitlines() if line.startswith("total  ")][-1]
    assert (total[1], total[-1]) == ("prior", "below")


def test_a_run_from_elsewhere_is_counted_when_it_is_named(run, afcost, tmp_path, monkeypatch):
    run("short", 1)
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "another-home"))
    assert json.loads(afcost("calibration", "--format", "json")[0])["runs"] is None
    found = json.loads(afcost("calibration", "short", "--format", "json")[0])
    assert found["runs"]["count"] == 1
    shutil.rmtree(tmp_path / "short")
    assert json.loads(afcost("calibration", "--format", "json")[0])["runs"]["count"] == 1


def test_what_is_no_finished_run_is_refused_by_name(run, afcost, tmp_path):
    _, said = afcost("calibration", "nothing", ends=1)
    assert "nothing is not a run folder" in said
    run("short", 1)
    kept = tmp_path / "own-home" / "state" / "finished-runs.jsonl"
    kept.write_text('{"schema": "somebody.else/1"}\n')
    _, said = afcost("calibration", ends=1)
    assert f"{kept}, line 1: not of the schema afcost.finished_run/1" in said
