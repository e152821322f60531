"""`afcost run --batch` at servers of four forms: half the price, collected by any later run."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
import yaml

from pricing.money import Money
from tests.support.forks import ForkedCommand
from tests.support.provider.batches.batch_behaviour import BatchBehaviour
from tests.support.provider.behaviour import Behaviour

MODELS = {
    "openai": ("openai/gpt-4o-mini", "/v1", "OPENAI_API_KEY"),
    "anthropic": ("anthropic/claude-sonnet-4-5", "", "ANTHROPIC_API_KEY"),
    "google": ("google/gemini-2.5-flash", "", "GEMINI_API_KEY"),
    "openrouter": ("openrouter/openai/gpt-4o-mini", "/api/v1", "OPENROUTER_API_KEY"),
}
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


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_what_is_away_is_collected_though_its_price_is_not_known_any_more(server, afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0")
    calls = {name: price for name, price in PRICE.items() if name != "batch"}
    prices = {"prices": {MODELS["openai"][0]: calls}}
    Path("afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    _, said = afcost("run", "plan.json", "--poll", "0", ends=1)
    assert "its price in batches is not known any more" in said
    in_batches = [call for call in server.bill().billed if call.batch]
    assert len(in_batches) == 2
    afcost("run", "plan.json")
    assert len(server.bill().billed) == 16
    assert [call for call in server.bill().billed if call.batch] == in_batches


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_what_is_away_is_collected_though_the_plan_is_too_cheap_by_now(server, afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0")
    dearer = PRICE | {"input": "4.00", "batch": {"input": "2.00", "output": "0.40"}}
    prices = {"prices": {MODELS["openai"][0]: dearer}}
    Path("afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    _, said = afcost("run", "plan.json", "--poll", "0", ends=1)
    assert "price of openai/gpt-4o-mini: pinned" in said
    assert len(server.bill().billed) == 2
    (batch,) = list_batches(afcost)
    assert (batch["state"], batch["settled"]) == ("ended", 2)
    afcost("run", "plan.json", ends=3)
    assert len(server.bill().billed) == 2


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


def list_batches(afcost):
    told, _ = afcost("batches", "runs/small", "--format", "json")
    found = json.loads(told)
    assert found["schema"] == "afcost.batches/1"
    return found["batches"]


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_batches_are_listed_with_what_they_cost(afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0")
    (away,) = list_batches(afcost)
    assert (away["state"], away["requests"], away["billed_usd"]) == ("created", 2, "0.00")
    assert away["batch"] in afcost("batches", "runs/small")[0]
    afcost("run", "plan.json", "--poll", "0")
    found = list_batches(afcost)
    assert {each["state"] for each in found} == {"ended"}
    told, _ = afcost("status", "runs/small", "--format", "json")
    spent = sum((Money.from_usd(each["billed_usd"]) for each in found), Money())
    assert spent == Money.from_usd(json.loads(told)["spent_usd"])


@pytest.mark.parametrize("study", ["openai", "anthropic"], indirect=True)
@pytest.mark.usefixtures("study")
def test_a_batch_that_is_cancelled_is_collected_as_far_as_it_was_done(server, afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0")
    (away,) = list_batches(afcost)
    assert (
        "is no batch that is open"
        in afcost("batches", "runs/small", "--cancel", "nothing", ends=1)[1]
    )
    # The approval may have ended, and no new one is asked for.
    Path("plan.approval.json").unlink(missing_ok=True)
    said, _ = afcost("batches", "runs/small", "--cancel", away["id"])
    assert f"{away['id']}: its provider was asked to cancel it" in said
    afcost("approve", "plan.json", "--cap", "0.01", "--yes")
    afcost("run", "plan.json", "--poll", "0")
    cancelled = next(each for each in list_batches(afcost) if each["id"] == away["id"])
    assert cancelled["state"] == "ended"
    assert cancelled["settled"] + cancelled["released"] == 2
    assert set(Counter(call.prompt for call in server.bill().billed).values()) == {1}
    told, _ = afcost("status", "runs/small", "--format", "json")
    assert (json.loads(told)["held_usd"], json.loads(told)["outcome"]) == ("0.00", "complete")


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_only_what_no_provider_tells_of_can_be_given_up(server, afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0")
    (away,) = list_batches(afcost)
    give_up = ("batches", "runs/small", "--give-up", away["id"])
    assert "its provider knows it" in afcost(*give_up, "--yes", ends=3)[1]
    server.reset(Behaviour(text="yes", input_tokens=12, output_tokens=2, batches=BatchBehaviour()))
    assert "not a terminal; pass --yes" in afcost(*give_up, ends=3)[1]
    assert list_batches(afcost) == [away]
    said, _ = afcost(*give_up, "--yes")
    assert "its money is held" in said
    (ended,) = list_batches(afcost)
    assert (ended["state"], ended["held"]) == ("ended", 2)
    told, _ = afcost("status", "runs/small", "--format", "json")
    assert json.loads(told)["held_usd"] == away["reserved_usd"]
