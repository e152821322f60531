"""Votes that one request asks for, among faults and kills: the cap holds, and none is paid twice.

pytest -m campaigns tests/faults/test_joint_votes.py   # eight, as CI does
pytest -m faults tests/faults/test_joint_votes.py      # three hundred
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.faults.campaign import Campaign
from tests.faults.random_campaigns import check_campaign, random_campaign
from tests.support.provider.behaviour import Fault

FEW, CI, ALL = 3, 8, 300


def joint_campaign(seed: int) -> Campaign:
    """Draw a campaign with several votes in a request, of which some may not come.

    In some of them judges wait for others, whose votes come together.
    """
    dice, campaign = Random(f"joint {seed}"), random_campaign(seed)
    fewer = Fault("fewer_choices", probability=dice.choice([0.0, 0.2, 1.0]))
    behaviour = replace(campaign.behaviour, faults=(*campaign.behaviour.faults, fewer))
    votes, selecting = dice.choice([2, 3, 5]), dice.random() < 1 / 3
    return replace(campaign, behaviour=behaviour, votes=votes, selecting=selecting, joint=True)


def check(seed, place):
    check_campaign(joint_campaign(seed), place)


@pytest.mark.parametrize("seed", range(FEW))
def test_no_breach_no_lost_answer_and_none_paid_twice(seed, place):
    check(seed, place)


@pytest.mark.campaigns
@pytest.mark.parametrize("seed", range(FEW, CI))
def test_the_same_many_times(seed, place):
    check(seed, place)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(CI, ALL))
def test_the_same_hundreds_of_times(seed, place):
    check(seed, place)
