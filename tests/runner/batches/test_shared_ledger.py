"""Batches of a ledger in PostgreSQL: one process at a time, and no other beside it."""

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import SimpleNamespace

import psycopg
import pytest

from pricing.money import Money
from runner.batch_desk import open_batch_desk
from runner.errors import LedgerBusy, LedgerError
from runner.execution import StopReason
from runner.execution.queues.shared_job_queue import open_job_queue
from runner.ledger import BATCH_MARK, ChunkState
from runner.ledger.location import PostgresLocation
from runner.ledger.open import open_ledger, read_ledger
from runner.ledger.schema import BATCH_VERSION
from tests.runner.batches.fake_batches import Crash, FakeBatches, Faults, Killer, Run
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import AMPLE, NOW, FakeProvider, always, approval, make

NONE = Faults()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return make(tmp_path_factory.mktemp("experiment"), queries=2)


@dataclass
class SharedRun(Run):
    """Runs with batches over one ledger in PostgreSQL, each a worker whose lease ends with it."""

    location: PostgresLocation | None = None
    workers: int = 0
    role: str = BATCH_MARK

    @contextmanager
    def open_ledger(self):
        self.workers += 1
        with open_ledger(
            self.location, self.path.parent, worker=f"{self.role}{self.workers}"
        ) as ledger:
            ledger.record_approval(approval(self.cap, NOW, "a plan"))
            self.arm(ledger)
            yield ledger

    @contextmanager
    def open_queue(self, ledger):
        with open_job_queue(self.location, ledger, self.lab.requests, "a seed", 0.0) as queue:
            yield queue


@pytest.fixture
def shared(lab, postgres, tmp_path):
    location = PostgresLocation(postgres.database(), "study")

    def build(faults=NONE, cap=AMPLE, name="one"):
        (tmp_path / name).mkdir()
        batches, calls = FakeBatches(lab, faults), FakeProvider(lab, always(4))
        return SharedRun(lab, tmp_path / name / "x", cap, batches, calls, location=location)

    return build


def check_whole(run):
    with read_ledger(run.location) as reader:
        assert reader.find_tampering() is None
        assert reader.balance().reserved == reader.balance().aside == Money()
        assert reader.balance().settled == run.batches.billed
        assert len(answered_texts(reader)) == 16
        assert reader.open_chunks() == []
    assert set(run.batches.answers.values()) == {1}


def test_what_one_process_sent_another_collects_from_a_folder_of_its_own(shared):
    run = shared()
    run.batches.works = False
    assert run.go(waits=False)[0].end is StopReason.AWAY
    with read_ledger(run.location) as reader:
        assert reader.balance().reserved > Money()
        assert reader.balance().aside > Money(), "the judges of what is away are not covered"
    other = shared(name="two")
    other.batches, other.workers, run.batches.works = run.batches, run.workers, True
    assert other.go()[0].end is StopReason.COMPLETE
    check_whole(other)


def test_none_works_beside_a_process_with_batches_nor_while_they_are_away(shared):
    run, calls = shared(), shared(name="two")
    calls.role = "calls-"
    run.batches.works = False
    with run.open_ledger() as ledger, run.open_queue(ledger):
        with psycopg.connect(run.location.url) as database:
            database.execute("UPDATE afcost_study.worker SET until = now() + interval '1 minute'")
        for beside in (calls, shared(name="three")):
            beside.workers = 10
            with pytest.raises(LedgerBusy, match="by one process alone, and one does so now"):
                beside.go()
    run.go(waits=False)
    with pytest.raises(LedgerBusy, match=r"batches are away; nothing was sent\. Collect them"):
        calls.go()
    assert calls.calls.sent == []


