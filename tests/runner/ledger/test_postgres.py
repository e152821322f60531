"""The shared ledger: made once, reached or refused in clear words, and no money lost in it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta
from itertools import chain
from urllib.parse import quote

import psycopg
import pytest

import runner.ledger
from afcost.cli import run_cli
from estimator.plan import plan_file as plans
from experiment.prompts.request_builder import RequestBuilder
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import save_approval
from runner.errors import LedgerError, NotApproved
from runner.execution.budget import Budget
from runner.execution.queues.job_queue import JobOutcome
from runner.execution.queues.shared_job_queue import join_workers
from runner.execution.resume_state import ResumeState
from runner.execution.scheduler import StopReason
from runner.ledger import SpooledAnswer
from runner.ledger.hash_chain import entry_hash
from runner.ledger.location import PostgresLocation
from runner.ledger.open import open_ledger, read_ledger
from runner.ledger.schema import Work
from runner.results.report import build_report
from runner.run_folder import open_run_folder
from tests.runner import sample_experiment as lab
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import NOW, an_answer, an_attempt, approval, run_plan
from tests.runner.workers import PATIENCE, prepare
from tests.support.postgres.server import PASSWORD
from tests.support.provider.behaviour import Fault
from tests.support.provider.server import run_provider

LATER = NOW + timedelta(hours=1)
REQUESTS = 4 * 3 * 2  # conditions, queries, the answer and its vote
SECRET = "hunter2-5af1"  # noqa: S105 - of nothing


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def url(postgres):
    return postgres.database()


@pytest.fixture
def place(url):
    return PostgresLocation(url, "0123456789abcdef" * 4)


@pytest.fixture
def site(server, url, tmp_path):
    return prepare(tmp_path / "first", server, url)


@pytest.fixture
def changing(url):
    """Change a ledger behind its back, as somebody with the database can."""

    def change(place: PostgresLocation, *statements: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute(f'SET search_path TO "{place.schema}"')
            for statement in statements:
                connection.execute(statement)

    return change


def run(site, **changes):
    return run_plan(site.plan, LATER, folder=site.folder, **{"ledger_url": site.ledger} | changes)


# --- making it, changing it


def test_several_who_come_at_the_same_moment_make_one_ledger(place, url):
    moment = threading.Barrier(8)

    def come(number):
        moment.wait()
        with open_ledger(place) as ledger:
            ledger.record_approval(approval(Money(800), NOW + timedelta(seconds=number)))
            return ledger.allocate(str(number), Money(100))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(come, range(8)))
    with psycopg.connect(url) as connection:
        schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^afcost'")
        assert schemas.fetchall() == [(place.schema,)]
    with read_ledger(place) as reading:
        assert reading.find_tampering() is None
        assert [entry.seq for entry in reading.entries()] == [*range(1, 17)]


@pytest.mark.parametrize("edit", ["UPDATE entry SET settled = 0", "DELETE FROM entry"])
def test_entries_can_neither_be_changed_nor_removed(place, changing, edit):
    with open_ledger(place) as ledger:
        ledger.record_approval(approval(Money(100)))
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        changing(place, edit)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE entry SET settled = 1 WHERE kind = 'settle'",
        "DELETE FROM entry WHERE kind = 'settle'",
        "UPDATE answer SET text = 'no'",
        "DELETE FROM answer",
        "UPDATE approval SET cap = 10^15",
    ],
)
def test_a_changed_ledger_is_not_opened_and_is_named(place, changing, edit):
    with open_ledger(place) as ledger:
        ledger.record_approval(approval(Money(100)))
        ledger.allocate("job", Money(100))
        ledger.reserve(an_attempt(), Money(100))
        ledger.settle(an_attempt(), Money(5), an_answer())
        ledger.record_end("complete")
    changing(place, "ALTER TABLE entry DISABLE TRIGGER entry_stays", edit)
    with pytest.raises(LedgerError, match=r"lab\d+.*nothing was sent"), open_ledger(place):
        pass


def test_what_a_head_says_is_found_where_entries_say_otherwise(place, changing):
    with open_ledger(place) as ledger:
        ledger.record_approval(approval(Money(100)))
        ledger.allocate("job", Money(100))
    changing(place, "UPDATE head SET aside = 0")
    with pytest.raises(LedgerError, match="nothing was sent"), open_ledger(place):
        pass


def test_a_ledger_of_before_is_read_as_it_is_and_continued_with_a_name(place, changing):
    first, later = approval(Money(100), NOW.astimezone(UTC)), approval(Money(900), LATER)
    with open_ledger(place) as ledger:
        ledger.begin_work(Work("some work"))
        seq, before = ledger.witness.durable.seq, ledger.witness.durable.hash
    at = first.at.isoformat()
    row = (at, first.plan, first.cap.pico, first.by, None)
    entry = (at, "approve", "a worker", "", None, 0, 0, 0, 0, at)
    digest = entry_hash(before, entry, row)
    changing(
        place,
        "DROP TABLE identity",
        "ALTER TABLE answer DROP COLUMN refusal, DROP COLUMN reasoning_form",
        "ALTER TABLE approval DROP COLUMN id, DROP COLUMN confirmed, DROP COLUMN replaces",
        "ALTER TABLE approval ADD PRIMARY KEY (at)",
        f"INSERT INTO approval VALUES ('{at}', '{first.plan}', 100, '{first.by}', NULL)",
        f"INSERT INTO entry VALUES ({seq + 1}, '{at}', 'approve', 'a worker', '', NULL, 0, 0, 0, 0,"
        f" '{at}', '{digest}')",
        f"UPDATE head SET version = 3, cap = 100, seq = {seq + 1}, tip = '{digest}'",
    )
    with read_ledger(place) as reader:
        assert reader.find_tampering() is None
        assert (reader.identity(), reader.balance().cap) == ("", Money(100))
        assert reader.approvals() == [first]
    with open_ledger(place) as ledger:
        ledger.record_approval(first)
        ledger.record_approval(later)
    with open_ledger(place) as ledger:
        assert ledger.balance.cap == Money(900)
    with read_ledger(place) as reader:
        assert len(reader.identity()) == 32
        assert reader.approvals() == [first, replace(later, at=later.at.astimezone(UTC))]


# --- reaching it


ADDRESSES = {
    "a wrong password": (f"postgresql://locked:{SECRET}@/lab1?host={{host}}", "password"),
    "a password in the query": (
        f"postgresql://locked@/lab1?host={{host}}&password={SECRET}",
        "password authentication failed",
    ),
    "a password in capitals": (f"postgresql://ada@127.0.0.1:1/lab?PASSWORD={SECRET}", "ledger"),
    "a password's name encoded": (
        f"postgresql://ada@127.0.0.1:1/lab?p%61ssword={SECRET}",
        "127.0.0.1",
    ),
    "a secret in options": (
        f"postgresql://postgres@/lab1?host={{host}}&options=-c%20no.such%20{SECRET}",
        "ledger",
    ),
    "a setting in options": (
        f"postgresql://postgres@/lab1?host={{host}}&options=-c%20work_mem%3D{SECRET}",
        "ledger",
    ),
    "a password of a key": (
        f"postgresql://ada@127.0.0.1:1/lab?sslmode=disable&sslpassword={SECRET}",
        "127.0.0.1",
    ),
    "a password file": (
        f"postgresql://ada@127.0.0.1:1/lab?passfile=/tmp/{SECRET}",
        "127.0.0.1",
    ),
    "a service": (f"postgresql://ada@127.0.0.1:1/lab?service={SECRET}", "ledger"),
    "a parameter that is none": (f"postgresql://ada@127.0.0.1:1/lab?{SECRET}={SECRET}", "ledger"),
    "an encoded password": (
        f"postgresql://ada:{quote(SECRET + '@/', safe='')}@127.0.0.1:1/lab",
        "127.0.0.1",
    ),
    "nobody listens": (f"postgresql://ada:{SECRET}@127.0.0.1:1/lab", "127.0.0.1"),
    "no such database": (f"postgresql://postgres:{SECRET}@/nowhere?host={{host}}", "nowhere"),
    "another kind of address": (f"mysql://ada:{SECRET}@127.0.0.1/lab", "expected postgresql://"),
    "no database": (f"postgresql://ada:{SECRET}@127.0.0.1", "expected postgresql://"),
    "no address": (f"host=127.0.0.1 user=ada password={SECRET}", "expected postgresql://"),
    "a slash in the password": (f"postgresql://ada:{SECRET}/x@127.0.0.1/lab", "%2F"),
    "a hash in the password": (f"postgresql://ada:{SECRET}#x@127.0.0.1/lab", "%23"),
    "a port that is none": (f"postgresql://ada:{SECRET}@127.0.0.1:x/lab", "expected postgresql://"),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_a_ledger_that_cannot_be_reached_is_named_without_its_password(
    site, server, postgres, case, capfd
):
    address, said = ADDRESSES[case]
    address = address.format(host=postgres.url.partition("host=")[2])
    ends = run_cli(["run", str(site.plan), "--run-dir", str(site.folder), "--ledger", address])
    printed = "".join(capfd.readouterr())
    assert ends == 1
    assert said in printed
    assert SECRET not in printed
    assert "Traceback" not in printed
    assert server.bill().calls == ()
    assert not site.folder.exists()


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("?PASSWORD=x&sslmode=require", "?sslmode=require"),
        ("?options=-c%20a.b%3Dx&host=/tmp/x", "?host=/tmp/x"),
        ("?p%61ssword=x&port=5433&user=ada", "?port=5433&user=ada"),
        ("?sslpassword=x&sslrootcert=/a.crt&passfile=/b&service=c", "?sslrootcert=/a.crt"),
        ("?application_name=mine", ""),
    ],
)
def test_of_an_address_only_what_holds_no_secret_is_kept(hidden, shown):
    address = PostgresLocation(f"postgresql://ada:pw@db.lab/afcost{hidden}", "study")
    assert str(address) == address.name == f"postgresql://ada@db.lab/afcost{shown}"
    assert "pw" not in repr(address)


def test_a_run_whose_folder_and_approval_kept_more_of_an_address_is_resumed(site):
    address = f"{site.ledger}&application_name=mine"
    assert run(site, ledger_url=address)[1].end is StopReason.COMPLETE
    calls = len(site.server.bill().calls)
    (site.folder / "ledger.url").write_text(f"{address}\n")
    approval = site.plan.with_suffix(".approval.json")
    approval.write_text(approval.read_text().replace(site.ledger, address))
    for url in (None, address):
        assert run(site, ledger_url=url)[1].end is StopReason.COMPLETE
    assert len(site.server.bill().calls) == calls


def test_without_psycopg_it_is_told_what_to_install(site, server, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "runner.ledger.postgres")
    monkeypatch.delattr(runner.ledger, "postgres")
    with pytest.raises(LedgerError, match=r"pip install 'afcost\[postgres\]'"):
        run(site)
    assert server.bill().calls == ()


def test_a_password_is_never_written_down_or_printed(site, capfd, monkeypatch):
    secret = site.ledger.replace("postgres@", f"locked:{PASSWORD}@")
    with psycopg.connect(site.ledger, autocommit=True) as connection:
        connection.execute("GRANT CREATE ON DATABASE " + connection.info.dbname + " TO locked")
    arguments = [str(site.plan), "--run-dir", str(site.folder)]
    save_approval(Approval(plans.read_plan(site.plan).digest, site.cap, "ada", NOW), site.plan)
    assert run_cli(["run", *arguments, "--ledger", secret]) == 0
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    for command in (
        ["run", *arguments],
        ["status", str(site.folder)],
        ["report", str(site.folder)],
        ["ledger", str(site.folder), "--all"],
    ):
        assert run_cli(command) == 0
    assert PASSWORD not in "".join(capfd.readouterr())
    kept = [path for path in site.plan.parent.rglob("*") if path.is_file()]
    assert site.folder / "ledger.url" in kept
    assert not [path for path in kept if PASSWORD.encode() in path.read_bytes()]


# --- approval


def elsewhere(site, tmp_path, *, approval: bool):
    """Copy a plan to another machine, with its approval or without."""
    folder = tmp_path / "elsewhere"
    shutil.copytree(site.plan.parent, folder, ignore=shutil.ignore_patterns("run"))
    path = folder / site.plan.name
    if not approval:
        path.with_suffix(".approval.json").unlink(missing_ok=True)
    return path


@pytest.mark.parametrize("approved", [True, False])
def test_an_approval_in_the_ledger_is_enough_on_another_machine(site, tmp_path, approved):
    digest = plans.read_plan(site.plan).digest
    with open_ledger(PostgresLocation(site.ledger, plans.read_plan(site.plan).study)) as ledger:
        ledger.record_approval(Approval(digest, site.cap, "ada", NOW))
    path = elsewhere(site, tmp_path, approval=approved)
    _, progress = run_plan(path, LATER, folder=tmp_path / "there", ledger_url=site.ledger)
    assert (progress.end, progress.answered) == (StopReason.COMPLETE, REQUESTS)
    assert site.billed() == build_report(open_run_folder(tmp_path / "there")).balance.settled


@pytest.mark.parametrize("approved", [True, False])
def test_without_an_approval_in_the_ledger_a_copy_is_refused(site, server, tmp_path, approved):
    path = elsewhere(site, tmp_path, approval=approved)
    with pytest.raises(NotApproved, match="afcost approve"):
        run_plan(path, LATER, folder=tmp_path / "there", ledger_url=site.ledger)
    assert server.bill().calls == ()


def test_an_approval_in_the_ledger_that_has_expired_is_not_enough(site, server, tmp_path):
    digest = plans.read_plan(site.plan).digest
    until = LATER + timedelta(minutes=1)
    with open_ledger(PostgresLocation(site.ledger, plans.read_plan(site.plan).study)) as ledger:
        ledger.record_approval(Approval(digest, site.cap, "ada", NOW, until))
    path = elsewhere(site, tmp_path, approval=False)
    with pytest.raises(NotApproved, match="afcost approve"):
        run_plan(path, until, folder=tmp_path / "there", ledger_url=site.ledger)
    assert server.bill().calls == ()


# --- what comes back


@pytest.fixture(params=["a file", "postgresql"])
def either(request, site):
    """Run a site with its ledger in a file, or in PostgreSQL."""
    return lambda: run(site, ledger_url=site.ledger if request.param == "postgresql" else None)


def test_an_answer_that_no_database_can_hold_is_stored_as_what_stands_for_it(
    site, server, either, tmp_path
):
    server.reset(lab.honest(site.plan, input_tokens=1, text="a\x00b \ud800 c"))
    _, progress = either()
    assert (progress.end, progress.answered) == (StopReason.COMPLETE, REQUESTS), progress
    answers = tmp_path / "answers.jsonl"
    assert run_cli(["report", str(site.folder), "--answers", str(answers)]) == 0
    rows = [json.loads(line) for line in answers.read_text().splitlines()]
    assert {row["text"] for row in rows} == {"a\u2400b \ufffd c"}


def test_absurd_usage_is_not_believed_and_the_money_is_held(site, server, either):
    server.reset(lab.honest(site.plan, input_tokens=10**30))
    _, progress = either()
    assert progress.end in {StopReason.STOPPED, StopReason.FAILED, StopReason.CAP}
    balance = site.report().balance
    assert balance.settled == Money() < balance.held <= site.cap


# --- what is read from it


def test_commands_read_and_reconcile_a_run_whose_ledger_is_in_postgresql(
    site, server, tmp_path, capsys
):
    lost = (Fault("500_after", calls=(2,)), Fault("500_before", calls=(5,)))
    server.reset(lab.honest(site.plan, faults=lost))
    folder, export = str(site.folder), tmp_path / "entries.csv"
    assert run(site, ledger_url=site.ledger)[1].end is StopReason.COMPLETE
    assert (site.folder / "ledger.url").read_text().strip() == site.ledger
    assert not (site.folder / "ledger.sqlite").exists()

    def told(*arguments):
        assert run_cli([*arguments]) == 0
        return capsys.readouterr()

    assert "complete" in told("status", folder).out
    assert json.loads(told("report", folder, "--format", "json").out)["attempts"]["held"] == 2
    shown = told("ledger", folder, "--all")
    assert "none changed" in shown.err
    told("ledger", folder, "-o", str(export))
    assert export.read_text().count("\n") > REQUESTS
    (tmp_path / "bill.csv").write_text(
        f"model,cost_usd\n{lab.MODEL},{site.billed().to_decimal_string()}\n"
    )
    usage = ("--usage", str(tmp_path / "bill.csv"), "--reason", "November")
    assert "2 holds" in told("ledger", folder, "reconcile", *usage).out
    balance = site.report().balance
    assert (balance.settled, balance.held) == (site.billed(), Money())


def test_a_changed_run_does_not_go_on(site, server, changing):
    run(site)
    calls = len(server.bill().calls)
    disable = "ALTER TABLE entry DISABLE TRIGGER entry_stays"
    changing(
        site.report().run_folder.ledger_location,
        disable,
        "UPDATE entry SET held = 1 WHERE kind = 'settle'",
    )
    assert run_cli(["ledger", str(site.folder)]) == 3
    with pytest.raises(LedgerError, match="nothing was sent"):
        run(site, ledger_url=None)
    assert len(server.bill().calls) == calls


# --- the crew


class Hand:
    """A worker in a thread, at a provider in memory."""

    def __init__(self, place, made, script=None, **provider):
        self.provider = lab.FakeProvider(made, script or lab.always(), **provider)
        self.closing = contextlib.ExitStack()
        self.ledger = self.closing.enter_context(open_ledger(place))
        self.ledger.record_approval(approval(lab.AMPLE))
        self.crew = self.closing.enter_context(
            join_workers(place, self.ledger, made.requests, "a seed", 30)
        )
        self.execution = lab.RunScheduler(
            made.requests,
            made.models,
            self.ledger,
            self.crew,
            self.provider,
            resume=ResumeState(),
            concurrency=4,
            retry_policy=lab.HASTE,
        )

    def work(self):
        return lab.finish(self.execution)

    def is_late(self):
        """Be taken for dead, by whoever looks next."""
        late = "UPDATE worker SET until = now() - interval '1 second' WHERE id = ?"
        self.crew._table._database.execute(late, (self.ledger.worker,))


@pytest.fixture
def hands(place, made):
    """Let workers join one ledger; all leave at the end."""
    with contextlib.ExitStack() as closing:

        def join(script=None, **provider):
            hand = Hand(place, made("one vote"), script, **provider)
            closing.enter_context(hand.closing)
            return hand

        yield join


def together(*hands):
    with ThreadPoolExecutor(len(hands)) as threads:
        return [each.result() for each in [threads.submit(hand.work) for hand in hands]]


def test_who_joins_knows_of_the_excess_and_learns_the_rest_with_each_job(hands):
    assert together(hands())[0].end is StopReason.COMPLETE
    assert ResumeState.from_ledger(hands().ledger) == ResumeState(bound_excess={lab.MODEL: 0})


def test_a_verdict_that_an_earlier_version_named_otherwise_comes_with_its_job(hands, monkeypatch):
    build = RequestBuilder._build_subject

    def name_subject_as_before(self, *args):
        request = build(self, *args)
        return replace(request, id=self._name_as_before(request))

    def name_as_before(_self, job, _stage, vote, _answer, _of=None):
        return hashlib.sha256(f"{job}{vote}".encode()).hexdigest()[:24]

    monkeypatch.setattr(RequestBuilder, "_build_subject", name_subject_as_before)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestBuilder, "verdict_id", name_as_before)
        first = hands()
        assert first.work().end is StopReason.COMPLETE
    second = hands()
    jobs = asyncio.run(second.crew._build_jobs([0, 1, 2]))
    for job in jobs:
        answer = second.provider.lab.requests.read_subject_answer(
            job.subject, job.answered[job.subject.id]
        )
        verdicts = list(second.provider.lab.requests.build_judge_requests(job.subject, answer))
        assert verdicts
        assert {each.id for each in verdicts} <= job.answered.keys()


def test_every_job_is_given_to_one_worker(hands):
    crew = [hands() for _ in range(6)]

    async def take_all(hand):
        taken = []
        while jobs := await hand.crew.take(2):
            taken += [job.place for job in jobs]
            await hand.crew.finish(jobs, JobOutcome.DONE)
        return taken

    with ThreadPoolExecutor(6) as threads:
        taken = list(threads.map(lambda hand: asyncio.run(take_all(hand)), crew))
    assert sorted(chain.from_iterable(taken)) == list(range(12))


def test_a_worker_that_was_taken_for_dead_sends_nothing_more_and_stores_what_it_is_still_told(
    hands, place
):
    other = hands()

    def on_call(number):
        if number == 6:
            slow.is_late()
            other.crew._table.reap_expired()

    slow = hands(lab.always(turns=200), on_call=on_call)
    (ended,) = together(slow)
    assert (ended.end, "missed its lease" in ended.reason) == (StopReason.STOPPED, True)
    sent = slow.provider.sendings()
    assert len(sent) <= 6 + 4  # what was about to be sent
    assert set(sent) == set(answered_texts(slow.ledger))
    assert slow.ledger.store.read_state().balance.held == Money()
    (finished,) = together(other)
    assert finished.end is StopReason.COMPLETE
    assert not set(other.provider.sendings()) & set(sent)
    with read_ledger(place) as reading:
        assert reading.find_tampering() is None
        last = reading._database.execute("SELECT aside, reserved, held FROM head").fetchone()
        assert last == (0, 0, 0)


def test_a_worker_that_was_taken_for_dead_takes_no_job_that_nobody_would_give_back(hands):
    slow, other = hands(), hands()
    slow.is_late()
    other.crew._table.reap_expired()
    assert asyncio.run(slow.crew.take(5)) == []
    assert len(asyncio.run(other.crew.take(12))) == 12


def test_jobs_of_a_worker_that_is_found_dead_by_the_last_one_are_not_left(hands):
    dead, last = hands(), hands()
    assert len(asyncio.run(dead.crew.take(5))) == 5
    assert len(asyncio.run(last.crew.take(12))) == 7
    dead.is_late()
    assert asyncio.run(last.crew.take(12)) is None, "they wait again, so there is work"
    assert [job.place for job in asyncio.run(last.crew.take(12))] == [0, 1, 2, 3, 4]
    assert asyncio.run(last.crew.take(12)) == []


def test_a_worker_that_is_buried_by_its_name_leaves_money_and_jobs_though_its_lease_holds(
    hands,
):
    dead, other = hands(), hands()
    taken = [job.place for job in asyncio.run(dead.crew.take(5))]
    assert (other.crew.is_living(dead.ledger.worker), other.crew.worker_count) == (True, 2)
    dead.ledger.allocate("job", Money(300))
    dead.ledger.reserve(an_attempt(), Money(100))
    other.crew.bury(dead.ledger.worker)
    assert not other.crew.is_living(dead.ledger.worker)
    with pytest.raises(LedgerError, match="missed its lease"):
        dead.ledger.allocate("another", Money(1))
    assert [job.place for job in asyncio.run(other.crew.take(12))][:5] == taken
    balance = other.ledger.store.read_state().balance
    assert (balance.aside, balance.reserved, balance.held) == (Money(), Money(), Money(100))
    dead.ledger.settle(an_attempt(), Money(60), an_answer())  # what it was still told
    balance = other.ledger.store.read_state().balance
    assert (balance.settled, balance.held) == (Money(60), Money())


def test_a_worker_that_leaves_gives_its_jobs_back(hands):
    first, second = hands(), hands()
    assert len(asyncio.run(first.crew.take(5))) == 5
    assert len(asyncio.run(second.crew.take(12))) == 7
    assert asyncio.run(second.crew.take(12)) is None
    first.closing.close()
    assert [job.place for job in asyncio.run(second.crew.take(12))] == [0, 1, 2, 3, 4]


def test_a_job_that_failed_is_tried_again_only_by_a_new_execution(hands, made):
    bad = made("one vote").subjects()[0].id
    refuses = lambda request, _: lab.Call(2, "refused" if request.id == bad else "answered")  # noqa: E731
    first, second = hands(refuses), hands()
    (failed,) = together(first)
    assert (failed.end, len(failed.failed)) == (StopReason.FAILED, 1)
    (nothing_left,) = together(second)
    assert nothing_left.end is StopReason.FAILED
    assert "other processes gave up on 1 of the jobs" in nothing_left.reason
    assert second.provider.sent == []
    for hand in (first, second):
        hand.closing.close()
    again = hands()
    (complete,) = together(again)
    assert (complete.end, complete.answered) == (StopReason.COMPLETE, 2)


def test_a_worker_that_is_stopped_stops_the_others(hands):
    breaks = lambda request, number: lab.Call(2, "stop", seconds=0.1)  # noqa: ARG005, E731
    first, second = hands(breaks), hands(lambda *_: lab.Call(2, seconds=0.2))
    ends = together(first, second)
    assert {end.end for end in ends} == {StopReason.STOPPED}
    assert {end.reason for end in ends} == {"HTTP 402"}
    third = hands()
    assert together(third)[0].end is StopReason.STOPPED
    for hand in (first, second, third):
        hand.closing.close()
    assert together(hands())[0].end is StopReason.COMPLETE


def test_money_that_others_set_free_is_waited_for(place):
    async def story(rich, poor):
        first, second = Budget(rich), Budget(poor)
        assert await first.admit([("a", Money(80))])
        waiting = asyncio.create_task(second.admit([("b", Money(50))]))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        assert await first.reserve([(an_attempt("a"), Money(80))])
        await first.settle([SpooledAnswer(an_attempt("a"), Money(50), an_answer(), "")])
        await first.close_job("a")
        assert await asyncio.wait_for(waiting, 5)

    with open_ledger(place) as rich, open_ledger(place) as poor:
        rich.record_approval(approval(Money(100)))
        asyncio.run(story(rich, poor))


def test_who_is_suspended_in_a_transaction_does_not_stop_the_others_for_long(place, monkeypatch):
    monkeypatch.setattr("runner.ledger.postgres._MAX_LOCK_SECONDS", 1)
    with open_ledger(place) as suspended, open_ledger(place) as other:
        other.record_approval(approval(Money(1000)))

        def promise_and_be_suspended():
            with suspended.transaction():
                assert suspended.allocate("late", Money(600))
                assert other.allocate("job", Money(600)), "its promise was never made"

        with pytest.raises(LedgerError, match="could not be written"):
            promise_and_be_suspended()
        assert other.balance.aside == Money(600)


def test_who_is_suspended_while_it_waits_for_its_turn_does_not_stop_the_others_for_long(
    tmp_path, server, url, monkeypatch
):
    """It is given the lock when it cannot take it, and can neither use it nor give it back."""
    monkeypatch.setattr("runner.ledger.postgres._LOCK_PATIENCE", 20)
    site = prepare(tmp_path, server, url)
    server.hold_after(1)
    (worker,) = site.start(1, patience={"_MAX_LOCK_SECONDS": 1})
    place = PostgresLocation(url, plans.read_plan(site.plan).study)
    waits = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    await_row(url, f'SELECT COUNT(*) FROM "{place.schema}".attempt', 1)
    with psycopg.connect(url) as keeper:
        keeper.execute(f'SELECT * FROM "{place.schema}".head FOR UPDATE')
        server.release()
        await_row(url, waits, 1)
        worker.signal(signal.SIGSTOP)
    try:
        with open_ledger(place) as other, other.transaction() as head:
            assert head.cap == site.cap.pico
    finally:
        worker.signal(signal.SIGCONT)
    assert worker.end().end == "complete"
    assert site.billed() == site.report().balance.settled


def await_row(url, query, least):
    """Wait until a query gives at least this number; one that cannot be run gives none."""
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            with contextlib.suppress(psycopg.errors.UndefinedTable):
                if connection.execute(query).fetchone()[0] >= least:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_reservation_is_durable_whatever_the_database_says_by_default(place, url):
    with psycopg.connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        connection.execute(
            f"ALTER DATABASE {name} SET default_transaction_isolation = serializable"
        )
    with open_ledger(place) as ledger:
        modes = {}
        for durable in (True, False):
            with ledger.transaction(durable=durable):
                shown = ("synchronous_commit", "transaction_isolation")
                modes[durable] = [ledger.store.execute(f"SHOW {m}").fetchone()[0] for m in shown]
    assert modes == {True: ["on", "read committed"], False: ["off", "read committed"]}
