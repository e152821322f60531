"""A schema is part of the prompt at a provider: it is reserved for, and its bill is believed."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.support.provider.behaviour import Behaviour

BILLED = 123  # for three described fields, by a user's report, where the texts alone are 27
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The name of the event, as it is written"},
        "date": {"type": "string", "description": "The day of the event, as YYYY-MM-DD, or none"},
        "people": {"type": "array", "items": {"type": "string"}, "description": "Who takes part"},
    },
    "required": ["name", "date", "people"],
    "additionalProperties": False,
}
SPEC = {
    "name": "events",
    "models": ["my-lab/gpt-4o-mini"],
    "messages": [
        {"role": "system", "content": "Extract the event."},
        {"role": "user", "content": "{{ query }}"},
    ],
    "queries": {"file": "queries.txt"},
    "sampling": {
        "max_tokens": 20,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "event", "strict": True, "schema": SCHEMA},
        },
    },
}


@pytest.fixture
def plan(tmp_path, server, afcost, monkeypatch):
    """Return the plan of an experiment whose provider bills a schema, at an address of its own."""
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "own-home"))
    provider = {"kind": "openai", "base_url": f"{server.url}/v1"}
    spec = SPEC | {"providers": {"my-lab": provider}}
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(spec))
    queries = "\n".join(f"Alice and Bob go to fair {number} on Friday." for number in range(8))
    (tmp_path / "queries.txt").write_text(queries)
    prices = {"my-lab/gpt-4o-mini": {"input": "0.15", "output": "0.60"}}
    (tmp_path / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))
    server.reset(Behaviour(text="{}", output_tokens=5, input_tokens=BILLED))
    shown, _ = afcost("estimate", "experiment.yaml", "-o", "plan.json")
    assert "~approximate" in shown
    return tmp_path / "plan.json"


def test_an_honest_bill_for_a_schema_is_no_breach_and_is_booked_to_the_token(plan, server, afcost):
    (stratum,) = json.loads(plan.read_text())["strata"]
    assert stratum["exactness"] == "approximate"
    afcost("approve", "plan.json", "--cap", "1", "--yes")
    _, said = afcost("run", "plan.json", "--run-dir", "run")
    assert "BREACH" not in said
    report, _ = afcost("report", "run", "--format", "json")
    assert len(server.bill().billed) == 8
    (booked,) = json.loads(report)["strata"]
    assert booked["actual"]["input_tokens"] == 8 * BILLED


def test_a_bill_for_a_schema_teaches_no_offset_for_prompts_without_one(plan, afcost, tmp_path):
    afcost("approve", "plan.json", "--cap", "1", "--yes")
    afcost("run", "plan.json", "--run-dir", "run")
    assert plan.exists()
    learned = [path.read_text() for path in (tmp_path / "own-home").rglob("calibration.json")]
    assert not any("gpt-4o-mini" in text for text in learned)
