"""`afcost run --batch` at servers of all forms: half the price, collected by any later run."""

import json
import os
import time
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from afcost.page.live.run_parts import describe_run, describe_status, render_parts
from pricing.money import Money
from runner.forecasting import read_status
from runner.watching import RunFollower
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
    _, said = afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0.1")
    assert "batches are away" in said
    told, _ = afcost("status", "runs/small", "--format", "json")
    (batch,) = json.loads(told)["batches"]
    assert (batch["requests"], batch["state"]) == (2, "created")
    _check_what_is_seen(afcost("status", "runs/small")[0])

    afcost("run", "plan.json", "--poll", "0.1")
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
    found = json.loads(report)
    assert found["held_usd"] == "0.00"
    told = [each for each in found["batches"] if each["calls_usd"] is not None]
    assert all(
        Decimal(each["calls_usd"]) == pytest.approx(2 * Decimal(each["cost_usd"])) for each in told
    )
    # Where usage says less than was counted, what calls would have been booked at is not known.
    assert bool(told) == (Money.from_usd(cost) == Money.from_usd(found["spent_usd"]))
    assert {each["planned"]["saved_usd"] for each in found["batching"]} == {None}
    assert {each["was_awaited"] for each in found["batches"]} == {True, False}


def _check_what_is_seen(status: str) -> None:
    """Check the rows of a batch that is away, in the status and on the live page."""
    assert "1 batch away:" in status
    (row,) = [line for line in status.splitlines() if " of 2 " in line and "subject" in line]
    assert "being checked" in row or "working" in row or "waiting" in row
    follower = RunFollower(Path("runs/small"))
    seen = follower.look(datetime.now(UTC))
    assert seen.state == read_status(follower.run)
    ((away, left),) = [(each.note.lines, each.left) for each in seen.batches]
    assert left is not None
    assert away == 2
    assert 0 < left.low < left.likely < left.high
    assert [(each.in_flight, each.in_batches) for each in seen.calls] == [(0, 2)]
    page = render_parts(seen, describe_run(seen, describe_status(seen)), "")["batches"]
    assert "Batches that are away" in page
    assert "nothing runs here" in page


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_while_batches_are_away_nothing_else_is_done_with_their_requests(afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0.1")
    afcost("estimate", "experiment.yaml", "--samples", "2", "-o", "more.json")
    afcost("approve", "more.json", "--cap", "0.01", "--yes")
    _, said = afcost("run", "more.json", "--poll", "0.1", ends=1)
    assert "batches of an earlier plan of this study are away: 1, with 2 requests" in said
    afcost("run", "plan.json", "--poll", "0.1")
    afcost("run", "more.json", "--batch", "--poll", "0.1")


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_what_is_away_is_collected_though_its_price_is_not_known_any_more(server, afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0.1")
    calls = {name: price for name, price in PRICE.items() if name != "batch"}
    prices = {"prices": {FORMS["openai"].model: calls}}
    Path("afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    _, said = afcost("run", "plan.json", "--poll", "0.1", ends=1)
    assert "its price in batches is not known any more" in said
    in_batches = [call for call in server.bill().billed if call.batch]
    assert len(in_batches) == 2
    afcost("run", "plan.json")
    assert len(server.bill().billed) == 16
    assert [call for call in server.bill().billed if call.batch] == in_batches


@pytest.mark.parametrize("study", ["anthropic"], indirect=True)
@pytest.mark.usefixtures("study")
def test_with_a_shared_ledger_another_machine_collects_what_is_away(server, postgres, afcost):
    ledger = ("--ledger", postgres.database())
    afcost("run", "plan.json", *ledger, "--batch", "--no-wait", "--poll", "0.1")
    told, _ = afcost("status", "runs/small", "--format", "json")
    (batch,) = json.loads(told)["batches"]
    assert batch["state"] == "created"
    _, said = afcost("run", "plan.json", *ledger, "--workers", "2", ends=1)
    assert "batches are away; nothing was sent. Collect them first" in said

    elsewhere = ("--run-dir", "elsewhere", *ledger, "--poll", "0.1")
    afcost("run", "plan.json", *elsewhere)
    assert Counter(call.prompt for call in server.bill().billed).most_common(1)[0][1] == 1
    assert len(server.bill().billed) == 16
    told, _ = afcost("status", "elsewhere", "--format", "json")
    state = json.loads(told)
    assert (state["outcome"], state["held_usd"], state["batches"]) == ("complete", "0.00", [])


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_stored_answers_are_judged_in_batches_and_no_subject_is_asked(server, afcost):
    afcost("run", "plan.json", "--batch", "--poll", "0.1")
    server.reset(Behaviour(text="yes", input_tokens=12, output_tokens=2, batches=BatchBehaviour()))
    experiment = yaml.safe_load(Path("experiment.yaml").read_text())
    (judge,) = experiment["judges"]
    judge |= {"name": "second", "samples": 2}
    Path("judge.yaml").write_text(yaml.safe_dump(judge))
    asked = ("rejudge", "runs/small", "--judge", "judge.yaml", "--cap", "0.02", "--yes")

    shown, said = afcost(*asked, "--batch", "--no-wait", "--poll", "0.1")
    assert "asked in batches, at their prices: openai/gpt-4o-mini" in shown
    assert "afcost rejudge runs/small --judge judge.yaml --batch" in said
    _, said = afcost(*asked, "--no-batch", ends=1)
    assert "afcost rejudge" in said
    assert "--judge FILE, as before" in said
    shown, _ = afcost(*asked, "--poll", "0.1")
    assert "more are away in batches, and collected" in shown

    bill = server.bill()
    assert len(bill.billed) == 8, "two votes are one request"
    assert all(call.batch for call in bill.billed)
    told, _ = afcost("report", "runs/small", "--format", "json")
    report = json.loads(told)
    assert report["outcome"] == "complete"
    assert {name: each["verdicts"] for name, each in report["verdicts"].items()} == {
        "compliance": 8,
        "second": 16,
    }


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_a_pilot_is_one_of_calls_whose_answers_count_in_batches(server, afcost):
    afcost("estimate", "experiment.yaml", "--batch", "-o", "batches.json")
    _, said = afcost("pilot", "batches.json", "--cap", "0.01", "--yes", ends=3)
    assert "nothing was sent. Pilot a plan of calls, without `batch: yes` and --batch" in said
    assert server.bill().calls == ()
    afcost("pilot", "plan.json", "--most", "1", "--cap", "0.01", "--yes")
    piloted = len(server.bill().billed)
    assert 0 < piloted < 16
    afcost("estimate", "experiment.yaml", "--batch", "-o", "batches.json")
    afcost("approve", "batches.json", "--cap", "0.01", "--yes")
    afcost("run", "batches.json", "--poll", "0.1")
    billed = Counter(call.prompt for call in server.bill().billed)
    assert (len(billed), set(billed.values())) == (16, {1})


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_what_is_away_is_collected_though_the_plan_is_too_cheap_by_now(server, afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0.1")
    dearer = PRICE | {"input": "4.00", "batch": {"input": "2.00", "output": "0.40"}}
    prices = {"prices": {MODELS["openai"][0]: dearer}}
    Path("afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    _, said = afcost("run", "plan.json", "--poll", "0.1", ends=1)
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
    command = ("run", "plan.json", "--batch", "--poll", "0.1")
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


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_a_dry_run_in_batches_shows_their_prices_and_what_is_away(afcost):
    def dry_run(*options):
        shown = afcost("run", "plan.json", "--dry-run", *options)[0]
        return shown, Decimal(shown.split("what remains costs likely $")[1].split(",")[0])

    (calls, by_calls), (batch, in_batches) = dry_run(), dry_run("--batch")
    assert in_batches == pytest.approx(by_calls / 2, rel=Decimal("0.1"))
    assert "in batches: openai/" in batch
    assert "batches" not in calls
    assert "in batches: openai/" in dry_run("--by", "9d")[0]
    afcost("run", "plan.json", "--batch", "--no-wait")
    assert "1 batch away with 2 requests" in dry_run()[0]


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_after_a_kill_what_is_away_is_called_so_and_the_rest_goes_on_as_it_began(server, afcost):
    server.reset(Behaviour(text="yes", batches=BatchBehaviour(working=1_000_000)))
    command = ("run", "plan.json", "--batch", "--poll", "0.1")
    with ForkedCommand(command, Path.cwd(), os.environ) as running:
        while not server.batches():
            time.sleep(0.02)
        running.kill()
    for shown in (afcost("report", "runs/small")[0], afcost("status", "runs/small")[0]):
        assert "unknown" not in shown
        assert "afcost run plan.json --batch\n" in shown
    assert "requests away in batches: 1" in afcost("report", "runs/small")[0]


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_batches_in_the_place_of_calls_say_nothing_of_the_forecast(afcost, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(Path("own-home").resolve()))
    afcost("approve", "plan.json", "--cap", "0.01", "--yes")

    def list_kept():
        found = json.loads(afcost("calibration", "--format", "json")[0])
        return [each["study"] for each in found["finished"]]

    _, said = afcost("run", "plan.json", "--batch", "--poll", "0.1")
    assert "Warning" not in said
    report = json.loads(afcost("report", "runs/small", "--format", "json")[0])
    assert report["forecast"]["inside"] is None
    assert "by calls; this run was asked in batches" in afcost("report", "runs/small")[0]
    assert list_kept() == []
    afcost("estimate", "experiment.yaml", "--batch", "--study", "planned", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "0.01", "--yes")
    afcost("run", "plan.json", "--poll", "0.1")
    assert list_kept() == ["planned"]


def list_batches(afcost):
    told, _ = afcost("batches", "runs/small", "--format", "json")
    found = json.loads(told)
    assert found["schema"] == "afcost.batches/1"
    return found["batches"]


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_batches_are_listed_with_what_they_cost(afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0.1")
    (away,) = list_batches(afcost)
    assert (away["state"], away["requests"], away["billed_usd"]) == ("created", 2, "0.00")
    assert away["batch"] in afcost("batches", "runs/small")[0]
    afcost("run", "plan.json", "--poll", "0.1")
    found = list_batches(afcost)
    assert {each["state"] for each in found} == {"ended"}
    told, _ = afcost("status", "runs/small", "--format", "json")
    spent = sum((Money.from_usd(each["billed_usd"]) for each in found), Money())
    assert spent == Money.from_usd(json.loads(told)["spent_usd"])


@pytest.mark.parametrize("study", ["openai", "anthropic"], indirect=True)
@pytest.mark.usefixtures("study")
def test_a_batch_that_is_cancelled_is_collected_as_far_as_it_was_done(server, afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0.1")
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
    afcost("run", "plan.json", "--poll", "0.1")
    cancelled = next(each for each in list_batches(afcost) if each["id"] == away["id"])
    assert cancelled["state"] == "ended"
    assert cancelled["settled"] + cancelled["released"] == 2
    assert set(Counter(call.prompt for call in server.bill().billed).values()) == {1}
    told, _ = afcost("status", "runs/small", "--format", "json")
    assert (json.loads(told)["held_usd"], json.loads(told)["outcome"]) == ("0.00", "complete")


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_only_what_no_provider_tells_of_can_be_given_up(server, afcost):
    afcost("run", "plan.json", "--batch", "--no-wait", "--poll", "0.1")
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


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_without_a_key_nothing_is_cancelled_nor_given_up(afcost, monkeypatch):
    afcost("run", "plan.json", "--batch", "--no-wait")
    (away,) = list_batches(afcost)
    monkeypatch.delenv(FORMS["openai"].key)
    said = " ".join(afcost("batches", "runs/small", "--cancel", ends=3))
    assert "cannot be asked" in said
    assert "1 batch was not cancelled" in said
    give_up = ("batches", "runs/small", "--give-up", away["id"], "--yes")
    assert "it may be collected before" in afcost(*give_up, ends=3)[1]
    assert list_batches(afcost)[0]["state"] == "created"


@pytest.mark.parametrize("study", ["openai"], indirect=True)
@pytest.mark.usefixtures("study")
def test_a_price_far_below_what_was_approved_is_to_be_approved(server, afcost):
    cheap = PRICE | {"batch": {"input": "0.05", "output": "0.40"}}
    prices = {"prices": {FORMS["openai"].model: cheap}}
    Path("afcost.prices.yaml").write_text(yaml.safe_dump(prices))
    _, said = afcost("run", "plan.json", "--batch", ends=3)
    assert "below a quarter of the price of calls that was approved" in " ".join(said.split())
    assert not server.bill().calls
    afcost("estimate", "experiment.yaml", "--batch", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "0.01", "--yes")
    afcost("run", "plan.json", "--poll", "0.1")
