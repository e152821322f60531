"""Processes that share one cap: together they never exceed it, use it up, and lose nobody's work.

The provider bills exactly what is counted here, so that its own bill can be held against the cap.
"""

from __future__ import annotations

import signal
import time
from datetime import timedelta

import psycopg
import pytest

from estimator.plan import plan_file as plans
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import lock_approval, save_approval
from runner.ledger.open import read_ledger
from runner.results.report import build_report
from tests.e2e.sample_experiment import Lab
from tests.runner.sample_experiment import NOW
from tests.runner.workers import PATIENCE, Site, Worker, prepare
from tests.support.provider.behaviour import Fault

VOTES = 5
SHORT, LONG = 3.0, 12.0  # seconds of a lease: to be missed, and to be kept on a busy machine
ENOUGH = 0.97  # of a cap that ran out


@pytest.fixture
def site(server, postgres, tmp_path):
    """Return a way to prepare an experiment at the provider, in a database of its own."""
    return lambda **changes: prepare(tmp_path, server, postgres.database(), **changes)


def check_cap(site: Site, workers: int) -> None:
    """See that the cap held and was used, and that no condition is ahead of the others."""
    found, bill = site.report(), site.billed()
    spoken_for = found.balance.settled + found.balance.held
    assert bill <= spoken_for <= site.cap
    assert spoken_for.pico >= ENOUGH * site.cap.pico
    assert (found.balance.aside, found.balance.reserved) == (Money(), Money())
    assert found.attempts["settled"] + found.attempts["held"] == len(site.server.bill().calls)
    answered = [actual.requests for planned, actual in found.strata if planned.stage == "subject"]
    assert max(answered) - min(answered) <= workers
    judged = sum(actual.requests for planned, actual in found.strata if planned.stage != "subject")
    assert judged == sum(answered)


def start_one_to_be_lost(site: Site, others: int) -> list[Worker]:
    """Start a process whose lease is short, and others that keep theirs."""
    return [*site.start(1, lease=SHORT), *site.start(others, lease=LONG)]


def check_whole(site: Site) -> None:
    """See that every request is answered, and paid once."""
    found = site.report()
    assert (found.outcome, found.end) == ("complete", "complete")
    assert all(actual.requests == planned.requests for planned, actual in found.strata)


@pytest.mark.parametrize(
    "workers", [2, *(pytest.param(each, marks=pytest.mark.campaigns) for each in (4, 8))]
)
def test_the_cap_holds_and_is_used_up_by_processes_that_share_it(site, workers):
    shared = site(queries=50, share=0.4, delay=0.02)
    ends = [worker.end() for worker in shared.start(workers)]
    assert {end.end for end in ends} == {"cap"}, ends
    assert all(end.answered for end in ends), ends
    check_cap(shared, workers)
    assert shared.billed() == shared.report().balance.settled


@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.faults)])
def test_of_one_that_was_killed_the_work_is_done_by_others_and_its_money_is_held(site, workers):
    shared = site(queries=12, delay=0.1)
    killed, *others = start_one_to_be_lost(shared, workers - 1)
    await_calls(shared, 12)
    killed.kill()
    for end in [worker.end() for worker in others]:
        assert end.end == "complete", end
    check_whole(shared)
    found = shared.report()
    assert found.attempts["held"] > 0
    assert shared.billed() <= found.balance.settled + found.balance.held <= shared.cap
    with read_ledger(found.run_folder.ledger_location) as reading:
        holds = {(entry.worker, entry.note) for entry in reading.entries() if entry.kind == "hold"}
    ((_, note),) = holds
    assert note == "the process ended before the answer was stored"


@pytest.mark.campaigns
def test_of_one_that_was_killed_at_a_cap_what_it_held_is_not_spent_again(site):
    shared = site(queries=40, share=0.4, delay=0.05)
    shared.server.hold_after(30)
    killed, *others = start_one_to_be_lost(shared, 2)
    await_calls(shared, 30 + 2 * 4 + 1)  # with four in flight each, so some are its own
    killed.kill()
    shared.server.release()
    assert {worker.end().end for worker in others} == {"cap"}
    found = shared.report()
    assert found.attempts["held"] > 0
    check_cap_after_a_loss(shared)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(5))
def test_the_cap_holds_whoever_is_killed_and_whenever(site, seed):
    shared = site(queries=100, share=0.4, delay=0.05, seed=seed)
    workers = shared.start(8, lease=2)
    for number in range(seed + 1):
        await_calls(shared, 40 * (number + 1))
        workers.pop().kill()
    assert {worker.end().end for worker in workers} == {"cap"}
    check_cap_after_a_loss(shared)


