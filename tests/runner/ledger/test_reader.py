"""What a ledger says is read as it was written, from a file as from PostgreSQL, row by row."""

import ast
import contextlib
import re
import sqlite3
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

import pytest

from pricing.money import Money
from runner.approval.approval import Approval
from runner.errors import LedgerError
from runner.ledger.location import FileLocation, PostgresLocation
from runner.ledger.open import ledger_exists, open_ledger, read_ledger
from runner.ledger.reading import AnsweredCall, AttemptRecord, BilledPrompt
from runner.ledger.records import NEVER_SENT, Balance, ExecutionEnd
from runner.ledger.schema import Work
from tests.runner.ledger_texts import answered_completions
from tests.runner.sample_experiment import NOW, an_answer, an_attempt, approval

ROOT = Path(__file__).parents[3]
ROOMS = ("afcost", "benchmarks", "estimator", "experiment", "pricing", "providers", "runner")
CAP = Money(1000)
REASON = "the next job may cost $0.02, but only $0.01 is free"
WORK = Work("the work", "the subjects")
SETTLED = an_attempt(number=1)._replace(model="m")
HELD = an_attempt(number=2)._replace(model="m")
RELEASED = an_attempt(request="vote", number=1)._replace(stage="judge", model="judge")
VOTED = RELEASED._replace(number=2)
ANSWER = an_answer("yes")._replace(prefill="Sure, ", input=5, cache_read=3, cache_write=2)
VOTE = an_answer("no")._replace(stated_cost=None)
SQL = re.compile(r"\b(SELECT|INSERT|DELETE|UPDATE|CREATE|ALTER|DROP) ")


@pytest.fixture(params=["file", "postgres"])
def location(request, tmp_path):
    if request.param == "file":
        return FileLocation(tmp_path / "ledger.sqlite")
    return PostgresLocation(request.getfixturevalue("postgres").database(), "a study")


@pytest.fixture
def reader(location):
    """Open a ledger that holds every kind of entry, for reading."""
    with open_ledger(location) as ledger:
        ledger.begin_work(WORK)
        ledger.record_approval(approval(CAP))
        ledger.allocate("job", Money(900))
        for attempt in (SETTLED, HELD, RELEASED, VOTED):
            ledger.reserve(attempt, Money(100))
        ledger.settle(VOTED, Money(7), VOTE)
        ledger.settle(SETTLED, Money(120), ANSWER, "counted 5")
        ledger.release(RELEASED, "HTTP 429")
        ledger.hold(HELD, "HTTP 500")
        ledger.deallocate("job")
        ledger.record_end("cap", REASON)
    with read_ledger(location) as opened:
        yield opened


def test_attempts_come_in_the_order_in_which_they_were_reserved(reader):
    (records,) = reader.jobs()
    times = {entry.attempt: entry.at for entry in reader.entries()}
    free, held = Money(), Money(100)
    assert records == [
        AttemptRecord(SETTLED, ANSWER, Money(120), free, "settle", times[SETTLED.id]),
        AttemptRecord(HELD, None, free, held, "hold", times[HELD.id]),
        AttemptRecord(RELEASED, None, free, free, "release", times[RELEASED.id]),
        AttemptRecord(VOTED, VOTE, Money(7), free, "settle", times[VOTED.id]),
    ]
    assert list(reader.jobs_of(["job"])) == [records]
    assert list(reader.jobs_of(["another"])) == []


