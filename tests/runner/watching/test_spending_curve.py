"""A spending curve keeps few points, and the last one is always exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runner.ledger import Change
from runner.watching.spending_curve import SpendingCurve

BEGAN = datetime(2026, 11, 27, 12, tzinfo=UTC)
MOVES = st.tuples(st.floats(0, 1e6), st.integers(0, 10**12), st.integers(-(10**12), 10**12))


def change(seconds, settled, held):
    at = (BEGAN + timedelta(seconds=seconds)).isoformat()
    none = ("", "", 0, "", "", "", 0, 0, 0, "")
    return Change(1, at, "settle", 0, 0, settled, held, "", *none)


@given(st.lists(MOVES, min_size=1, max_size=400))
def test_few_points_in_order_and_the_last_is_exact(moves):
    curve = SpendingCurve()
    for seconds, settled, held in sorted(moves, key=lambda each: each[0]):
        curve.add(change(seconds, settled, held))
    points = curve.list_points()
    assert len(points) <= 240
    assert [each.seconds for each in points] == sorted(each.seconds for each in points)
    if points:
        assert points[-1].settled.pico == sum(settled for _, settled, _ in moves)
        assert points[-1].held.pico == sum(held for _, _, held in moves)