@pytest.mark.parametrize("faulty", [False, True])
def test_votes_that_are_asked_for_together_share_a_cap_too(site, faulty):
    kinds = ("fewer_choices", "500_after", "429", "cut_body")
    faults = tuple(Fault(kind, probability=0.04, retry_after=0.01) for kind in kinds)
    shared = site(
        queries=25, share=0.4, joint_votes=VOTES, delay=0.02, faults=faults if faulty else ()
    )
    ends = [worker.end() for worker in shared.start(2)]
    assert {end.end for end in ends} <= ({"cap", "failed"} if faulty else {"cap"}), ends
    assert all(end.answered for end in ends), ends
    balance = shared.report().balance
    assert shared.billed() <= balance.settled + balance.held <= shared.cap
    assert (balance.aside, balance.reserved) == (Money(), Money())
    votes = answered_votes(shared)
    assert set(votes.values()) <= {*range(VOTES + 1)}
    if not faulty:
        assert shared.billed() == balance.settled
        assert balance.settled.pico >= 0.9 * shared.cap.pico
        assert len(shared.server.bill().calls) == 2 * len(votes), "one request for all votes"
        assert set(votes.values()) == {VOTES}, "no answer is left with some of its votes"


def test_votes_that_a_killed_process_was_sending_are_held_and_asked_for_by_another(site):
    shared = site(queries=12, joint_votes=VOTES, delay=0.1)
    shared.server.hold_after(12)
    killed, other = start_one_to_be_lost(shared, 1)
    await_calls(shared, 12 + 4 + 1)  # with four in flight each, so some are its own
    killed.kill()
    shared.server.release()
    assert (end := other.end()).end == "complete", end
    check_whole(shared)
    assert set(answered_votes(shared).values()) == {VOTES}
    balance = shared.report().balance
    assert balance.held > Money()
    assert shared.billed() <= balance.settled + balance.held <= shared.cap


def answered_votes(site: Site) -> dict[str, int]:
    """Count the votes on each answer, and see that no request is paid for twice."""
    with read_ledger(site.report().run_folder.ledger_location) as reader:
        jobs = list(reader.jobs())
    votes = {}
    for job in jobs:
        answered = [each.attempt for each in job if each.answer and not each.answer.has_failed]
        assert len({each.request for each in answered}) == len(answered), "paid twice"
        if any(each.stage == "subject" for each in answered):
            votes[answered[0].job] = sum(each.stage != "subject" for each in answered)
    return votes


def check_cap_after_a_loss(site: Site) -> None:
    """See that the cap held, and was used; a vote whose money was lost may be lacking."""
    balance = site.report().balance
    assert site.billed() <= balance.settled + balance.held <= site.cap
    assert (balance.settled + balance.held).pico >= ENOUGH * site.cap.pico
    assert (balance.aside, balance.reserved) == (Money(), Money())