def test_jobs_come_in_the_order_in_which_they_were_begun_or_are_asked_for(location, monkeypatch):
    monkeypatch.setattr("runner.ledger.reading.job_queries._JOBS_AT_A_TIME", 2)
    names = ["third", "first", "fourth", "second"]
    attempts = [an_attempt(request=name, number=1)._replace(job=name) for name in names]
    with open_ledger(location) as ledger:
        ledger.record_approval(approval(CAP))
        for attempt in attempts:
            ledger.allocate(attempt.job, Money(10))
        for attempt in attempts:
            ledger.reserve(attempt, Money(10))
        for attempt in reversed(attempts):
            ledger.settle(attempt, Money(7), ANSWER)
            ledger.reserve(attempt._replace(number=2), Money())
    both = {name: [(name, 1), (name, 2)] for name in names}

    def list_attempts(jobs):
        return [[(each.attempt.job, each.attempt.number) for each in job] for job in jobs]

    with read_ledger(location) as reader:
        assert list_attempts(reader.jobs()) == list(both.values())
        wanted = ["second", "third", "first"]
        assert list_attempts(reader.jobs_of(wanted)) == [both[name] for name in wanted]


def test_what_was_never_sent_was_not_tried(location):
    """It was reserved ahead, and released in a pause; then its job was interrupted."""
    answered = an_attempt(request="a", number=2)._replace(job="a")
    unsent = [
        answered._replace(number=1),
        an_attempt(request="b", number=1)._replace(job="b"),
        an_attempt(request="c", number=1)._replace(job="a", stage="judge"),
    ]
    with open_ledger(location) as ledger:
        ledger.record_approval(approval(CAP))
        for attempt in (*unsent, answered):
            ledger.allocate(attempt.job, Money(10))
            ledger.reserve(attempt, Money(10))
            if attempt in unsent:
                ledger.release(attempt, NEVER_SENT)
        ledger.settle(answered, Money(7), ANSWER)
    with read_ledger(location) as reader:
        assert [[each.attempt for each in job] for job in reader.jobs()] == [[answered]]
        assert list(reader.jobs_of(["b"])) == []
        assert list(reader.subject_attempts()) == [answered]
        (sums,) = reader.sum_strata()
        assert (sums.requests, sums.answered, sums.calls) == (1, 1, 1)
        assert [each.number for each in reader.earlier_attempts(["a"])] == [1, 1, 2]


def test_answers_are_found_wherever_they_stand(location, monkeypatch):
    monkeypatch.setattr("runner.ledger.reading.job_rows._SAMPLED", 2)
    monkeypatch.setattr("runner.ledger.reading.job_rows._MOST_ASKED", 3)
    jobs = [f"job {number}" for number in range(40)]
    sent = {job: an_attempt(request=job, number=1)._replace(job=job) for job in jobs}
    answered = [job for place, job in enumerate(jobs) if place % 4 and place != 39]
    with open_ledger(location) as ledger:
        ledger.record_approval(approval(CAP))
        for job, attempt in sent.items():
            ledger.allocate(job, Money())
            ledger.reserve(attempt, Money())
            if job in answered[1::2]:
                ledger.settle(attempt, Money(), an_answer(job))
        for job in reversed(answered[::2]):
            ledger.settle(sent[job], Money(), an_answer(job))

    def list_texts(jobs):
        return {job.attempt.job: job.answer and job.answer.text for (job,) in jobs}

    texts = {job: job if job in answered else None for job in jobs}
    with read_ledger(location) as reader:
        assert list_texts(reader.jobs()) == texts
        for some in (jobs[:1], jobs[10:30], jobs[::13], jobs[::-1]):
            assert list_texts(reader.jobs_of(some)) == {job: texts[job] for job in some}