def test_one_that_was_taken_for_dead_decides_nothing_any_more(shared):
    run, other = shared(), shared(name="two")
    run.batches.works = False
    run.go(waits=False)
    with run.open_ledger() as ledger, suppress(LedgerError), run.open_queue(ledger):
        (note,) = ledger.open_chunks()
        other.batches, other.workers, run.batches.works = run.batches, 5, True
        assert other.go()[0].end is StopReason.COMPLETE
        with pytest.raises(LedgerError, match="missed its lease"):
            ledger.record_chunk(note)
        assert ledger.reserve_chunk(note, []) is None
    check_whole(other)


def test_what_is_set_aside_for_a_batch_goes_with_it_whoever_ends_it(shared):
    run = shared()
    run.batches.works = False
    run.go(waits=False)
    with open_ledger(run.location, run.path.parent) as ledger:
        ledger.recover_work()
        (note,) = ledger.open_chunks()
        assert ledger.balance.aside == ledger.allocated_to(note.chunk) > Money()
        for entries in ledger.open_lines(note).values():
            for each in ledger.chunk_attempts(entries):
                ledger.release(each.attempt, "nothing was sent", to_job=False)
        ledger.record_chunk(replace(note, state=ChunkState.ENDED))
        assert ledger.balance.aside == ledger.balance.reserved == Money()


def ended_by_hand(run):
    """Open what ends batches of a run by hand, without asking anyone."""
    spec = SimpleNamespace(providers={})
    folder = run.path.parent
    return open_batch_desk(
        SimpleNamespace(ledger_location=run.location, path=folder, spec=spec, all_models=dict)
    )


def test_no_run_begins_while_batches_are_ended_by_hand(shared):
    run, other = shared(), shared(name="two")
    run.batches.works = False
    run.go(waits=False)
    other.batches, other.workers = run.batches, 5
    with ended_by_hand(run) as desk:
        with pytest.raises(LedgerBusy, match="one does so now"):
            other.go()
        desk.give_up(*desk.find_open(), "it is lost")
    with read_ledger(run.location) as reader:
        (note,) = reader.chunks()
        assert (reader.balance().held.pico, note.held) == (note.reserved, note.attempts)
        assert reader.balance().aside == reader.balance().reserved == Money()


def test_what_is_ended_by_hand_too_late_stays_as_a_run_has_it(shared):
    run, other = shared(), shared(name="two")
    run.batches.works = False
    run.go(waits=False)
    other.batches, other.workers = run.batches, 5
    with ended_by_hand(run) as desk:
        notes = desk.find_open()
        with psycopg.connect(run.location.url) as database:
            database.execute("UPDATE afcost_study.worker SET until = now() - interval '1 second'")
        assert other.go(waits=False)[0].end is StopReason.AWAY
        with pytest.raises(LedgerError, match="missed its lease"):
            desk.give_up(*notes, "it is lost")
    run.batches.works = True
    assert other.go()[0].end is StopReason.COMPLETE
    check_whole(other)


def test_earlier_versions_refuse_it_from_the_first_batch_on(shared):
    run = shared()
    query = "SELECT version FROM afcost_study.head"
    with psycopg.connect(run.location.url, autocommit=True) as database:
        with run.open_ledger():
            pass
        assert database.execute(query).fetchone() < (BATCH_VERSION,)
        run.batches.works = False
        run.go(waits=False)
        assert database.execute(query).fetchone() == (BATCH_VERSION,)


@pytest.mark.campaigns
@pytest.mark.parametrize("step", range(3, 200, 11))
@pytest.mark.parametrize("creation", ["", "done", "undone"])
def test_a_kill_loses_nothing_and_pays_nothing_twice(shared, lab, creation, step):
    run = shared(Faults(creation=creation), cap=lab.dearest_job() * 10)
    killer = Killer(step)
    run.batches.step = run.kill = killer.step
    with suppress(LedgerError):
        try:
            run.go()
        except* Crash:
            pass
    run.batches.step = run.kill = lambda: None
    for _ in range(12):
        if run.go()[0].end is StopReason.COMPLETE:
            break
    check_whole(run)
    assert run.batches.billed <= run.cap
