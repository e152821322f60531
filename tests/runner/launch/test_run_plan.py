"""A run of an approved plan: what is refused before anything is sent, and what is written down.

The command's own tests are in tests/e2e; the provider is `tests.support.provider.server`.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from estimator.plan import plan_file as plans
from estimator.plan.planner import EstimateOptions, estimate_experiment
from experiment.definition.experiment import Overrides
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import save_approval
from runner.errors import BadRun, CannotSend, LedgerBusy, NotApproved
from runner.execution.scheduler import StopReason
from runner.ledger.location import FileLocation
from runner.ledger.open import open_ledger
from runner.results.report import build_report
from runner.run_folder import open_run_folder
from tests.runner import sample_experiment as lab
from tests.runner.sample_experiment import NOW, honest, run_plan
from tests.support.provider.behaviour import Behaviour
from tests.support.waiting import wait_until_billed

ROOT = Path(__file__).parents[3]
CAP = Money.from_usd("0.01")
REQUESTS = 4 * 3 * 2  # conditions, queries, the answer and its vote

CHILD = """
import sys
from pathlib import Path
from tests.runner.sample_experiment import NOW, run_plan

run_plan(Path(sys.argv[1]), NOW, folder=Path(sys.argv[2]), concurrency=4)
"""


@pytest.fixture
def planned(server, tmp_path):
    """Give the path of an approved plan; the provider is honest, and answers each request `yes`."""
    source = lab.write(tmp_path / "e", base_url=f"{server.url}/v1")
    path = tmp_path / "plan.json"
    plans.save_plan(estimate_experiment(str(source), lab.DAY).plan, path)
    approve(path)
    server.reset(honest(path))
    return path


def approve(path, cap=CAP, at=NOW):
    save_approval(Approval(plans.read_plan(path).digest, cap, "ada", at), path)


def billed(server):
    bill = server.bill()
    return Money(bill.input_tokens * 400_000 + bill.output_tokens * 800_000)


def test_a_run_books_what_the_provider_bills_and_reports_just_that(planned, server, tmp_path):
    run, progress = run_plan(planned, NOW, folder=tmp_path / "run")
    assert (progress.end, progress.answered) == (StopReason.COMPLETE, REQUESTS)
    told = build_report(run).to_json()
    assert told["spent_usd"] == billed(server).to_decimal_string()
    assert told["remaining_usd"] == (CAP - billed(server)).to_decimal_string()
    assert told["held_usd"] == told["reserved_usd"] == "0.00"
    assert told["attempts"] == {"settled": REQUESTS, "held": 0, "released": 0, "resolved": 0}
    assert told["notes"] == {}
    costs = [Money.from_usd(row["actual"]["cost_usd"]) for row in told["strata"]]
    assert sum(costs, Money()) == billed(server)
    assert sum(row["actual"]["requests"] for row in told["strata"]) == REQUESTS
    tokens = [row["actual"]["input_tokens"] for row in told["strata"]]
    assert sum(tokens) == server.bill().input_tokens


def test_a_complete_run_is_not_paid_again(planned, server, tmp_path):
    run_plan(planned, NOW, folder=tmp_path / "run")
    before = billed(server)
    _, progress = run_plan(planned, NOW, folder=tmp_path / "run")
    assert (progress.end, progress.answered) == (StopReason.COMPLETE, 0)
    assert billed(server) == before


def test_usage_below_what_is_counted_here_is_booked_as_counted_and_told(planned, server, tmp_path):
    server.reset(honest(planned, input_tokens=1))
    run, _ = run_plan(planned, NOW, folder=tmp_path / "run")
    told = build_report(run).to_json()
    assert Money.from_usd(told["spent_usd"]) > billed(server)
    assert sum(told["notes"].values()) == REQUESTS
    assert all("usage reports 1 prompt tokens, counted" in note for note in told["notes"])


@pytest.mark.parametrize("change", ["no approval", "expired", "another plan"])
def test_nothing_is_sent_or_made_without_a_valid_approval(planned, server, tmp_path, change):
    approval = planned.with_suffix(".approval.json")
    now = NOW
    if change == "no approval":
        approval.unlink()
    elif change == "expired":
        digest = plans.read_plan(planned).digest
        save_approval(Approval(digest, CAP, "ada", NOW, NOW + timedelta(hours=1)), planned)
        now = NOW + timedelta(hours=1)
    else:
        other = estimate_experiment(
            str(tmp_path / "e" / "experiment.yaml"), lab.DAY, Overrides(samples=2)
        ).plan
        plans.save_plan(other, planned)
    with pytest.raises(NotApproved, match=f"afcost approve {planned} --cap USD"):
        run_plan(planned, now, folder=tmp_path / "run")
    assert server.bill().calls == ()
    assert not (tmp_path / "run").exists()


def test_a_second_run_folder_does_not_spend_the_cap_again(planned, server, tmp_path):
    run_plan(planned, NOW, folder=tmp_path / "run")
    before = billed(server)
    with pytest.raises(NotApproved, match=f"--run-dir {tmp_path / 'run'}"):
        run_plan(planned, NOW, folder=tmp_path / "second")
    assert billed(server) == before


@pytest.mark.parametrize("what", ["the ledger", "the folder"])
def test_a_run_whose_ledger_was_removed_does_not_spend_the_cap_again(
    planned, server, tmp_path, what
):
    folder = tmp_path / "run"
    run_plan(planned, NOW, folder=folder)
    before = billed(server)
    for file in folder.iterdir() if what == "the folder" else folder.glob("ledger*"):
        file.unlink()
    with pytest.raises(NotApproved, match="which no longer exists"):
        run_plan(planned, NOW, folder=folder)
    assert billed(server) == before


def test_a_ledger_that_was_emptied_does_not_spend_the_cap_again(planned, server, tmp_path):
    folder = tmp_path / "run"
    run_plan(planned, NOW, folder=folder)
    before = billed(server)
    for file in folder.glob("ledger.sqlite*"):
        file.write_bytes(b"")
    with pytest.raises(NotApproved, match=r"bound to the ledger .* which no longer exists"):
        run_plan(planned, NOW, folder=folder)
    assert billed(server) == before


@pytest.mark.parametrize("error", [BrokenPipeError, ValueError])
def test_an_error_of_whoever_shows_the_progress_ends_nothing(planned, tmp_path, error):
    def gone(_):
        raise error("the terminal is gone")

    _, progress = run_plan(planned, NOW, folder=tmp_path / "run", on_progress=gone)
    assert progress.end is StopReason.COMPLETE


def test_a_folder_of_another_study_is_left_alone(planned, server, tmp_path):
    run_plan(planned, NOW, folder=tmp_path / "run")
    calls = len(server.bill().calls)
    other = tmp_path / "other.json"
    source = str(tmp_path / "e" / "experiment.yaml")
    options = EstimateOptions(study="another")
    plans.save_plan(estimate_experiment(source, lab.DAY, options=options).plan, other)
    approve(other)
    with pytest.raises(BadRun, match="holds the answers of the study small"):
        run_plan(other, NOW, folder=tmp_path / "run")
    assert len(server.bill().calls) == calls
    assert open_run_folder(tmp_path / "run").plan.digest == plans.read_plan(planned).digest


def test_a_run_that_another_process_works_on_is_left_to_it(planned, server, tmp_path):
    run_plan(planned, NOW, folder=tmp_path / "run")
    calls = len(server.bill().calls)
    with open_ledger(FileLocation(tmp_path / "run" / "ledger.sqlite")), pytest.raises(LedgerBusy):
        run_plan(planned, NOW, folder=tmp_path / "run")
    assert len(server.bill().calls) == calls


def test_a_lacking_key_of_a_judge_is_found_before_the_first_paid_call(
    server, tmp_path, monkeypatch
):
    monkeypatch.delenv("JUDGES_KEY", raising=False)
    source = lab.write(tmp_path / "e", base_url=f"{server.url}/v1")
    judge = "my-judge/llama-3.1-8b"
    text = source.read_text().replace(f"model: {lab.MODEL}", f"model: {judge}")
    mine = json.dumps({"kind": "openai", "base_url": server.url, "api_key_env": "JUDGES_KEY"})
    source.write_text(f"{text}  my-judge: {mine}\n")
    prices = tmp_path / "e" / "afcost.prices.yaml"
    prices.write_text(f"{prices.read_text()}  {judge}: {{input: 1, output: 1}}\n")
    path = tmp_path / "plan.json"
    plans.save_plan(estimate_experiment(str(source), lab.DAY).plan, path)
    approve(path)
    server.reset(Behaviour())
    with pytest.raises(CannotSend, match="no key for my-judge: set JUDGES_KEY"):
        run_plan(path, NOW, folder=tmp_path / "run")
    assert server.bill().calls == ()


def test_killed_at_any_moment_a_run_continues_below_the_cap_and_accounts_for_every_call(
    planned, server, tmp_path
):
    server.reset(honest(planned, delay=0.03))
    folder = tmp_path / "run"
    for calls in (3, 10):
        server.hold_after(calls - 1)
        command = [sys.executable, "-c", CHILD, str(planned), str(folder)]
        with subprocess.Popen(command, cwd=ROOT) as child:
            wait_until_billed(server, calls)
            os.kill(child.pid, signal.SIGKILL)
    server.release()
    run, progress = run_plan(planned, NOW, folder=folder)
    told = build_report(run)
    assert progress.end is StopReason.COMPLETE
    assert told.attempts["held"] > 0
    assert told.attempts["settled"] == REQUESTS
    assert sum(told.attempts.values()) >= len(server.bill().calls)
    assert billed(server) <= told.balance.settled + told.balance.held <= CAP


def test_a_higher_approval_continues_the_run_and_both_are_kept(planned, server, tmp_path):
    small = Money(60 * 400_000 * 8)
    approve(planned, small)
    run, progress = run_plan(planned, NOW, folder=tmp_path / "run")
    assert progress.end is StopReason.CAP
    assert Money() < billed(server) <= small
    approve(planned, CAP, NOW + timedelta(hours=1))
    run, progress = run_plan(planned, NOW, folder=tmp_path / "run")
    assert progress.end is StopReason.COMPLETE
    assert len(server.bill().calls) == REQUESTS
    assert replace(build_report(run).balance, cap=small) != build_report(run).balance
    assert build_report(run).approval["cap_usd"] == CAP.to_decimal_string()


def plan_again(planned, path, record):
    """Save and approve the same work again, with another record of what each model takes."""
    plan = plans.read_plan(planned)
    models = {name: replace(model, takes=record(model)) for name, model in plan.models.items()}
    plans.save_plan(replace(plan, models=models), path)
    approve(path)


def test_a_run_goes_on_after_records_were_made_or_changed_that_send_the_same(
    planned, server, tmp_path
):
    before, later = tmp_path / "before.json", tmp_path / "later.json"
    plan_again(planned, before, lambda _: None)  # as earlier versions made plans
    plan_again(planned, later, lambda model: replace(model.takes, text="full", max_output=9999))
    run_plan(before, NOW, folder=tmp_path / "run")
    for again in (planned, later):
        assert run_plan(again, NOW, folder=tmp_path / "run")[1].end is StopReason.COMPLETE
    assert len(server.bill().calls) == REQUESTS, "nothing is paid twice"


def test_another_name_of_the_limit_is_no_other_request(planned, server, tmp_path):
    run_plan(planned, NOW, folder=tmp_path / "run")
    other = tmp_path / "other.json"
    plan_again(planned, other, lambda model: replace(model.takes, limit_field="max_new_tokens"))
    assert run_plan(other, NOW, folder=tmp_path / "run")[1].end is StopReason.COMPLETE
    assert len(server.bill().calls) == REQUESTS
