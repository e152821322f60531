"""A crew does a plan that one process has checked; who dies is buried and replaced."""

from __future__ import annotations

import os
import platform
import queue
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from estimator.plan import read_plan
from pricing.money import Money
from runner.approval import Approval, approval_path, read_approval_file
from runner.cluster import CrewOptions, conductor, crew_places, execute_with_crew, lead
from runner.cluster.conductor import Conductor
from runner.cluster.handover import Handover
from runner.cluster.joined_worker import work_as_told
from runner.cluster.life import LifeEnd
from runner.cluster.local_crew import LocalCrew
from runner.control import ask_to_stop, list_workers, open_notes
from runner.errors import CannotSend, LedgerError
from runner.execution import StopReason
from runner.launch import RunOptions, approve_plan, preflight, run_plan
from runner.ledger import PostgresLocation, open_shared_tables, read_ledger
from runner.run_folder import open_run_folder
from tests.runner.cluster.crews import CALLS, ThreadCrew, run
from tests.runner.sample_experiment import NOW
from tests.runner.workers import PATIENCE, prepare


@pytest.fixture
def crew(monkeypatch):
    """Return threads in place of processes."""
    crew = ThreadCrew()
    monkeypatch.setattr(lead, "_find_crew", lambda _: lambda _: crew)
    monkeypatch.setattr(conductor, "_INTERVAL", 0.02)
    return crew


@pytest.fixture
def site(server, postgres, tmp_path):
    return prepare(tmp_path, server, postgres.database(), queries=5)


def entries(site):
    with read_ledger(open_run_folder(site.folder).ledger_location) as reader:
        assert reader.find_tampering() is None
        return list(reader.entries())


def test_a_plan_is_checked_and_its_provider_asked_once_for_all_workers(site, crew, monkeypatch):
    checks = []
    for place, name in ((preflight, "verify_plan"), (run_plan, "check_providers")):
        check = getattr(place, name)
        said = lambda *given, of=check, **named: checks.append(of) or of(*given, **named)  # noqa: E731
        monkeypatch.setattr(place, name, said)
    progress = run(site, 3)
    assert (progress.end, progress.answered) == (StopReason.COMPLETE, 5 * CALLS)
    assert progress.crew == "all workers have ended"
    assert len(checks) == 2
    assert len(set(crew.names)) == 3
    assert len(server_calls(site)) == 5 * CALLS
    assert site.billed() == site.report().balance.settled
    assert {each.worker for each in entries(site) if each.kind == "reserve"} <= set(crew.names)
    listed = list_workers(open_run_folder(site.folder).ledger_location)
    assert {each.name for each in listed} <= set(crew.names)
    assert sum(each.jobs_done for each in listed) == 5 * CALLS / 2
    assert {(each.state, each.host, each.process) for each in listed} == {
        ("ended", platform.node(), os.getpid())
    }


def server_calls(site):
    return site.server.bill().billed


def test_workers_that_die_are_replaced_and_their_names_buried(site, crew):
    crew.dead = 3
    assert run(site, 2).end is StopReason.COMPLETE
    assert len(crew.names) == 5
    assert len(server_calls(site)) == 5 * CALLS


def test_workers_that_die_again_and_again_end_the_run(site, crew, monkeypatch):
    crew.dead = 100
    monkeypatch.setattr(crew_places, "_LONGEST_DELAY", 0.0)
    progress = run(site, 2)
    assert progress.end is StopReason.STOPPED
    assert progress.reason == "it was killed by signal 9"
    assert len(crew.names) == 2 * 6
    assert not server_calls(site)


@pytest.mark.usefixtures("crew")
def test_what_workers_may_spend_is_kept_beside_the_plan_before_it_is_spent(site, monkeypatch):
    """Not when the lead looks: a copy of the database, put back in between, would forget it."""
    monkeypatch.setattr(conductor, "_LEDGER_INTERVAL", PATIENCE)
    site.server.hold_after(3 * CALLS)

    def look():
        await_calls(site.server, 3 * CALLS + 1)
        spent = site.report().balance
        site.server.release()
        return spent.settled + spent.reserved, read_approval_file(approval_path(site.plan))

    with ThreadPoolExecutor() as pool:
        looked = pool.submit(look)
        assert run(site, 2).end is StopReason.COMPLETE
        spent, kept = looked.result()
    assert kept.watermark.committed >= spent > Money()


