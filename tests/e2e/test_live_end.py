"""A run whose answers are longer than planned says so once, while it runs and after a restart."""

from __future__ import annotations

import json

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour

EXPERIMENT = """
name: long
models: [lab/model]
factors: {{tier: {{free: {{tag: "free"}}, paid: {{tag: "paid"}}}}}}
queries: {{file: queries.txt}}
messages: [{{role: user, content: "{{{{ tag }}}} {{{{ query }}}}"}}]
sampling: {{max_tokens: 2000}}
expect: {{subject: 60}}
providers: {{lab: {{kind: openai, base_url: "{url}/v1"}}}}
"""
DRIFT = "this run will cost more than its plan says"


@pytest.fixture
def long(server, tmp_path):
    server.reset(Behaviour(output_tokens=(500, 700)))
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT.format(url=server.url))
    (tmp_path / "queries.txt").write_text("".join(f"query {n}\n" for n in range(40)))
    lab = Lab(tmp_path)
    lab.prices(lab__model='{input: "1", output: "10"}')
    lab.plan("experiment.yaml")
    return lab


def approve(lab, cap):
    lab.afcost("approve", "plan.json", "--cap", cap, "--yes")


def status(lab):
    done = lab.afcost("status", str(lab.run_folder()), "--format", "json")
    return json.loads(done.stdout)


def test_a_drift_and_a_cap_that_fills_are_said_once(long):
    approve(long, "0.30")  # pays for about half of it
    first = long.afcost("run", "plan.json", "--concurrency", "2", ends=4).stderr
    assert first.count(DRIFT) == 1
    assert first.count("80% of the cap $0.30 is spent") == 1
    assert first.count("50% of the cap") <= 1, "only if it looked between the two"
    found = status(long)
    assert found["forecast"]["state"] == "holds"
    figures = [float(found["forecast"][f"{name}_usd"]) for name in ("q05", "likely", "q95")]
    assert figures == sorted(figures)
    assert 0.4 < figures[1] < 0.6, "80 answers of some 600 tokens"
    assert found["forecast"]["over_cap"] > 0.9
    assert [DRIFT in each["text"] for each in found["warnings"]].count(True) == 1
    again = long.afcost("run", "plan.json", ends=4).stderr
    assert "Warning:" not in again
    shown = " ".join(long.afcost("status", str(long.run_folder())).stdout.split())
    assert "At the end: likely $0." in shown
    assert "(pointwise)" in shown
    assert f": {DRIFT}" in shown
    approve(long, "1")
    assert DRIFT not in long.afcost("run", "plan.json").stderr
    found = status(long)
    assert (found["outcome"], found["forecast"]["state"]) == ("complete", "done")
    assert float(found["forecast"]["likely_usd"]) == pytest.approx(float(found["spent_usd"]))


def test_the_status_fits_80_columns(long, monkeypatch):
    approve(long, "0.30")
    long.afcost("run", "plan.json", "--concurrency", "2", ends=4)
    wide = long.environment()
    monkeypatch.setattr(Lab, "environment", lambda _: wide | {"COLUMNS": "80"})
    lines = long.afcost("status", str(long.run_folder())).stdout.splitlines()
    (end,) = [line for line in lines if "(pointwise)" in line and "over cap" in line]
    (header,) = [line for line in lines if "condition" in line]
    assert max(len(end), len(header)) <= 80
