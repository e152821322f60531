"""A page takes no more than its share, and is renewed as often as that allows."""

from __future__ import annotations

from afcost.page.live.pace import LONGEST, SHARE, SHORTEST, Pace


def test_a_page_within_its_share_is_renewed_every_two_seconds():
    pace = Pace()
    pace.earn(100.0)
    pace.take(100.0 * SHARE / 2)
    assert pace.wait_seconds(is_running=True) == SHORTEST


def test_a_page_above_its_share_waits_longer_but_not_for_ever():
    pace = Pace()
    pace.earn(10.0)
    pace.take(10.0 * SHARE * 3)
    assert SHORTEST < pace.wait_seconds(is_running=True) <= LONGEST
    pace.take(1000.0)
    assert pace.wait_seconds(is_running=True) == LONGEST


def test_a_chart_waits_for_its_share_unless_much_of_the_run_has_passed():
    pace = Pace()
    pace.note_picture(0.1)
    assert not pace.may_draw(60.0, is_longer=False)
    assert pace.may_draw(60.0, is_longer=True)
    assert not pace.may_draw(SHORTEST / 2, is_longer=True)
    pace.earn(10.0)
    assert pace.may_draw(60.0, is_longer=False)


def test_processes_that_end_take_nothing_back():
    pace = Pace()
    pace.earn(10.0)
    pace.earn(1.0)
    pace.earn(2.0)
    assert pace.earned == SHARE * 11.0
