"""`afcost run --batch` at servers of all forms: half the price, collected by any later run."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
import yaml

from pricing.money import Money
from tests.support.forks import ForkedCommand
from tests.support.provider.batches.batch_behaviour import BatchBehaviour
from tests.support.provider.batches.served_forms import FORMS
from tests.support.provider.behaviour import Behaviour

MODELS = {name: (form.model, form.path, form.key) for name, form in FORMS.items()}
PRICE = {"input": "0.40", "output": "0.80", "batch": {"input": "0.20", "output": "0.40"}}


@pytest.fixture
def study(request, server, tmp_path, monkeypatch, afcost):
    """An approved plan of 8 subject requests, whose judge is the same model."""
    form = request.param
    model, path, key = MODELS[form]
    monkeypatch.setenv(key, "sk-test")
    server.reset(Behaviour(text="yes", input_tokens=12, output_tokens=2, batches=BatchBehaviour()))
    judge = {
        "name": "compliance",
        "model": model,
        "samples": 1,
        "messages": [{"role": "user", "content": "{{ tier }}, {{ query }}: was {{ output }} no?"}],
        "sampling": {"max_tokens": 8},
    }
    spec = {
        "name": "small",
        "models": [model],
        "factors": {"tier": {"free": {"tier": "free"}, "paid": {"tier": "paid"}}},
        "queries": {"file": "queries.txt"},
        "messages": [{"role": "user", "content": "You serve the {{ tier }} tier. {{ query }}"}],
        "sampling": {"max_tokens": 24},
        "judges": [judge],
        "providers": {form: {"base_url": f"{server.url}{path}"}},
    }
    prices = {"prices": {model: PRICE}}
    (tmp_path / "queries.txt").write_text("".join(f"Number {n}.\n" for n in range(4)))
    (tmp_path / "afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    afcost("estimate", "experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "0.01", "--yes")


@pytest.mark.parametrize("study", MODELS, indirect=True)
@pytest.mark.usefixtures("study")
def test_a_run_in_batches_costs_half_and_is_collected_by_the_next_one(server, afcost):
    _, said = afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0")
    assert "batches are away" in said
    told, _ = afcost("status", "runs/small", "--format", "json")
    (batch,) = json.loads(told)["batches"]
    assert (batch["requests"], batch["state"]) == (2, "created")
    assert "1 batch away" in afcost("status", "runs/small")[0]

    afcost("run", "plan.json", "--poll", "0")
    bill = server.bill()
    assert len(bill.billed) == 16
    assert all(call.batch for call in bill.billed)
    told, _ = afcost("status", "runs/small", "--format", "json")
    state = json.loads(told)
    assert state["outcome"] == "complete"
    assert state["batches"] == []
    assert {each["failed"] for each in state["strata"]} == {0}
    cost = bill.cost(dict.fromkeys({call.model for call in bill.billed}, ("0.40", "0.80")))
    assert Money.from_usd(cost) <= Money.from_usd(state["spent_usd"])
    report, _ = afcost("report", "runs/small", "--format", "json")
    assert json.loads(report)["held_usd"] == "0.00"


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_while_batches_are_away_nothing_else_is_done_with_their_requests(afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0")
    afcost("estimate", "experiment.yaml", "--samples", "2", "-o", "more.json")
    afcost("approve", "more.json", "--cap", "0.01", "--yes")
    _, said = afcost("run", "more.json", "--poll", "0", ends=1)
    assert "batches of an earlier plan of this study are away: 1, with 2 requests" in said
    afcost("run", "plan.json", "--poll", "0")
    afcost("run", "more.json", "--batch", "--poll", "0")


@pytest.mark.campaigns
@pytest.mark.parametrize("study", MODELS, indirect=True)
@pytest.mark.usefixtures("study")
def test_a_process_that_is_killed_pays_nothing_twice(server, afcost):
    command = ("run", "plan.json", "--batch", "--poll", "0")
    ends = []
    for seconds in (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6):
        with ForkedCommand(command, Path.cwd(), os.environ) as running:
            running.await_work(seconds)
            running.kill()
        ends.append(running.returncode)
    assert -9 in ends
    afcost(*command)
    billed = Counter(call.prompt for call in server.bill().billed)
    assert len(billed) == 16
    assert set(billed.values()) == {1}
    told, _ = afcost("status", "runs/small", "--format", "json")
    assert json.loads(told)["held_usd"] == "0.00"
