"""A database that goes away: nothing is written twice, no answer is lost, nothing hangs."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial

import psycopg
import pytest

from pricing.money import Money
from runner.errors import LedgerError
from runner.execution.budget import Budget
from runner.execution.group_commit import GroupCommitWriter
from runner.ledger import SpooledAnswer
from runner.ledger import postgres as store_module
from runner.ledger.location import PostgresLocation
from runner.ledger.open import open_job_table, open_ledger, read_ledger
from tests.runner.sample_experiment import STUCK, an_answer, an_attempt, approval


@pytest.fixture
def place(postgres):
    return PostgresLocation(postgres.database(), "study")


@pytest.fixture
def ledger(place, tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_CONNECT_PATIENCE", 1)
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))
    with open_ledger(place, tmp_path) as opened:
        opened.record_approval(approval(Money(1000)))
        opened.allocate("job", Money(300))
        opened.reserve(an_attempt(), Money(100))
        yield opened


def within_reason(story):
    return asyncio.run(asyncio.wait_for(story, STUCK))


def write(ledger, action):
    async def story():
        return await GroupCommitWriter(ledger).write(action)

    return within_reason(story())


def cut(place, ledger) -> None:
    """Cut a ledger's connection, as a server that is restarted does."""
    pid = ledger.store._db.info.backend_pid
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def kinds(place) -> list[str]:
    with read_ledger(place) as reader:
        assert reader.find_tampering() is None
        return [entry.kind for entry in reader.entries()]


BEFORE = ["approve", "aside", "reserve"]


def test_between_two_transactions_nobody_notices(place, ledger):
    cut(place, ledger)
    ledger.settle(an_attempt(), Money(7), an_answer())
    assert kinds(place) == [*BEFORE, "settle"]


def test_in_the_middle_of_a_transaction_it_is_made_again(place, ledger):
    cuts = iter([True])

    def settle():
        if next(cuts, False):
            cut(place, ledger)
        ledger.settle(an_attempt(), Money(7), an_answer())

    write(ledger, settle)
    assert kinds(place) == [*BEFORE, "settle"]
    assert ledger.balance.settled == Money(7)


@pytest.mark.parametrize("committed", [True, False])
def test_when_its_end_is_not_told_it_is_looked_up_and_written_once(
    place, ledger, committed, monkeypatch
):
    """The connection is lost with the commit: before it was made, or after, and no one says."""
    real, cuts = store_module.PostgresStore.execute, iter([True])

    def lose(store, sql, values=()):
        if sql.startswith("UPDATE head") and next(cuts, False):
            if committed:
                real(store, sql, values)
                store._db.execute("COMMIT")
                store._pipeline.close()
            cut(place, ledger)
        return real(store, sql, values)

    monkeypatch.setattr(store_module.PostgresStore, "execute", lose)
    write(ledger, partial(ledger.settle, an_attempt(), Money(7), an_answer()))
    assert kinds(place) == [*BEFORE, "settle"]
    assert (ledger.balance.settled, ledger.failure) == (Money(7), "")
    assert ledger.allocate("job", Money(1))
    assert kinds(place) == [*BEFORE, "settle", "aside"]


def test_a_server_that_says_nothing_is_given_up_and_asked_again(place, ledger, monkeypatch):
    monkeypatch.setattr(store_module, "_SILENCE_PATIENCE", 1)
    backend = ledger.store._db.info.backend_pid
    os.kill(backend, signal.SIGSTOP)
    try:
        write(ledger, partial(ledger.settle, an_attempt(), Money(7), an_answer()))
    finally:
        os.kill(backend, signal.SIGCONT)
    assert kinds(place) == [*BEFORE, "settle"]