def test_what_a_worker_is_given_says_where_the_ledger_is_and_no_password(site, crew):
    crew.shares_secrets = False
    with_password = site.ledger.replace("postgres@", "postgres:hunter2@")
    assert run(replace(site, ledger=with_password), 1).end is StopReason.COMPLETE
    assert "hunter2" not in crew.given[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"requests": [(0, "another")]}, "builds other requests than the one that checked"),
        ({"identity": "0" * 32}, "another ledger than the one that was checked"),
        ({"checked_hash": "0" * 64}, "is not the one that was checked"),
        ({"study": "another"}, "a database without this ledger"),
    ],
)
def test_a_worker_sends_nothing_where_it_is_not_what_was_checked(site, crew, change, said):
    run(site, 1)
    before = len(server_calls(site))
    given = replace(Handover.from_text(crew.given[0]), **change)
    end = work_as_told(given, "late")
    assert (end.end, said in end.reason) == ("", True), end.reason
    assert len(server_calls(site)) == before


def test_a_worker_whose_lead_is_gone_finishes_and_says_so(site, crew, monkeypatch):
    crew.dead = 100
    monkeypatch.setattr(crew_places, "_MOST_DEATHS", 0)
    run(site, 1)  # its lead has ended
    end = work_as_told(Handover.from_text(crew.given[0]), "orphan")
    assert end.end == "interrupted"
    assert end.reason == "the process that started this worker is gone"
    assert len(server_calls(site)) < 5 * CALLS
    assert site.report().reason == end.reason
    assert site.billed() == site.report().balance.settled


@pytest.fixture
def heeded(monkeypatch):
    """Return a queue that tells, at each signal, how often workers were asked to end by then."""
    heed, told = Conductor._heed_signal, queue.Queue()

    def heed_and_tell(conductor):
        heed(conductor)
        told.put(conductor._places.asked)

    monkeypatch.setattr(Conductor, "_heed_signal", heed_and_tell)
    return told


@pytest.mark.usefixtures("crew")
@pytest.mark.parametrize(("first", "times"), [("stop", 1), ("signal", 2)])
def test_a_second_interrupt_has_all_workers_hold_what_is_in_flight_but_not_one_after_a_stop(
    server, postgres, tmp_path, heeded, first, times
):
    site = prepare(tmp_path, server, postgres.database(), queries=50)
    server.hold_after(CALLS)

    def interrupt():
        await_calls(server, CALLS + 1)
        if first == "stop":
            ask_and_await_stop(site)
        else:
            os.kill(os.getpid(), signal.SIGINT)
            assert heeded.get(timeout=PATIENCE) == 1
        os.kill(os.getpid(), signal.SIGINT)
        assert heeded.get(timeout=PATIENCE) == times
        if times == 1:
            server.release()

    with ThreadPoolExecutor() as pool:
        interrupted = pool.submit(interrupt)
        assert run(site, 2, concurrency=2).end is StopReason.INTERRUPTED
        interrupted.result()
    server.release()
    balance = site.report().balance
    assert (balance.held > Money()) == (times > 1)
    assert (balance.reserved, balance.aside) == (Money(), Money())
    assert CALLS < len(server.bill().calls) < 50 * CALLS
    assert balance.settled <= site.billed() <= balance.settled + balance.held


def ask_and_await_stop(site):
    """Ask for a stop, and wait until the lead has asked that of its workers."""
    with open_notes(PostgresLocation(site.ledger, "small")) as notes:
        ask_to_stop(notes)
        while not any(note["interrupts"] for note in notes.read_all("lead.").values()):
            time.sleep(0.02)


def await_calls(server, number):
    while len(server.bill().calls) < number:
        time.sleep(0.02)


@pytest.mark.usefixtures("crew")
def test_an_interrupt_that_the_database_did_not_take_is_passed_on_later(
    server, postgres, tmp_path, monkeypatch
):
    site = prepare(tmp_path, server, postgres.database(), queries=50, delay=0.1)
    real, fails = conductor.ask_workers, iter([LedgerError("the database is restarted"), OSError()])

    def ask(*asked):
        if error := next(fails, None):
            raise error
        real(*asked)

    def interrupt():
        await_calls(server, CALLS)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(conductor, "ask_workers", ask)
    thread = threading.Thread(target=interrupt)
    thread.start()
    assert run(site, 1, concurrency=2).end is StopReason.INTERRUPTED
    thread.join()
    assert len(server_calls(site)) < 50 * CALLS


