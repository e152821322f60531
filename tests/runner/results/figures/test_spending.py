"""Spending over time: every moment is a true sum, and nothing is lost between two of them."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.money import Money
from runner.ledger import PostgresLocation, open_ledger, read_ledger
from runner.ledger.location import FileLocation
from runner.ledger.reading import LedgerReader
from runner.ledger.schema import CREATE_TABLES
from runner.results.figures import MAX_MOMENTS, PAUSE, read_spending
from tests.runner.sample_experiment import an_answer, an_attempt, approval

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = 3600.0
NO_MONEY = (0, 0, 0, 0)
# Seconds after the entry before, and what it moves: aside, reserved, settled, held.
ENTRIES = st.lists(
    st.tuples(
        st.one_of(st.floats(0, 20), st.floats(PAUSE + 1, 9 * HOUR)),
        st.tuples(*[st.integers(-5, 50)] * 4),
    ),
    min_size=1,
    max_size=80,
)


def reader_of(entries):
    """Return a reader of a ledger in memory with these entries."""
    database = sqlite3.connect(":memory:")
    database.executescript(CREATE_TABLES)
    times = accumulate(seconds for seconds, _ in entries)
    for seq, (at, (_, moves)) in enumerate(zip(times, entries, strict=True), start=1):
        moment = (START + timedelta(seconds=at)).isoformat()
        row = (seq, moment, "settle", "", "", "", *moves, "", "")
        database.execute(f"INSERT INTO entry VALUES ({', '.join('?' * len(row))})", row)
    return LedgerReader(database)


def add_up(entries):
    """Return how settled, held and reserved stood after each entry, in pico-dollars."""
    moves = ((m[2], m[3], m[0] + m[1]) for _, m in entries)
    return list(accumulate(moves, lambda a, b: tuple(x + y for x, y in zip(a, b, strict=True))))


def amounts_of(moment):
    return tuple(each.pico for each in (moment.settled, moment.held, moment.reserved))


@given(ENTRIES, st.integers(50, 60))
@settings(deadline=None)
def test_each_moment_is_the_sum_of_all_entries_until_then(entries, most):
    spending = read_spending(reader_of(entries), most)
    sums = add_up(entries)
    assert len(spending.moments) <= most
    assert amounts_of(spending.moments[0]) == sums[0]
    assert amounts_of(spending.moments[-1]) == sums[-1]
    found = iter(sums)
    assert all(amounts_of(each) in found for each in spending.moments)  # in their order


@given(ENTRIES)
@settings(deadline=None)
def test_time_goes_on_and_pauses_are_all_that_is_cut_out_of_it(entries):
    spending = read_spending(reader_of(entries))
    gaps = [seconds for seconds, _ in entries[1:]]
    longest = sorted((each for each in gaps if each > PAUSE), reverse=True)[:20]
    assert sorted((each.seconds for each in spending.pauses), reverse=True) == pytest.approx(
        longest
    )
    for before, after in pairwise(spending.moments):
        assert after.seconds >= before.seconds
        assert after.running_seconds >= before.running_seconds
    last = spending.moments[-1]
    assert last.seconds == pytest.approx(sum(gaps), abs=1e-3)
    assert last.seconds - last.running_seconds == pytest.approx(sum(longest), abs=1e-3)


def test_a_long_run_has_as_many_moments_as_are_asked_for_and_spread_over_its_time():
    entries = [(0.0, NO_MONEY)] * 5_000 + [(1.0, (0, 0, 1, 0))] * 3_000  # many at the beginning
    spending = read_spending(reader_of(entries))
    assert MAX_MOMENTS - 5 <= len(spending.moments) <= MAX_MOMENTS
    steps = [after.seconds - before.seconds for before, after in pairwise(spending.moments)]
    assert max(steps) < 3 * 3_000 / MAX_MOMENTS
    assert not spending.pauses


def test_executions_hours_apart_stand_beside_each_other():
    step, wait = (2.0, (0, 0, 7, 0)), (3 * HOUR, (0, 0, 7, 0))
    spending = read_spending(reader_of([*[step] * 30, wait, *[step] * 30, wait, *[step] * 30]))
    assert [each.seconds for each in spending.pauses] == [3 * HOUR] * 2
    assert [each.running_seconds for each in spending.pauses] == [58.0, 118.0]
    assert spending.moments[-1].running_seconds == pytest.approx(178.0)
    before, after = (
        [each for each in spending.moments if each.running_seconds == at][:2]
        for at in (58.0, 118.0)
    )
    assert [each.settled.pico for each in (*before, *after)] == [210, 217, 427, 434]


def test_a_clock_that_goes_back_moves_no_moment_back():
    entries = [(0.0, NO_MONEY), (50.0, (0, 0, 1, 0)), (-30.0, (0, 0, 1, 0)), (5.0, (0, 0, 1, 0))]
    moments = read_spending(reader_of(entries)).moments
    assert [each.seconds for each in moments] == [0.0, 50.0, 50.0]
    assert [each.settled.pico for each in moments] == [0, 1, 3]


def test_of_a_ledger_without_an_entry_there_is_none():
    assert read_spending(reader_of([])) is None


@pytest.mark.parametrize("kind", ["file", "postgres"])
def test_it_ends_with_the_balance_in_a_file_as_in_postgresql(kind, tmp_path, request):
    if kind == "file":
        location = FileLocation(tmp_path / "ledger.sqlite")
    else:
        location = PostgresLocation(request.getfixturevalue("postgres").database(), "a study")
    first, second, third = (an_attempt(number=number) for number in (1, 2, 3))
    with open_ledger(location) as ledger:
        ledger.record_approval(approval(Money(1000)))
        ledger.allocate("job", Money(600))
        for attempt in (first, second, third):
            ledger.reserve(attempt, Money(100))
        ledger.settle(first, Money(70), an_answer())
        ledger.hold(second, "HTTP 500")
    with read_ledger(location) as reader:
        spending, balance = read_spending(reader), reader.balance()
    last = spending.moments[-1]
    assert (last.settled, last.held) == (balance.settled, balance.held)
    assert last.reserved == balance.reserved + balance.aside
    for each in spending.moments:
        assert (each.settled + each.held + each.reserved).pico <= 1000
