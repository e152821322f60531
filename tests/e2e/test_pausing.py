"""A run is paused, goes on and is stopped from another terminal; nothing is lost or paid twice."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from afcost.cli import run_cli
from estimator.plan import read_plan
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import save_approval
from runner.control import open_notes, read_obeyed
from runner.run_folder import open_run_folder
from tests.e2e.sample_experiment import planned as planned_at
from tests.runner.sample_experiment import NOW
from tests.runner.workers import prepare
from tests.support.provider.behaviour import Behaviour
from tests.support.waiting import wait_until, wait_until_billed

USUAL = Behaviour(answer="by-tier", output_tokens=(20, 300))
HELD, IN_FLIGHT = 5, 4
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def lab(server, tmp_path):
    server.reset(USUAL)
    price = '{input: "0.50", output: "2.00"}'
    lab = planned_at(tmp_path, server.url, price, limit=6)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    return lab


def obeyed(run):
    with open_notes(open_run_folder(run).ledger_location) as notes:
        return read_obeyed(notes)


def status(lab):
    done = lab.afcost("status", str(lab.run_folder()), "--format", "json")
    return json.loads(done.stdout)


def test_a_paused_run_sends_nothing_keeps_its_money_and_goes_on(lab, server):
    server.hold_after(HELD)
    with lab.start("run", "plan.json", "--concurrency", str(IN_FLIGHT)) as process:
        wait_until(lambda: len(server.bill().calls) >= HELD + IN_FLIGHT)
        run = lab.run_folder()
        assert f"afcost resume runs/{run.name}" in lab.afcost("pause", f"runs/{run.name}").stdout
        wait_until(lambda: obeyed(run).is_paused)
        calls = len(server.bill().calls)
        server.release()
        wait_until(lambda: sum(each["in_flight"] for each in status(lab)["strata"]) == 0)
        found = status(lab)
        assert (found["outcome"], len(server.bill().calls)) == ("running", calls)
        assert found["paused_at"]
        assert Decimal(found["reserved_usd"]) > 0, "open jobs keep their money"
        said = lab.afcost("status", str(run)).stdout
        assert "running, paused since" in said
        assert f"To go on:  afcost resume {run}" in said
        assert "was paused already" in lab.afcost("pause", str(run)).stdout
        lab.afcost("resume", str(run))
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(server.bill().calls) == 48
    assert status(lab)["paused_at"] is None


def test_a_pause_outlives_the_process_and_a_stop_ends_it(lab, server):
    server.hold_after(HELD)
    with lab.start("run", "plan.json", "--concurrency", str(IN_FLIGHT)) as process:
        wait_until(lambda: len(server.bill().calls) >= HELD + IN_FLIGHT)
        run = lab.run_folder()
        lab.afcost("pause", str(run))
        wait_until(lambda: obeyed(run).is_paused)
        process.kill()
        process.communicate(timeout=60)
    server.release()
    calls = len(server.bill().calls)
    with lab.start("run", "plan.json") as process:
        wait_until(lambda: status(lab)["outcome"] == "running")
        stopped = lab.afcost("stop", str(run)).stdout
        assert "To continue it later:  afcost run plan.json" in stopped
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert status(lab)["end"] == "interrupted"
    begun = [row for row in lab.answers() if row["stage"] == "subject"]
    assert len(server.bill().calls) <= calls + len(begun), "only what was answered is judged"
    lab.afcost("run", "plan.json")
    assert status(lab)["outcome"] == "complete"


def test_what_is_not_running_is_neither_paused_nor_stopped(lab):
    lab.afcost("run", "plan.json")
    run = str(lab.run_folder())
    for what in ("pause", "stop"):
        said = lab.afcost(what, run, ends=3).stderr
        assert f"{run} is not running; there is nothing to {what}" in said
    assert "is not paused" in lab.afcost("resume", run, ends=3).stderr
    assert "is not a run folder" in lab.afcost("pause", ".", ends=1).stderr


def test_all_processes_that_share_a_ledger_pause_go_on_and_stop(server, postgres, tmp_path):
    site = prepare(tmp_path, server, postgres.database(), queries=20)
    server.hold_after(4)
    workers = site.start(2)
    wait_until(lambda: len(server.bill().calls) >= 4 + 2)
    run = site.report().run_folder.path
    assert run_cli(["pause", str(run)]) == 0
    wait_until(lambda: obeyed(run).is_paused)
    server.release()
    assert run_cli(["resume", str(run)]) == 0
    wait_until_billed(server, 8)
    assert run_cli(["stop", str(run)]) == 0
    assert {worker.end().end for worker in workers} <= {"interrupted", "complete"}
    assert site.billed() == site.report().balance.settled


def test_without_a_table_for_notes_a_run_on_a_shared_ledger_goes_on(server, postgres, tmp_path):
    site = prepare(tmp_path, server, postgres.database(), queries=3, share=0.4)
    assert [worker.end().end for worker in site.start(1)] == ["cap"]
    with psycopg.connect(site.ledger, autocommit=True) as database:
        database.execute("SET search_path TO afcost_small")
        database.execute("DROP TABLE note")
        database.execute("CREATE TABLE note (another BIGINT)")  # nothing of ours can be kept in it
    approval = Approval(read_plan(site.plan).digest, Money.from_usd("1"), "ada", LATER)
    save_approval(approval, site.plan)
    assert [worker.end().end for worker in site.start(1)] == ["complete"]
    assert run_cli(["status", str(site.report().run_folder.path)]) == 0
    assert site.billed() == site.report().balance.settled
