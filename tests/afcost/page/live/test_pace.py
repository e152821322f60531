"""A page takes no more than its share, and is renewed as often as that allows."""

from __future__ import annotations

import pytest

from afcost.page.live.pace import LONGEST, SHARE, SHORTEST, Pace


def watch(run_seconds, *, for_seconds=100.0):
    """Return the pace of a page whose run took so much while it was watched."""
    pace = Pace()
    pace.earn(5.0, 0.0)
    pace.earn(5.0 + run_seconds, for_seconds)
    return pace


def test_a_page_within_its_share_is_renewed_every_two_seconds():
    pace = watch(100.0)
    pace.take(100.0 * SHARE / 2)
    assert pace.wait_seconds(is_running=True) == SHORTEST


def test_a_page_above_its_share_waits_until_that_is_earned_but_not_for_ever():
    pace = watch(100.0)
    pace.take(100.0 * SHARE * 1.05)
    assert pace.wait_seconds(is_running=True) == pytest.approx(5.0)
    pace.take(1000.0)
    assert pace.wait_seconds(is_running=True) == LONGEST


def test_a_run_of_which_nothing_is_known_yet_is_looked_at_now_and_then():
    pace = Pace()
    pace.earn(0.0, 0.0)
    assert pace.wait_seconds(is_running=True) == SHORTEST
    pace.take(0.01)
    assert pace.wait_seconds(is_running=True) == LONGEST


def test_a_chart_waits_for_its_share_unless_much_of_the_run_has_passed():
    pace = Pace()
    pace.note_picture(0.1)
    assert not pace.may_draw(60.0, is_longer=False)
    assert pace.may_draw(60.0, is_longer=True)
    assert not pace.may_draw(SHORTEST / 2, is_longer=True)
    assert watch(10.0).may_draw(60.0, is_longer=False)


def test_processes_that_end_take_nothing_back():
    pace = watch(10.0)
    pace.earn(1.0, 110.0)
    pace.earn(2.0, 120.0)
    assert pace.earned == pytest.approx(SHARE * 11.0)
