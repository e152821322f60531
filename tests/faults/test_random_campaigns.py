"""Random campaigns of faults, crashes, concurrency and caps: not one promise is broken.

    pytest -m campaigns tests/faults/test_random.py   # fifty, as CI does
    pytest -m faults tests/faults/test_random.py      # a thousand, in ten minutes or so

A campaign is drawn from its number alone; what one broke is reproduced by that number.
"""

import pytest

from tests.faults.campaign import perform
from tests.faults.random_campaigns import BROKEN_WORD, random_campaign

FEW, CI, ALL = 6, 50, 1000


def check(seed, place):
    campaign = random_campaign(seed)
    outcome = perform(campaign, place)
    assert outcome.flaws == (), campaign
    if not any(fault.kind in BROKEN_WORD for fault in campaign.behaviour.faults):
        assert outcome.of_cap <= 1


@pytest.mark.parametrize("seed", range(FEW))
def test_no_breach_no_lost_answer_and_none_paid_twice(seed, place):
    check(seed, place)


@pytest.mark.campaigns
@pytest.mark.parametrize("seed", range(FEW, CI))
def test_the_same_fifty_times(seed, place):
    check(seed, place)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(CI, ALL))
def test_the_same_a_thousand_times(seed, place):
    check(seed, place)
