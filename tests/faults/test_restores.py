"""Copies that are put back: no approval is spent twice, and what is refused says how to go on.

pytest -m campaigns tests/faults/test_restores.py   # nine, as CI does
pytest -m faults tests/faults/test_restores.py      # two hundred
"""

import pytest

from tests.faults.restore_campaigns import (
    UNFINDABLE_ELSEWHERE,
    amount,
    draw_restore,
    perform_restore,
)

FEW, CI, ALL = 3, 9, 200
LAST_HUNDREDTH = 1.02  # of the cap: what was spent after the newest watermark, on another machine


def check(seed, place, postgres):
    campaign = draw_restore(seed)
    restored = perform_restore(campaign, place, postgres.database)
    told = f"{campaign}: {amount(restored)}"
    assert restored.runs[-1].end in ("cap", "complete"), told
    if not campaign.elsewhere:
        assert restored.of_cap <= 1, told
    elif campaign.what not in UNFINDABLE_ELSEWHERE:
        assert restored.of_cap <= LAST_HUNDREDTH, told


@pytest.mark.parametrize("seed", range(FEW))
def test_the_cap_holds_over_a_restore(seed, place, postgres):
    check(seed, place, postgres)


@pytest.mark.campaigns
@pytest.mark.parametrize("seed", range(FEW, CI))
def test_the_cap_holds_over_nine_restores(seed, place, postgres):
    check(seed, place, postgres)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(CI, ALL))
def test_the_cap_holds_over_two_hundred_restores(seed, place, postgres):
    check(seed, place, postgres)
