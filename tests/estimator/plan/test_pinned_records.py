"""What a plan pins of a model is what is sent, whatever the data says of the model later."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import yaml

from estimator.plan.plan_file import read_plan, save_plan
from estimator.plan.planner import estimate_experiment
from estimator.plan.staleness import verify_plan
from estimator.workload import make_request_builder
from experiment.definition import Overrides, load_experiment
from providers.capabilities import Capability, FieldRule, build_sent_fields
from providers.errors import NotTaken

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = date(2026, 11, 21)
TAKEN = FieldRule()
THEN = Capability(reasons="never", prefill=True, fields={"temperature": TAKEN, "seed": TAKEN})
NOW_KNOWN = Capability(reasons="never", prefill=False, fields={"temperature": FieldRule("own")})


@pytest.fixture
def known(monkeypatch):
    """Let every model take the last record in this list."""
    records = [THEN]
    monkeypatch.setattr("estimator.workload.planned_model.find_capability", lambda *_: records[-1])
    return records


@pytest.fixture
def plan(tmp_path, known):
    """Make a plan with a prefill and fields that the later record does not take."""
    fields = {
        "name": "t",
        "models": ["lab/m"],
        "queries": {"file": "q.txt"},
        "messages": [
            {"role": "user", "content": "{{ query }}"},
            {"role": "assistant", "content": "<"},
        ],
        "sampling": {"max_tokens": 20, "temperature": 0, "seed": 1},
        "providers": {"lab": {"kind": "openai", "base_url": "http://localhost:1/v1"}},
    }
    (tmp_path / "q.txt").write_text("One?\n")
    (tmp_path / "e.yaml").write_text(yaml.safe_dump(fields))
    assert known == [THEN]
    changes = Overrides(prices=("lab/m=1/2",))
    return estimate_experiment(str(tmp_path / "e.yaml"), DAY, changes).plan


def test_a_plan_is_not_stale_because_more_is_known(plan, known, tmp_path):
    save_plan(plan, tmp_path / "plan.json")
    known.append(NOW_KNOWN)
    kept = read_plan(tmp_path / "plan.json")
    assert kept.models["lab/m"].takes == THEN
    verified = verify_plan(kept, NOW)
    model = verified.models["lab/m"]
    assert model.takes_prefill({})
    sent = build_sent_fields(model.capability, {"max_tokens": 20, "temperature": 0, "seed": 1})
    assert sent.fields == {"max_tokens": 20, "temperature": 0, "seed": 1}


def test_a_plan_from_before_there_were_records_goes_on(plan, known):
    """Its prefill is what was approved; fields are as known today, and unknown ones are sent."""
    known.append(NOW_KNOWN)
    experiment = load_experiment(plan.source, plan.changes)
    requests = make_request_builder(experiment, plan.models).digest_as_before()
    models = {"lab/m": replace(plan.models["lab/m"], takes=None)}
    before = replace(plan, requests=requests, models=models)
    model = verify_plan(before, NOW).models["lab/m"]
    assert model.takes is None
    assert model.takes_prefill({})
    sent = build_sent_fields(model.capability, {"max_tokens": 20, "temperature": 0, "seed": 1})
    assert sent.fields == {"max_tokens": 20, "seed": 1}


def test_a_plan_from_before_that_would_be_refused_is_refused_before_anything_is_sent(plan, known):
    known.append(replace(NOW_KNOWN, fields={"seed": FieldRule("refused")}))
    before = replace(plan, models={"lab/m": replace(plan.models["lab/m"], takes=None)})
    with pytest.raises(NotTaken, match=r"lab/m \(sampling of subject\): seed: it is not"):
        verify_plan(before, NOW)


@pytest.mark.parametrize("offset", [-5, 3, None])
def test_a_learned_offset_may_be_below_zero(plan, tmp_path, offset):
    """Some providers bill fewer tokens than are counted here."""
    models = {
        name: replace(model, counting=replace(model.counting, offset=offset))
        for name, model in plan.models.items()
    }
    save_plan(replace(plan, models=models), tmp_path / "learned.json")
    (read,) = read_plan(tmp_path / "learned.json").models.values()
    assert read.counting.offset == offset
