"""What is written stays, what is promised fits the cap, and what cannot be written is not sent."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from pricing.money import Money
from runner.errors import LedgerBusy, LedgerError, NotApproved
from runner.ledger.ledger import Ledger
from runner.ledger.location import FileLocation
from runner.ledger.open import open_ledger, read_ledger
from runner.ledger.sqlite import SqliteStore
from tests.runner.ledger_texts import answered_completions, answered_texts, last_attempt_numbers
from tests.runner.sample_experiment import NOW, an_answer, an_attempt, approval

ROOT = Path(__file__).parents[3]
CAP = Money(1000)

# Opens a ledger, does what stands in the middle, says so, and waits to be killed.
CHILD = """
import sys, time
from pathlib import Path
from pricing.money import Money
from runner.ledger.location import FileLocation
from runner.ledger.open import open_ledger
from tests.runner.sample_experiment import an_answer, an_attempt, approval

with open_ledger(FileLocation(Path(sys.argv[1]))) as ledger:
    ledger.record_approval(approval(Money(10**9)))
    {body}
    time.sleep(60)
"""
RESERVES = """
    ledger.allocate("job", Money(700))
    ledger.reserve(an_attempt(), Money(300))
    print("reserved", flush=True)
"""
SENDS_FOR_EVER = """
    for number in range(1, 10**6):
        ledger.allocate("job", Money(300))
        ledger.reserve(an_attempt(number=number), Money(300))
        print(an_attempt(number=number).id, flush=True)
        ledger.settle(an_attempt(number=number), Money(200), an_answer())
        ledger.deallocate("job")
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    with open_ledger(FileLocation(path)) as opened:
        opened.record_approval(approval(CAP))
        yield opened


