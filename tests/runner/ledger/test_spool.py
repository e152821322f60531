"""Answers that the ledger cannot take are kept elsewhere, privately, and settled once."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
import tempfile
from pathlib import Path

import pytest

from pricing.money import Money
from runner.errors import LedgerBusy, LedgerError
from runner.execution.budget import Budget
from runner.ledger.ledger import Ledger
from runner.ledger.location import FileLocation
from runner.ledger.open import is_running, open_ledger, read_ledger
from runner.ledger.schema import read_first_hash
from runner.ledger.spool import AnswerSpool, SpooledAnswer, SpooledRelease
from runner.state import file_lock
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import STUCK, an_answer, an_attempt, ledger_of

ODD = 'ünï \U0001f600 \x00 \ud800 "quoted"\r\n\u2028 end '


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "ledger.sqlite"


def files(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.rglob("answers-*.jsonl"))


def send(ledger, *numbers):
    """Reserve attempts, as if they were sent."""
    ledger.allocate("job", Money(100 * len(numbers)))
    for number in numbers:
        ledger.reserve(an_attempt(number=number), Money(100))


def settle(ledger, *numbers, text="yes"):
    """Settle attempts as a run does, at 7 each."""

    async def story():
        budget = Budget(ledger)
        for number in numbers:
            kept = SpooledAnswer(an_attempt(number=number), Money(7), an_answer(text), "a note")
            await budget.settle([kept])

    asyncio.run(asyncio.wait_for(story(), STUCK))


def fill(ledger):
    """Let the ledger take no more, as on a full disk."""
    pages = ledger.store._db.execute("PRAGMA page_count").fetchone()[0]
    ledger.store._db.execute(f"PRAGMA max_page_count = {pages}")


LONG = "yes " * 50_000


def spool(path, *numbers, text=LONG):
    """Leave answers in the spool, their money reserved."""
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, *numbers)
        fill(ledger)
        settle(ledger, *numbers, text=text)
        assert "disk is full" in ledger.failure
        return dict(ledger.spool.kept), list(ledger.spool.lost)


def test_what_a_full_ledger_does_not_take_is_settled_when_it_is_opened_again(path, tmp_path):
    kept, lost = spool(path, 1, 2, 3)
    (file,) = files(tmp_path)
    assert (kept, lost) == ({file: 3}, [])
    assert file.parent == path.parent
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with ledger_of(path) as ledger:
        assert ledger.spool.restored == 3
        assert (ledger.balance.settled, ledger.balance.reserved) == (Money(21), Money())
        assert ledger.recover_work() == 0
        assert answered_texts(ledger) == {"request": LONG}
    assert not files(tmp_path)
    with read_ledger(FileLocation(path)) as reader:
        assert reader.find_tampering() is None


def test_an_answer_is_kept_to_the_last_character(path):
    answer = an_answer(ODD + LONG)._replace(stated_cost=None, usage='{"cost": "0.00012"}')
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1)
        spool_of = ledger.spool
        spool_of.keep(SpooledAnswer(an_attempt(), Money(7), answer, "a note"))
        (file,) = spool_of.find_files()
    kept = json.loads(file.read_text())
    assert kept["answer"] == answer._asdict()
    assert kept["billed"] == 7


def test_held_by_a_recovery_it_is_settled_all_the_same(path, tmp_path):
    spool(path, 1, 2)
    (file,) = files(tmp_path)
    content = file.read_bytes()
    file.unlink()
    with ledger_of(path) as ledger:
        assert ledger.recover_work() == 2
    file.write_bytes(content)
    with ledger_of(path) as ledger:
        assert (ledger.balance.settled, ledger.balance.held) == (Money(14), Money())
    file.write_bytes(content)  # a crash before it was removed, or a backup
    with ledger_of(path) as ledger:
        assert ledger.spool.restored == 0
        assert ledger.balance.settled == Money(14)
    assert not files(tmp_path)


def test_after_one_failure_nothing_is_written_and_nothing_may_be_sent(path):
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1, 2)
        fill(ledger)
        settle(ledger, 1, text=LONG)
        ledger.store._db.execute("PRAGMA max_page_count = 100000")

        async def story():
            budget = Budget(ledger)
            assert await budget.admit([("next", Money(1))]) == 0
            assert not await budget.top_up("job", Money(1))
            assert not await budget.reserve([(an_attempt(number=9), Money(1))])
            await budget.hold([an_attempt(number=2)], "HTTP 500")
            assert "disk is full" in budget.stop_reason

        asyncio.run(asyncio.wait_for(story(), STUCK))
    with ledger_of(path) as ledger:
        assert (ledger.balance.settled, ledger.balance.reserved) == (Money(7), Money(100))


def test_money_of_what_was_never_sent_is_free_when_a_full_ledger_is_opened_again(path, tmp_path):
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1, 2, 3)
        fill(ledger)
        settle(ledger, 1, text=LONG)
        asyncio.run(Budget(ledger).release([an_attempt(number=2)], "never sent"))
        kept, lost = ledger.spool.kept, ledger.spool.lost
    assert (list(kept.values()), lost) == ([1], []), "a release is no answer"
    (releases,) = tmp_path.rglob("releases-*.jsonl")
    assert stat.S_IMODE(releases.stat().st_mode) == 0o600
    content = releases.read_bytes()
    with ledger_of(path) as ledger:
        assert (ledger.balance.settled, ledger.balance.reserved) == (Money(7), Money(100))
        assert ledger.recover_work() == 1
        assert ledger.balance.held == Money(100), "of the one of which nothing is known"
    assert not releases.exists()
    releases.write_bytes(content)  # a backup
    with ledger_of(path) as ledger:
        assert ledger.balance.held == Money(100)
    with read_ledger(FileLocation(path)) as reader:
        assert reader.find_tampering() is None


def test_a_release_held_by_a_recovery_is_free_all_the_same(path, tmp_path):
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1)
        ledger.spool.keep_release(SpooledRelease(an_attempt(), "never sent"))
    (releases,) = tmp_path.rglob("releases-*.jsonl")
    content = releases.read_bytes()
    releases.unlink()
    with ledger_of(path) as ledger:
        assert ledger.recover_work() == 1
    releases.write_bytes(b'{"format": "afco\nnull\n' + content)
    with ledger_of(path) as ledger:
        assert (ledger.balance.held, ledger.balance.settled) == (Money(), Money())
    assert not releases.exists(), "its attempt's number may be used once more"


def test_a_release_that_is_found_late_frees_nothing_that_was_reserved_since(path, tmp_path):
    """As one in a state folder that the run after did not have: the number was used once more."""
    with ledger_of(path, Money(10**6)) as ledger:
        ledger.allocate("job", Money(100))
        fill(ledger)
        ledger.spool.ledger = read_first_hash(ledger.store)
        ledger.fail("disk is full")
        with pytest.raises(LedgerError):
            ledger.reserve(an_attempt(), Money(100))
        ledger.spool.keep_release(SpooledRelease(an_attempt(), "never sent"))
    (releases,) = tmp_path.rglob("releases-*.jsonl")
    content = releases.read_bytes()
    releases.unlink()
    with ledger_of(path) as ledger:
        ledger.recover_work()
        send(ledger, 1)
        ledger.hold(an_attempt(), "HTTP 500")
    releases.write_bytes(content)
    with ledger_of(path) as ledger:
        assert ledger.balance.held == Money(100)
    assert not releases.exists()


def test_while_the_disk_stays_full_releases_are_kept(path, monkeypatch):
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1, 2)
        fill(ledger)
        ledger.fail("disk is full")
        asyncio.run(Budget(ledger).release([an_attempt(number=1), an_attempt(number=2)], "no"))

    def fail(ledger, *_, **__):
        ledger.fail("disk is full")
        raise LedgerError("disk is full")

    with monkeypatch.context() as changed:
        changed.setattr(Ledger, "release", fail)
        with pytest.raises(LedgerError, match="disk is full"), ledger_of(path):
            pass
    with ledger_of(path) as ledger:
        assert ledger.recover_work() == 0
        assert (ledger.balance.held, ledger.balance.reserved) == (Money(), Money())


def test_an_answer_is_kept_though_its_task_is_cancelled_meanwhile(path, tmp_path):
    async def story(ledger):
        settling = asyncio.create_task(
            Budget(ledger).settle([SpooledAnswer(an_attempt(), Money(7), an_answer(LONG), "")])
        )
        await asyncio.sleep(0)
        settling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await settling

    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1)
        fill(ledger)
        asyncio.run(asyncio.wait_for(story(ledger), STUCK))
    assert files(tmp_path)


@pytest.mark.parametrize("blocked", [1, 2, 3])
def test_where_one_folder_takes_nothing_the_next_one_does(path, blocked):
    """A directory, a device and a FIFO of that name are not written to either."""
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1)
        places = list(ledger.spool._paths("answers"))
    for number, place in enumerate(places[:blocked]):
        place.parent.mkdir(exist_ok=True, parents=True, mode=0o700)
        if number == 0:
            place.mkdir()
        elif number == 1:
            os.mkfifo(place)
        else:
            place.symlink_to("/dev/full")
    with ledger_of(path) as ledger:
        fill(ledger)
        settle(ledger, 1, text=LONG)
        if blocked == 3:
            assert ledger.spool.lost == ["request.1"]
            assert "1 answer that arrived: lost" in ledger.spool.describe()
            return
        assert ledger.spool.kept == {places[blocked]: 1}
        assert places[blocked].parent.stat().st_mode & 0o077 == 0
    with ledger_of(path) as ledger:
        assert ledger.balance.settled == Money(7)


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_may_write_to_is_not_used(path, tmp_path, mode):
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1)
        beside, state, _ = ledger.spool._paths("answers")
        beside.mkdir()
        state.parent.mkdir(parents=True)
        state.parent.chmod(mode)
        ledger.spool.keep(SpooledAnswer(an_attempt(), Money(7), an_answer(), ""))
        (used,) = ledger.spool.kept
    assert tmp_path / "tmp" in used.parents


@pytest.mark.parametrize(
    "line",
    ["no JSON", "{}", "[" * 100_000, '{"format": "afcost.spool/1"}', "null", "\x00"],
    ids=["text", "empty", "deep", "part", "null", "nul"],
)
def test_what_cannot_be_read_or_settled_stays_and_the_rest_is_settled(path, tmp_path, line):
    spool(path, 1)
    (file,) = files(tmp_path)
    file.write_text(f"{line}\n{file.read_text()}")
    with ledger_of(path) as ledger:
        assert ledger.balance.settled == Money(7)
        assert ledger.spool.unsettled == [file]
    assert line in file.read_text()


@pytest.mark.parametrize(
    "change",
    [
        {"billed": -1},
        {"ledger": "0" * 64},
        {"format": "afcost.spool/9"},
        {"attempt": an_attempt(number=8)._asdict()},
    ],
    ids=["negative", "another ledger", "another format", "an unknown attempt"],
)
def test_a_line_that_is_not_this_ledgers_moves_no_money(path, tmp_path, change):
    spool(path, 1)
    (file,) = files(tmp_path)
    file.write_text(json.dumps(json.loads(file.read_text()) | change) + "\n")
    with ledger_of(path) as ledger:
        assert (ledger.balance.settled, ledger.balance.reserved) == (Money(), Money(100))
        assert ledger.spool.unsettled == [file]


def test_an_unfinished_line_costs_no_other(path):
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1)
        (file, *_) = ledger.spool._paths("answers")
        file.write_text('{"format": "afco')
        ledger.spool.keep(SpooledAnswer(an_attempt(), Money(7), an_answer(), ""))
    with ledger_of(path) as ledger:
        assert ledger.balance.settled == Money(7)


def test_while_the_disk_stays_full_answers_stay_where_they_are(path, tmp_path, monkeypatch):
    spool(path, 1)
    real = sqlite3.connect

    def connect(*arguments, **options):
        connection = real(*arguments, **options)
        fill_now = (
            f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}"
        )
        connection.execute(fill_now)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    (file,) = files(tmp_path)
    with pytest.raises(LedgerError, match=f"disk is full.*stay in {file}"), ledger_of(path):
        pass
    monkeypatch.undo()
    assert files(tmp_path) == [file]


def test_reserved_space_is_there_until_answers_need_it(tmp_path):
    spool = AnswerSpool(tmp_path)
    with spool.reserve_space():
        (reserve,) = tmp_path.iterdir()
        assert reserve.stat().st_size == 4 << 20
        assert reserve.stat().st_mode & 0o077 == 0
    assert not reserve.exists()
    with spool.reserve_space():
        spool.keep(SpooledAnswer(an_attempt(), Money(7), an_answer(), ""))
        assert not reserve.exists()


# --- locks and files that are removed


def test_a_ledger_without_its_lock_file_cannot_be_opened_a_second_time(path):
    with ledger_of(path, Money(10**6)) as ledger:
        path.with_suffix(".lock").unlink()
        with pytest.raises(LedgerBusy), open_ledger(FileLocation(path)):
            pass
        assert is_running(FileLocation(path))
        send(ledger, 1)
    assert not is_running(FileLocation(path))


def test_where_folders_cannot_be_locked_the_first_process_stops_and_keeps_its_answers(
    path, monkeypatch
):
    monkeypatch.setattr(file_lock, "_lock_folder", lambda *_, **__: None)
    with ledger_of(path, Money(10**6)) as first:
        send(first, 1)
        path.with_suffix(".lock").unlink()
        with ledger_of(path) as second:
            assert second.recover_work() == 1
            settle(first, 1)
            assert "another process" in first.failure
            assert sum(first.spool.kept.values()) == 1
            second.allocate("job", Money(5))
    with ledger_of(path) as ledger:
        assert (ledger.balance.settled, ledger.balance.held) == (Money(7), Money())


def test_an_entry_of_another_process_is_seen_before_anything_is_written(path):
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1)
        other = sqlite3.connect(path)
        other.execute("INSERT INTO entry SELECT seq + 1, at, kind, worker, job, attempt, 0, 0, 0, "
                      "0, note, 'x' FROM entry ORDER BY seq DESC LIMIT 1")  # fmt: skip
        other.commit()
        other.close()
        with pytest.raises(LedgerError, match="another process wrote to it"):
            ledger.allocate("job", Money(1))


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal"])
@pytest.mark.parametrize("replaced", [True, False])
def test_what_went_to_a_file_that_is_gone_is_kept_too(path, name, replaced):
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1, 2)
        settle(ledger, 1)
        gone = path.with_name(name)
        gone.rename(path.with_name("elsewhere"))
        if replaced:
            gone.write_bytes(b"")
        settle(ledger, 2)
        assert f"{name} was removed or replaced" in ledger.failure
        (kept,) = ledger.spool.kept
        assert len(kept.read_text().splitlines()) == 1


def test_an_answer_is_spooled_even_if_its_task_is_cancelled_meanwhile(path):
    with ledger_of(path, Money(10**6)) as ledger:
        send(ledger, 1)
        fill(ledger)

        async def story():
            kept = SpooledAnswer(an_attempt(), Money(7), an_answer(LONG), "")
            settling = asyncio.create_task(Budget(ledger).settle([kept]))
            await asyncio.sleep(0)
            settling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await settling

        asyncio.run(asyncio.wait_for(story(), STUCK))
        assert list(ledger.spool.kept.values()) == [1]
    with ledger_of(path) as ledger:
        assert ledger.balance.settled == Money(7)
