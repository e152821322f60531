"""Random campaigns of faults, crashes, concurrency and caps: not one promise is broken.

    pytest -m campaigns tests/faults/test_random_campaigns.py   # twenty-five, as CI does
    pytest -m faults tests/faults/test_random_campaigns.py      # a thousand, in ten minutes or so

A campaign is drawn from its number alone; what one broke is reproduced by that number.
"""

import pytest

from tests.faults.random_campaigns import check_campaign, random_campaign

FEW, CI, ALL = 6, 25, 1000


def check(seed, place):
    check_campaign(random_campaign(seed), place)


@pytest.mark.parametrize("seed", range(FEW))
def test_no_breach_no_lost_answer_and_none_paid_twice(seed, place):
    check(seed, place)


@pytest.mark.campaigns
@pytest.mark.parametrize("seed", range(FEW, CI))
def test_the_same_twenty_five_times(seed, place):
    check(seed, place)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(CI, ALL))
def test_the_same_a_thousand_times(seed, place):
    check(seed, place)