def test_a_lead_that_was_taken_for_dead_starts_no_more_workers_and_says_why(
    server, postgres, tmp_path, crew, monkeypatch
):
    """As one is that was suspended for longer than its lease."""
    site = prepare(tmp_path, server, postgres.database(), queries=50, delay=0.1)
    monkeypatch.setattr(conductor, "_LEDGER_INTERVAL", 0.1)

    def bury():
        await_calls(server, CALLS)
        with open_shared_tables(open_run_folder(site.folder).ledger_location) as tables:
            tables.execute("UPDATE worker SET ended = TRUE WHERE id LIKE 'lead-%'")

    thread = threading.Thread(target=bury)
    thread.start()
    progress = run(site, 1, concurrency=2)
    thread.join()
    assert progress.end is StopReason.STOPPED
    assert "missed its lease" in progress.reason
    assert len(crew.names) == 1


@pytest.mark.usefixtures("crew")
def test_an_approval_that_ends_earlier_ends_all_workers_before_they_judge(
    server, postgres, tmp_path
):
    site = prepare(tmp_path, server, postgres.database(), queries=50, delay=0.1)
    plan, told = read_plan(site.plan), []

    def shorten():
        await_calls(server, CALLS)
        end = datetime.now(UTC) + timedelta(seconds=2)
        at = NOW + timedelta(hours=1)
        approve_plan(plan, site.plan, Approval(plan.digest, site.cap, "ada", at, end))
        told.append(end + timedelta(seconds=2.5))  # each looks once a second

    thread = threading.Thread(target=shorten)
    thread.start()
    assert run(site, 2, concurrency=2).end is StopReason.EXPIRED
    thread.join()
    reserved = [datetime.fromisoformat(each.at) for each in entries(site) if each.kind == "reserve"]
    assert max(reserved) < told[0]
    assert {each.note.partition(" ")[0] for each in entries(site) if each.kind == "end"} == {
        "expired"
    }


def test_a_process_with_much_to_tell_ends_all_the_same(monkeypatch):
    told = LifeEnd("failed", failed=("\u96ea" * 2000,) * 20)
    tell = "from runner.cluster.life import LifeEnd; print(LifeEnd('failed', '', {}).to_text())"
    command = (sys.executable, "-c", tell.format("('\u96ea' * 2000,) * 20"))
    monkeypatch.setattr("runner.cluster.local_crew._COMMAND", command)
    life, began = LocalCrew().start("{}", "worker"), time.monotonic()
    while (end := life.poll()) is None and time.monotonic() - began < PATIENCE:
        time.sleep(0.05)
    life.kill()
    assert end == told


def test_a_process_that_is_killed_is_buried_at_once_and_nothing_is_paid_twice(
    server, postgres, tmp_path, monkeypatch
):
    site = prepare(tmp_path, server, postgres.database(), queries=10, delay=0.1)
    crew, lives = LocalCrew(), []

    class Crew:
        shares_secrets = True
        close = crew.close

        def start(self, handover, worker):
            lives.append(crew.start(handover, worker))
            return lives[-1]

    def kill():
        await_calls(server, CALLS)
        lives[0]._process.send_signal(signal.SIGKILL)

    monkeypatch.setattr(lead, "_find_crew", lambda _: lambda _: Crew())
    thread = threading.Thread(target=kill)
    thread.start()
    began = time.monotonic()
    progress = run(site, 2, lease_seconds=2 * PATIENCE)
    thread.join()
    assert progress.end is StopReason.COMPLETE
    assert time.monotonic() - began < 2 * PATIENCE  # its lease would have held longer
    assert len(lives) == 3
    report = site.report()
    assert report.balance.settled + report.balance.held >= site.billed()
    answered = [each.attempt for each in entries(site) if each.kind == "settle"]
    assert len(answered) == len(set(answered)) == 10 * CALLS
    assert all(life.poll() is not None for life in lives)


def test_without_ray_it_is_said_how_to_install_it(site, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "runner.cluster.ray_crew", raising=False)
    options = RunOptions(folder=site.folder, ledger_url=site.ledger)
    with pytest.raises(CannotSend, match=r"pip install 'afcost\[cluster\]'"):
        execute_with_crew(site.plan, NOW, options, CrewOptions(2, "auto"))
    assert not server_calls(site)


def test_several_workers_need_a_shared_ledger(site):
    with pytest.raises(CannotSend, match="need a ledger that they share; nothing was sent"):
        run(replace(site, ledger=None), 2)
