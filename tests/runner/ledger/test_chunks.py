"""A chunk is reserved whole, and stays so over a crash until its provider has spoken."""

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger import schema
from runner.ledger.location import FileLocation
from runner.ledger.open import accept_restored_ledger, open_ledger, read_ledger
from runner.ledger.reading import ChunkNote, ChunkState
from tests.runner.sample_experiment import MODEL, an_answer, an_attempt, ledger_of

CAP, EACH, COVER = Money.from_usd("1"), Money.from_usd("0.10"), Money.from_usd("0.30")
NOTE = ChunkNote(chunk="afc-1", model=MODEL, stage="subject")


def lines_of(count):
    return [[(an_attempt(f"job{n}", f"job{n}"), EACH)] for n in range(count)]


@contextmanager
def opened(path):
    """Open it as a start does, after whatever became of the process before."""
    with open_ledger(FileLocation(path)) as ledger:
        ledger.recover_work()
        yield ledger


def test_a_chunk_is_reserved_whole_or_not_at_all(tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", CAP) as ledger:
        assert ledger.reserve_chunk(NOTE, lines_of(8), COVER) is None
        assert ledger.chunks() == []
        assert ledger.balance.free == CAP

        note = ledger.reserve_chunk(NOTE, lines_of(7), COVER)
        assert (note.lines, note.attempts) == (7, 7)
        assert (ledger.balance.reserved, ledger.balance.aside) == (EACH * 7, COVER)
        assert ledger.balance.free == Money()
        assert ledger.open_chunks() == [note]


def test_what_is_allocated_to_its_jobs_is_used_first(tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", EACH * 2) as ledger:
        assert ledger.allocate("job0", EACH)
        assert ledger.reserve_chunk(NOTE, lines_of(2)) is not None
        assert (ledger.balance.reserved, ledger.balance.aside) == (EACH * 2, Money())


def test_after_a_crash_an_open_chunk_keeps_its_money_and_all_else_is_held_or_free(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with ledger_of(path, CAP) as ledger:
        ledger.reserve_chunk(NOTE, lines_of(2), COVER)
        ledger.allocate("call", EACH)
        ledger.reserve(an_attempt("call", "call"), EACH)
        ledger.allocate("other", EACH)
    with opened(path) as ledger:
        now = ledger.balance
        assert (now.reserved, now.held, now.aside) == (EACH * 2, EACH, COVER)
        (note,) = ledger.open_chunks()
        entries = ledger.open_lines(note)
        assert sorted(entries) == [0, 1]
        found = ledger.chunk_attempts([*entries[0], *entries[1]])
        assert [each.attempt.job for each in found] == ["job0", "job1"]
        assert [each.line for each in found] == [0, 1]

        ledger.settle(found[0].attempt, Money.from_usd("0.02"), an_answer())
        ledger.pass_cover(note.chunk, "job0", EACH)
        ledger.release(found[1].attempt, "expired", to_job=False)
        assert ledger.open_lines(note) == {}
        ledger.record_chunk(replace(note, state=ChunkState.ENDED, settled=1, released=1))
        now = ledger.balance
        assert (now.settled, now.reserved, now.aside) == (Money.from_usd("0.02"), Money(), EACH)
        assert ledger.open_chunks() == []
        assert ledger.chunk_outcomes(note) == {"settle": 1, "release": 1}
    with opened(path) as ledger:
        assert ledger.balance.aside == Money()
    with read_ledger(FileLocation(path)) as reader:
        assert reader.find_tampering() is None
        (note,) = reader.chunks()
        assert (note.settled, note.released) == (1, 1)
        assert [each.entry.kind for each in reader.noted_entries()] == ["hold", "release"]


def test_the_end_of_an_execution_leaves_the_money_of_chunks_alone(tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", CAP) as ledger:
        ledger.reserve_chunk(NOTE, lines_of(1), COVER)
        ledger.allocate("job", EACH)
        ledger.deallocate_all()
        assert ledger.balance.aside == COVER


def test_an_attempt_that_its_chunk_forgot_is_held_after_a_crash(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with ledger_of(path, CAP) as ledger:
        note = ledger.reserve_chunk(NOTE, lines_of(1), COVER)
        ledger.record_chunk(replace(note, state=ChunkState.ENDED))
    with opened(path) as ledger:
        assert ledger.balance.held == EACH


def test_earlier_versions_refuse_a_ledger_with_batches_and_imports_do_not_change_that(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with ledger_of(path, CAP) as ledger:
        ledger.reserve_chunk(NOTE, lines_of(1), COVER)
        ledger.record_import(an_attempt("found", "found"), an_answer(), "elsewhere")
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (schema.BATCH_VERSION,)


def test_an_older_copy_counts_its_open_chunks_besides_what_is_missing(tmp_path):
    path, copy, billed = tmp_path / "ledger.sqlite", tmp_path / "copy", Money.from_usd("0.01")
    with ledger_of(path, CAP) as ledger:
        ledger.reserve_chunk(NOTE, lines_of(2), COVER)
    copy.write_bytes(path.read_bytes())
    with opened(path) as ledger:
        for job in ("job0", "job1"):
            ledger.settle(an_attempt(job, job), billed, an_answer())
        ledger.allocate("later", EACH)
        ledger.reserve(an_attempt("later", "later"), EACH)
        spent = ledger.balance.settled + EACH
    path.write_bytes(copy.read_bytes())
    assert accept_restored_ledger(FileLocation(path)) == spent
    with opened(path) as ledger:
        assert ledger.balance.reserved == EACH * 2
        for job in ("job0", "job1"):  # collected again
            ledger.settle(an_attempt(job, job), billed, an_answer())
        assert ledger.balance.settled + ledger.balance.held >= spent


@pytest.mark.parametrize("state", [ChunkState.INTENDED, ChunkState.UPLOADED])
def test_a_chunk_that_an_older_copy_has_not_sent_is_looked_for_first(tmp_path, state):
    path, copy = tmp_path / "ledger.sqlite", tmp_path / "copy"
    with ledger_of(path, CAP) as ledger:
        note = ledger.reserve_chunk(NOTE, lines_of(1))
        note = replace(note, state=state)
        ledger.record_chunk(note)
    copy.write_bytes(path.read_bytes())
    with opened(path) as ledger:
        ledger.record_chunk(replace(note, state=ChunkState.CREATED, batch="b1"))
    path.write_bytes(copy.read_bytes())
    accept_restored_ledger(FileLocation(path))
    with opened(path) as ledger:
        (found,) = ledger.open_chunks()
        assert found.state is ChunkState.CREATING
        assert found.asked_at


def test_what_a_later_version_wrote_of_a_batch_is_an_error(tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", CAP) as ledger:
        with ledger.transaction() as head:
            ledger._append_entry(head, "batch", "", None, {}, note='{"chunk": "c", "state": "new"}')
        with pytest.raises(LedgerError, match="of a batch cannot be read"):
            ledger.chunks()