_SLOW_COMMIT = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dawdles AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.kind IN ('release', 'hold', 'settle')) EXECUTE FUNCTION dawdle();
"""


@pytest.mark.parametrize("kind", ["release", "hold", "settle"])
def test_a_commit_that_goes_on_behind_a_lost_connection_is_waited_for(
    place, ledger, monkeypatch, kind
):
    """Else it is made again with what this process remembers, and its money is free twice."""
    with psycopg.connect(place.url, autocommit=True) as other:
        other.execute(f"SET search_path TO {place.schema}")
        other.execute(_SLOW_COMMIT)
    monkeypatch.setattr(store_module, "_SILENCE_PATIENCE", 1)
    with open_job_table(place, ledger, 60) as jobs:
        jobs.register(1)  # from now on it trusts what it remembers
    action = {
        "release": partial(ledger.release, an_attempt(), "not billed"),
        "hold": partial(ledger.hold, an_attempt(), "cut"),
        "settle": partial(ledger.settle, an_attempt(), Money(7), an_answer()),
    }[kind]
    write(ledger, action)
    assert kinds(place) == [*BEFORE, kind]
    assert ledger.balance.reserved == Money(0)


def test_a_lock_that_somebody_keeps_is_not_waited_for_for_ever(place, tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_LOCK_PATIENCE", 1)
    with open_ledger(place, tmp_path) as ledger:
        ledger.record_approval(approval(Money(1000)))
        ledger.allocate("job", Money(100))
        ledger.reserve(an_attempt(), Money(100))
        with psycopg.connect(place.url) as other:
            other.execute(f"SELECT * FROM {place.schema}.head FOR UPDATE")
            within_reason(
                Budget(ledger).settle([SpooledAnswer(an_attempt(), Money(7), an_answer(), "")])
            )
        assert "lock timeout" in ledger.failure
        assert sum(ledger.spool.kept.values()) == 1
    with open_ledger(place, tmp_path) as ledger:
        assert (ledger.spool.restored, ledger.balance.settled) == (1, Money(7))


@pytest.mark.parametrize(
    "edit",
    ["DROP SCHEMA afcost_study CASCADE", "UPDATE afcost_study.head SET seq = seq - 1"],
    ids=["gone", "older"],
)
def test_tables_that_are_gone_or_older_stop_everything_and_answers_are_kept(place, ledger, edit):
    with psycopg.connect(place.url, autocommit=True) as other:
        other.execute(edit)
    within_reason(Budget(ledger).settle([SpooledAnswer(an_attempt(), Money(7), an_answer(), "")]))
    assert ledger.failure
    assert sum(ledger.spool.kept.values()) == 1
    with pytest.raises(LedgerError):
        ledger.allocate("job", Money(1))


def test_a_job_that_was_taken_though_no_one_said_so_is_worked_on(place, ledger):
    with open_job_table(place, ledger, 60) as table:
        table.register(5)
        assert table.take(2, 1, ()) == [0, 1]
        table._database.execute(
            "UPDATE job SET state = 'taken', worker = ? WHERE place = 2", (ledger.worker,)
        )
        backend = table._database._link.connection.info.backend_pid
        with psycopg.connect(place.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (backend,))
        assert table.take(1, 1, ()) == [2, 3]
        assert table.take(9, 1, ()) == [4]


def test_a_server_that_stays_away_is_waited_for_once_and_found_when_it_is_back(
    place, ledger, monkeypatch
):
    tries, counts, connect = [], [], store_module._connect

    def refuse(location):
        tries.append(location)
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(store_module, "_CONNECT_INTERVAL", 0.05)
    with open_job_table(place, ledger, 60) as table:
        monkeypatch.setattr(store_module, "_connect", refuse)
        table._database._link.connection.close()
        for _ in range(3):
            with pytest.raises(LedgerError, match="could not be read or written"):
                table.count_failed()
            counts.append(len(tries))
        assert (counts[1] - counts[0], counts[2] - counts[1]) == (1, 1)
        monkeypatch.setattr(store_module, "_connect", connect)
        assert table.count_failed() == 0