@contextmanager
def another_process(path, body):
    """Yield a process that has the ledger open; whatever happens, it is killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(body=body.strip()), str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def account(ledger):
    now = ledger.balance
    return tuple(getattr(now, name).pico for name in ("aside", "reserved", "settled", "held"))


def entries(path):
    with read_ledger(FileLocation(path)) as reader:
        return [entry for entry in reader.entries() if entry.kind != "approve"]


def test_without_an_approval_nothing_may_be_spent(path):
    with open_ledger(FileLocation(path)) as ledger:
        assert ledger.balance.cap == Money()
        assert not ledger.allocate("job", Money(1))


def test_money_moves_from_aside_to_reserved_to_settled_and_the_rest_is_free(ledger):
    assert ledger.allocate("job", Money(700))
    assert account(ledger) == (700, 0, 0, 0)
    ledger.reserve(an_attempt(), Money(300))
    assert account(ledger) == (400, 300, 0, 0)
    ledger.settle(an_attempt(), Money(120), an_answer())
    assert account(ledger) == (400, 0, 120, 0)
    ledger.deallocate("job")
    assert account(ledger) == (0, 0, 120, 0)
    assert ledger.balance.free == Money(880)


def test_the_cap_is_reached_to_the_last_pico_dollar_and_no_further(ledger):
    assert not ledger.allocate("job", Money(1001))
    assert account(ledger) == (0, 0, 0, 0)
    assert ledger.allocate("job", Money(1000))
    assert not ledger.allocate("other", Money(1))


def test_held_money_never_comes_back(ledger):
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), CAP)
    ledger.hold(an_attempt(), "HTTP 500")
    ledger.deallocate("job")
    assert account(ledger) == (0, 0, 0, 1000)
    assert not ledger.allocate("other", Money(1))


def test_released_money_goes_back_to_its_job_and_to_nobody_else(ledger):
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), CAP)
    ledger.release(an_attempt(), "HTTP 429")
    assert ledger.allocated_to("job") == CAP
    assert not ledger.allocate("other", Money(1))
    ledger.reserve(an_attempt(number=2), CAP)
    assert account(ledger) == (0, 1000, 0, 0)


def test_a_bill_above_its_reservation_is_booked_in_full(ledger):
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), CAP)
    ledger.settle(an_attempt(), Money(1700), an_answer())
    assert account(ledger) == (0, 0, 1700, 0)
    assert ledger.balance.free == Money(-700)
    assert not ledger.allocate("other", Money(0))


def test_an_attempt_cannot_take_more_than_its_job_was_promised(ledger):
    ledger.allocate("job", Money(300))
    ledger.allocate("other", Money(300))
    with pytest.raises(LedgerError, match=r"only 0\.0000000003 is allocated"):
        ledger.reserve(an_attempt(), Money(301))
    assert account(ledger) == (600, 0, 0, 0)
    assert last_attempt_numbers(ledger) == {}


@pytest.mark.parametrize("end", ["settle", "release", "hold"])
def test_an_attempt_ends_once(ledger, end):
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), Money(300))
    ways = {
        "settle": lambda: ledger.settle(an_attempt(), Money(5), an_answer()),
        "release": lambda: ledger.release(an_attempt(), ""),
        "hold": lambda: ledger.hold(an_attempt(), ""),
    }
    ways[end]()
    before = account(ledger)
    for way in ways.values():
        with pytest.raises(LedgerError):
            way()
    assert account(ledger) == before
    assert (end == "settle") == (answered_texts(ledger) == {"request": "yes"})


def test_an_attempt_that_was_never_reserved_cannot_be_settled(ledger, path):
    with pytest.raises(LedgerError, match="is not open"):
        ledger.settle(an_attempt(), Money(5), an_answer())
    assert answered_texts(ledger) == {}
    assert entries(path) == []


def test_the_same_attempt_is_not_reserved_twice(ledger):
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), Money(300))
    with pytest.raises(LedgerError, match="could not be written"):
        ledger.reserve(an_attempt(), Money(300))
    assert account(ledger) == (700, 300, 0, 0)


def test_a_request_that_costs_nothing_is_reserved_and_settled_like_any_other(ledger):
    assert ledger.allocate("job", Money())
    ledger.reserve(an_attempt(), Money())
    ledger.settle(an_attempt(), Money(), an_answer())
    assert account(ledger) == (0, 0, 0, 0)
    assert answered_texts(ledger) == {"request": "yes"}


def test_a_lost_request_that_costs_nothing_is_recovered_once(ledger):
    ledger.allocate("job", Money())
    ledger.reserve(an_attempt(), Money())
    assert ledger.recover_work() == 1
    assert ledger.recover_work() == 0
    with pytest.raises(LedgerError, match="is not open"):
        ledger.settle(an_attempt(), Money(), an_answer())


def test_an_answer_is_stored_exactly_with_its_settlement(ledger, path):
    text = 'ünï \U0001f600 \x00 "quoted"\r\n\ttab \ue001 end '
    answer = an_answer(text)._replace(stated_cost=None, usage='{"cost": "0.00012"}')
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), Money(300))
    ledger.settle(an_attempt(), Money(123), answer, "usage reports 0 output tokens, counted 5")
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    (stored,) = map(dict, connection.execute("SELECT * FROM answer"))
    (attempt,) = map(dict, connection.execute("SELECT * FROM attempt"))
    connection.close()
    assert stored == {"attempt": "request.1"} | answer._asdict()
    assert attempt == {"id": "request.1"} | an_attempt()._asdict()
    last = entries(path)[-1]
    assert (last.kind, last.settled, last.reserved) == ("settle", Money(123), Money(-300))
    assert last.note == "usage reports 0 output tokens, counted 5"


def test_an_answer_that_cannot_be_stored_settles_nothing(ledger, path):
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), Money(300))
    unstorable = an_answer()._replace(text={"not": "a text"})
    with pytest.raises(LedgerError):
        ledger.settle(an_attempt(), Money(5), unstorable)
    assert account(ledger) == (700, 300, 0, 0)
    assert [entry.kind for entry in entries(path)] == ["aside", "reserve"]


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE entry SET settled = 0",
        "UPDATE entry SET note = 'nothing happened' WHERE seq = 1",
        "DELETE FROM entry",
        "DELETE FROM entry WHERE kind = 'hold'",
    ],
)
def test_entries_can_neither_be_changed_nor_removed(ledger, path, edit):
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), Money(300))
    ledger.hold(an_attempt(), "HTTP 500")
    before = entries(path)
    foreign = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        foreign.execute(edit)
    foreign.close()
    assert entries(path) == before


@pytest.mark.parametrize("newer", [Money(5000), Money(10)])
def test_the_newest_approval_counts_and_the_older_ones_are_kept(ledger, path, newer):
    ledger.record_approval(approval(newer, NOW - timedelta(days=1)))  # whatever its clock says
    ledger.record_approval(approval(newer, NOW - timedelta(days=1)))  # each run tells it again
    with pytest.raises(NotApproved, match=r"a later approval .*a tester"):
        ledger.record_approval(approval(CAP))
    assert ledger.balance.cap == newer
    assert not ledger.allocate("job", newer + Money(1))
    assert ledger.allocate("job", newer)
    with read_ledger(FileLocation(path)) as reader:
        kept = [given.cap for given in reader.approvals()]
        assert reader.balance().cap == newer
    assert kept == [CAP, newer]


def test_a_cap_lowered_below_what_is_spent_allows_nothing_more(ledger):
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), CAP)
    ledger.settle(an_attempt(), CAP, an_answer())
    ledger.record_approval(approval(Money(400), NOW + timedelta(days=1)))
    assert ledger.balance.free == Money(-600)
    assert not ledger.allocate("other", Money(1))


@pytest.mark.parametrize("cap", ["9000000", "10000000"])
def test_however_high_the_cap_is_the_ledger_keeps_it_or_says_why_not(path, cap):
    with open_ledger(FileLocation(path)) as ledger:
        try:
            ledger.record_approval(approval(Money.from_usd(cap)))
        except LedgerError:
            assert ledger.balance.cap == Money()
        else:
            assert ledger.balance.cap == Money.from_usd(cap)


def test_what_was_billed_above_our_bound_is_remembered_for_each_model(ledger):
    for number, prompt in enumerate((9, 15, 13), start=1):
        attempt = an_attempt(number=number)._replace(model="a")  # its bound is 12
        ledger.allocate("job", Money(10))
        ledger.reserve(attempt, Money(10))
        answer = an_answer()._replace(input=prompt - 3, cache_read=2, cache_write=1)
        ledger.settle(attempt, Money(10), answer)
    below = an_attempt(number=4)._replace(model="b")
    ledger.allocate("job", Money(10))
    ledger.reserve(below, Money(10))
    ledger.settle(below, Money(10), an_answer()._replace(input=1, cache_read=0, cache_write=0))
    assert ledger.bound_excess() == {"a": 3, "b": 0}


def test_a_reader_sees_the_same_balance_while_the_ledger_is_open(ledger, path):
    ledger.allocate("job", Money(700))
    ledger.reserve(an_attempt(), Money(300))
    with read_ledger(FileLocation(path)) as reader:
        assert reader.balance() == ledger.balance
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._database.execute("INSERT INTO entry (settled) VALUES (-1)")


def test_the_answers_can_be_read_by_nobody_else(ledger, path):
    ledger.allocate("job", CAP)
    for file in (path, path.with_name(path.name + "-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_ledger_that_another_process_has_open_is_busy_until_that_one_is_gone(path):
    with another_process(path, RESERVES) as child:
        assert child.stdout.readline() == "reserved\n"
        with pytest.raises(LedgerBusy, match=f"another process.*afcost status {path.parent}"):
            open_ledger(FileLocation(path)).__enter__()
        assert [entry.kind for entry in entries(path)] == ["aside", "reserve"]
        child.kill()
        child.wait()
        with open_ledger(FileLocation(path)) as ledger:
            assert account(ledger) == (400, 300, 0, 0)


def test_what_was_being_sent_when_the_process_was_killed_is_held(path):
    with another_process(path, RESERVES) as child:
        assert child.stdout.readline() == "reserved\n"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with open_ledger(FileLocation(path)) as ledger:
        assert ledger.recover_work() == 1
        assert account(ledger) == (0, 0, 0, 300)
        assert last_attempt_numbers(ledger) == {"request": 1}
        with pytest.raises(LedgerError, match="is not open"):
            ledger.settle(an_attempt(), Money(5), an_answer())


@pytest.mark.parametrize("after", [1, 7, 40])
def test_whenever_the_process_is_killed_all_that_it_sent_is_settled_or_held(path, after):
    with another_process(path, SENDS_FOR_EVER) as child:
        sent = [child.stdout.readline().strip() for _ in range(after)]
        os.kill(child.pid, signal.SIGKILL)
        sent += [line.strip() for line in child.stdout if line.endswith("\n")]
    with open_ledger(FileLocation(path)) as ledger:
        ledger.recover_work()
        aside, reserved, settled, held = account(ledger)
        answers = answered_texts(ledger)
    ends = {entry.attempt for entry in entries(path) if entry.kind in {"settle", "hold"}}
    assert set(sent) <= ends
    assert (aside, reserved) == (0, 0)
    assert settled + held >= 200 * len(sent)
    assert bool(answers) == (settled > 0)


def test_a_full_disk_is_told_and_what_it_did_not_take_is_not_counted(ledger, path):
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), Money(300))
    pages = ledger.store._db.execute("PRAGMA page_count").fetchone()[0]
    ledger.store._db.execute(f"PRAGMA max_page_count = {pages}")
    huge = an_answer("x" * 100_000)
    with pytest.raises(LedgerError, match="could not be written: database or disk is full"):
        ledger.settle(an_attempt(), Money(5), huge)
    assert account(ledger) == (700, 300, 0, 0)
    assert Ledger(SqliteStore(ledger.store._db, "again"), ledger.witness).balance == ledger.balance
    assert [entry.kind for entry in entries(path)] == ["aside", "reserve"]


def a_ledger(path):
    with open_ledger(FileLocation(path)) as ledger:
        ledger.record_approval(approval(CAP))
        ledger.allocate("job", CAP)
        for number in range(1, 40):
            ledger.reserve(an_attempt(number=number), Money(1))
            ledger.settle(an_attempt(number=number), Money(1), an_answer("yes " * 500))


def overwrite(path, at, junk):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(junk)


def page_of(path, text):
    return path.read_bytes().index(text) // 4096 * 4096


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"this is no ledger\n" * 400),
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: os.truncate(path, 50),
        lambda path: overwrite(path, 4096, b"\xff" * 4096),
        lambda path: overwrite(path, page_of(path, b"yes yes"), b"\xff" * 4096),
        lambda path: overwrite(path, page_of(path, b"yes yes") + 8, b"\x0f\xf0"),
    ],
    ids=["text", "half", "stump", "second page", "answers", "two bytes"],
)
def test_a_damaged_ledger_is_refused_and_left_as_it_is(path, damage):
    a_ledger(path)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"ledger .*ledger\.sqlite.*nothing was sent"):
        open_ledger(FileLocation(path)).__enter__()
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_ledger_of_another_version_is_refused_and_left_as_it_is(path, mode):
    a_ledger(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA user_version = 8")
    other.execute(f"PRAGMA journal_mode = {mode}")
    other.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="has version 8; this afcost supports 5"):
        open_ledger(FileLocation(path)).__enter__()
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(LedgerError, match="cannot lock"):
        open_ledger(FileLocation(tmp_path / "file" / "ledger.sqlite")).__enter__()
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_ledger_that_is_a_folder_is_refused(path):
    path.mkdir()
    with pytest.raises(LedgerError, match="cannot open"):
        open_ledger(FileLocation(path)).__enter__()
    assert list(path.iterdir()) == []


def test_a_refused_ledger_is_not_left_locked(path):
    path.write_bytes(b"this is no ledger\n" * 400)
    for _ in range(2):
        with pytest.raises(LedgerError, match="cannot open") as refusal:
            open_ledger(FileLocation(path)).__enter__()
        assert not isinstance(refusal.value, LedgerBusy)
    path.unlink()
    with open_ledger(FileLocation(path)) as ledger:
        assert account(ledger) == (0, 0, 0, 0)


def test_reading_makes_no_ledger(path):
    with pytest.raises(LedgerError, match="cannot read"), read_ledger(FileLocation(path)):
        pass
    assert not path.exists()


@pytest.mark.parametrize("held_before", [False, True], ids=["reserved", "held"])
def test_an_answer_that_may_be_billed_is_stored_and_its_money_held_until_it_is_resolved(
    ledger, held_before
):
    """A filter's refusal is an answer, whether or not it was billed."""
    ledger.allocate("job", CAP)
    ledger.reserve(an_attempt(), Money(300))
    if held_before:
        ledger.hold(an_attempt(), "the process ended")
    filtered = an_answer("")._replace(finish="content_filter", refusal="no")
    ledger.settle(an_attempt(), Money(), filtered, was_spooled=held_before, is_held=True)
    assert account(ledger) == (700, 0, 0, 300)
    assert answered_completions(ledger)["request"].refusal == "no"
    assert ledger.held_attempts() == {an_attempt().id: (an_attempt().model, Money(300))}
    ledger.resolve(an_attempt().id, Money(20), "the provider's list of calls")
    assert account(ledger) == (700, 0, 20, 0)
    assert ledger.held_attempts() == {}
    with pytest.raises(LedgerError, match="nothing is held"):
        ledger.resolve(an_attempt().id, Money(20), "again")