def await_calls(site: Site, number: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(site.server.bill().calls) < number:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_that_is_interrupted_leaves_its_work_to_the_other(site):
    shared = site(queries=8, delay=0.1)
    first, second = shared.start(2)
    await_calls(shared, 12)
    first.signal(signal.SIGINT)
    assert (first.end().end, second.end().end) == ("interrupted", "complete")
    check_whole(shared)
    assert shared.report().attempts["held"] == 0
    assert shared.billed() == shared.report().balance.settled


def cut_connections(site: Site, *, allow: bool) -> None:
    """Cut every connection to a site's database, and refuse new ones unless they are allowed."""
    server = site.ledger.replace(site.ledger.partition("?")[0].rpartition("/")[2], "postgres", 1)
    name = site.ledger.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {str(allow).lower()}")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )


def test_connections_that_are_cut_are_made_again_and_nothing_is_lost(site):
    shared = site(queries=8, delay=0.1)
    workers = shared.start(2, lease=20)
    for calls in (12, 24, 36):
        await_calls(shared, calls)
        cut_connections(shared, allow=True)
    assert {worker.end().end for worker in workers} == {"complete"}
    check_whole(shared)
    found = shared.report()
    assert found.attempts["held"] == 0
    assert shared.billed() == found.balance.settled
    assert len(shared.server.bill().calls) == found.attempts["settled"], "nothing was paid twice"


def test_a_database_that_comes_back_in_time_is_waited_for(site):
    shared = site(queries=8, delay=0.1)
    workers = shared.start(2, lease=30)
    await_calls(shared, 12)
    cut_connections(shared, allow=False)
    time.sleep(1)
    cut_connections(shared, allow=True)
    assert {worker.end().end for worker in workers} == {"complete"}
    check_whole(shared)
    assert shared.billed() == shared.report().balance.settled


def test_without_its_database_everybody_stops_and_what_arrived_is_settled_later(site):
    shared = site(queries=8)
    shared.server.hold_after(20)
    workers = shared.start(2, lease=2, patience={"_CONNECT_PATIENCE": 1})
    await_calls(shared, 20 + 4 + 1)  # with four in flight each, so some are of each
    cut_connections(shared, allow=False)
    shared.server.release()
    ends = [worker.end() for worker in workers]
    sent = len(shared.server.bill().calls)
    assert all("LedgerError" in end.reason for end in ends), ends
    assert all("that arrived: kept in" in end.reason for end in ends), ends
    assert all("run the plan again" in end.reason for end in ends), ends
    kept = list(shared.folder.glob("answers-*.jsonl"))
    assert kept
    cut_connections(shared, allow=True)
    assert shared.start(1, lease=2)[0].end().end == "complete"
    check_whole(shared)
    found = shared.report()
    assert not list(shared.folder.glob("answers-*.jsonl"))
    assert sent < len(shared.server.bill().calls)
    assert found.attempts["held"] == 0, "what was sent was answered, and all of it was kept"
    assert shared.billed() == found.balance.settled


def test_answers_of_one_that_was_suspended_beyond_its_lease_are_kept(site):
    """Others took over its jobs and paid for them again; what it had paid for is stored too."""
    shared = site(queries=12, delay=0.02)  # so that both have their share
    shared.server.hold_after(50)
    first, second = start_one_to_be_lost(shared, 1)
    await_calls(shared, 50 + 4 + 1)  # with four in flight each, so some are the first one's
    first.signal(signal.SIGSTOP)
    await_ended_workers(shared, 1)
    shared.server.release()
    ended = second.end()
    first.signal(signal.SIGCONT)
    assert (ended.end, first.end().reason.partition(";")[0]) == (
        "complete",
        "this process missed its lease",
    )
    found = shared.report()
    assert found.attempts["held"] == 0
    assert shared.billed() == found.balance.settled


def test_one_that_is_suspended_while_it_has_the_lock_of_the_approval_stops_no_other(site):
    shared = site(queries=8)
    shared.server.hold_after(20)
    workers = shared.start(2)
    await_calls(shared, 20 + 1)
    with lock_approval(shared.plan):  # as a process has it that was suspended at that moment
        shared.server.release()
        assert {worker.end().end for worker in workers} == {"complete"}
    check_whole(shared)
    assert shared.billed() == shared.report().balance.settled


def await_ended_workers(site: Site, number: int) -> None:
    schema = f"afcost_{plans.read_plan(site.plan).study}"
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(site.ledger, autocommit=True) as connection:
        query = f'SELECT COUNT(*) FROM "{schema}".worker WHERE ended'
        while connection.execute(query).fetchone() != (number,):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_higher_cap_goes_on_from_where_all_stopped(site):
    shared = site(queries=8, share=0.3)
    assert {worker.end().end for worker in shared.start(2)} == {"cap"}
    higher = Money(shared.cap.pico * 4)
    digest = plans.read_plan(shared.plan).digest
    save_approval(Approval(digest, higher, "ada", NOW + timedelta(seconds=9)), shared.plan)
    assert {worker.end().end for worker in shared.start(2)} == {"complete"}
    check_whole(shared)
    assert shared.billed() == shared.report().balance.settled
    assert len(shared.server.bill().calls) == shared.report().attempts["settled"]


def test_two_real_commands_share_a_cap_and_the_folder_tells_where_its_ledger_is(site, tmp_path):
    shared = site(queries=20, share=0.4, delay=0.05)
    lab = Lab(tmp_path)
    command = ("run", str(shared.plan), "--run-dir", str(shared.folder), "--concurrency", "4")
    both = [lab.start(*command, "--ledger", shared.ledger) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE)[1] for process in both]
    assert [process.returncode for process in both] == [4, 4], said
    assert all("stopped at the cap" in each for each in said)
    balance = shared.report().balance
    assert shared.billed() <= balance.settled + balance.held <= shared.cap
    assert balance.free.pico < 0.06 * shared.cap.pico
    again = lab.afcost(*command, ends=4)  # without --ledger
    assert "stopped at the cap" in again.stderr
    assert build_report(shared.report().run_folder).balance.cap == shared.cap