def test_an_attempt_whose_entries_were_deleted_is_read_all_the_same(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with open_ledger(FileLocation(path)) as ledger:
        ledger.record_approval(approval(CAP))
        ledger.allocate("job", Money(10))
        ledger.reserve(an_attempt(number=1), Money(10))
        ledger.settle(an_attempt(number=1), Money(7), ANSWER)
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER entry_remains")
    connection.execute("DELETE FROM entry WHERE attempt <> ''")
    connection.commit()
    connection.close()
    with read_ledger(FileLocation(path)) as reader:
        ((record,),) = reader.jobs()
    assert (record.attempt.number, record.answer, record.settled) == (1, ANSWER, Money())
    assert (record.last_kind, record.last_at) == ("", "")


def test_answered_calls_begin_with_the_subjects(reader):
    assert list(reader.answered_calls()) == [
        AnsweredCall(SETTLED, ANSWER, Money(120)),
        AnsweredCall(VOTED, VOTE, Money(7)),
    ]
    assert set(answered_completions(reader)) == {"request", "vote"}


def test_an_answer_has_its_prefill_and_all_of_its_prompt(reader):
    call = next(reader.answered_calls())
    assert call.answer.whole_text == "Sure, yes"
    assert call.answer.prompt_tokens == 10
    billed = {prompt.model: prompt for prompt in reader.billed_prompts("a plan")}
    assert billed["m"] == BilledPrompt("m", SETTLED.counted, SETTLED.bound, 10, SETTLED.exactness)
    assert billed["judge"].billed == VOTE.prompt_tokens
    assert list(reader.billed_prompts("another plan")) == []


def test_entries_are_read_as_they_were_written(reader):
    entries = list(reader.entries())
    assert [entry.seq for entry in entries] == [*range(1, len(entries) + 1)]
    assert (entries[0].kind, entries[0].note, entries[0].job) == ("plan", WORK.note, "")
    assert entries[0].attempt is None
    settled = next(entry for entry in entries if entry.attempt == SETTLED.id and entry.settled)
    assert (settled.kind, settled.reserved, settled.settled) == ("settle", Money(-100), Money(120))
    assert len({entry.worker for entry in entries}) == 1


def test_only_notes_on_money_are_notes(reader):
    assert [(entry.kind, entry.note) for entry, _ in reader.noted_entries()] == [
        ("settle", "counted 5"),
        ("release", "HTTP 429"),
        ("hold", "HTTP 500"),
    ]


def test_sums_and_states(reader):
    assert reader.balance() == Balance(CAP, Money(127), Money(100), Money(), Money())
    assert reader.booked_by_model() == {"m": Money(120), "judge": Money(7)}
    assert (reader.work(), reader.end()) == (WORK, ExecutionEnd("cap", REASON))
    assert reader.find_tampering() is None


def test_a_resolved_hold_is_booked_and_says_nothing_of_how_the_execution_ended(location, reader):
    ended = reader.end()
    with open_ledger(location) as ledger:
        ledger.resolve(HELD.id, Money(40), "the invoice")
    with read_ledger(location) as again:
        assert again.booked_by_model()["m"] == Money(160)
        assert again.end() == ended == ExecutionEnd("cap", REASON)
        ((_, resolved, *_),) = again.jobs()
        assert resolved.last_kind == "resolve"


def test_an_execution_that_goes_on_or_was_killed_has_no_end(location, reader):
    assert reader.end().how == "cap"
    with open_ledger(location) as ledger:
        ledger.record_approval(replace(approval(CAP), at=NOW + timedelta(days=1)))
        with read_ledger(location) as approved:
            assert approved.end().how == "cap"  # nothing is begun yet
        ledger.allocate("job", Money(1))
        ledger.deallocate("job")
    with read_ledger(location) as again:
        assert again.end() == ExecutionEnd()
    assert reader.end().how == "cap"  # as of the moment at which it was first asked


@pytest.mark.parametrize(
    ("note", "end"),
    [
        ("cap", ExecutionEnd("cap")),  # of before there were reasons
        ("stopped: BREACH: m billed 3 USD", ExecutionEnd("stopped", "BREACH: m billed 3 USD")),
        ("stopped: a: b\nc: d", ExecutionEnd("stopped", "a: b\nc: d")),
    ],
)
def test_the_note_of_an_end_holds_its_reason(note, end):
    assert ExecutionEnd.from_note(note) == end
    assert end.to_note() == note


def test_a_reason_that_a_provider_wrote_is_kept_as_plain_lines(location):
    with open_ledger(location) as ledger:
        ledger.record_end("stopped", "lab/m: \x1b[2Jgone\x00\n\n" + "x" * 5000)
    with read_ledger(location) as reader:
        first, second = reader.end().reason.splitlines()
    assert first == "lab/m: [2Jgone"
    assert len(second) <= 1000


def test_why_all_workers_are_to_stop_can_be_read(location):
    with open_ledger(location) as ledger:
        with read_ledger(location) as reader:
            assert reader.stop_reason() == ""
        ledger.stop_workers("BREACH: m")
        with read_ledger(location) as reader:
            assert reader.stop_reason() == ("BREACH: m" if location.is_shared else "")


def test_a_new_ledger_says_nothing(location):
    with open_ledger(location), read_ledger(location) as reader:
        assert list(reader.jobs()) == list(reader.entries()) == reader.approvals() == []
        assert (reader.work(), reader.end()) == (None, ExecutionEnd())
        assert reader.balance() == Balance(*[Money()] * 5)


@pytest.mark.parametrize(
    "until",
    [None, datetime(2026, 12, 1, 8, 30, 0, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))],
)
def test_an_approval_comes_back_as_it_was_given(location, until):
    given = Approval("a plan", Money(10**17), "ada", NOW.astimezone(UTC), until)
    with open_ledger(location) as ledger:
        ledger.record_approval(approval(CAP, NOW - timedelta(days=1)))
        ledger.record_approval(given)
    with read_ledger(location) as reader:
        assert [each.cap for each in reader.approvals()] == [CAP, given.cap]
        assert reader.approvals()[-1] == given
        assert reader.approvals()[-1].to_json() == given.to_json()


def test_texts_are_fetched_while_their_jobs_are_asked_for(location, monkeypatch):
    monkeypatch.setattr("runner.ledger.reading.job_queries._JOBS_AT_A_TIME", 50)
    text = "x" * 20_000
    with open_ledger(location) as ledger:
        ledger.record_approval(approval(CAP))
        with ledger.transaction():
            for number in range(500):
                attempt = an_attempt(number=1)._replace(job=f"job {number}", request=f"{number}")
                ledger.allocate(attempt.job, Money())
                ledger.reserve(attempt, Money())
                ledger.settle(attempt, Money(), an_answer(text))
    with read_ledger(location) as reader:
        tracemalloc.start()
        first = [job[0].attempt.job for job in islice(reader.jobs(), 3)]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert first == ["job 0", "job 1", "job 2"]
    assert peak < 500 * len(text) / 2


def test_the_ledgers_sql_stands_in_its_folder_alone():
    """Who else speaks SQL has tables of its own: the cache of counts, and notes beside a ledger.

    So has the benchmark of ledgers, which measures what a database can do without one; that of a
    large queue marks jobs as done, as no command does.
    """
    modules = [module for room in ROOMS for module in (ROOT / room).rglob("*.py")]
    found = {
        str(module.relative_to(ROOT))
        for module in modules
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and SQL.search(str(node.value))
    }
    outside = {path for path in found if not path.startswith("runner/ledger/")}
    assert outside == {
        *("estimator/count_cache.py", "runner/control/notes.py"),
        *("benchmarks/ledgers.py", "benchmarks/large_queue.py"),
    }
    assert found - outside


@pytest.mark.parametrize("is_written", [False, True])
def test_a_file_that_a_killed_process_left_without_tables_is_no_ledger_yet(tmp_path, is_written):
    path = tmp_path / "ledger.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        if is_written:
            connection.execute("PRAGMA journal_mode = WAL")
    path.touch()
    assert not ledger_exists(FileLocation(path))
    with pytest.raises(LedgerError, match="run the plan again"):
        contextlib.ExitStack().enter_context(read_ledger(FileLocation(path)))
    with open_ledger(FileLocation(path)):
        pass
    assert ledger_exists(FileLocation(path))


def test_a_file_of_something_else_is_there_and_cannot_be_read(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database at all, but as long as the header of one" * 9)
    assert ledger_exists(FileLocation(path))
    with pytest.raises(LedgerError, match="cannot read ledger"):
        contextlib.ExitStack().enter_context(read_ledger(FileLocation(path)))
