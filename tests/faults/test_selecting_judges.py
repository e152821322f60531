"""Judges that wait for others and judges that draw, killed anywhere: all is judged, once.

pytest -m campaigns tests/faults/test_selecting_judges.py   # eight, as CI does
pytest -m faults tests/faults/test_selecting_judges.py      # three hundred
"""

from dataclasses import replace
from random import Random

import pytest

from runner.execution.scheduler import StopReason
from tests.faults.campaign import Campaign, Kill, perform
from tests.faults.random_campaigns import check_campaign, random_campaign
from tests.support.provider.behaviour import Behaviour

CALLS = 6  # of a job with these judges, or so
FEW, CI, ALL = 3, 8, 300


def killed_anywhere(seed):
    """Draw a campaign whose cap pays for everything, and whose runs are only killed."""
    dice = Random(seed)
    queries, votes = dice.randint(1, 3), dice.choice([1, 1, 2, 3])
    calls = 4 * queries * (CALLS + 2 * votes - 2)
    return Campaign(
        Behaviour(output_tokens=dice.choice([(1, 24), (1, 8)]), seed=seed),
        concurrency=dice.choice([1, 4, 10, 50]),
        jobs=4 * queries + 60,  # what was in flight when a run was killed is held in full
        queries=queries,
        kills=tuple(
            Kill(dice.randint(1, max(calls // 3, 1)), dice.choice([0, dice.uniform(0, 0.03)]))
            for _ in range(dice.choice([1, 2, 3, 5]))
        ),
        votes=votes,
        delay=dice.choice([0.0, 0.002, 0.01]),
        selecting=True,
    )


def check_killed(seed, place):
    campaign = killed_anywhere(seed)
    outcome = perform(campaign, place)
    assert outcome.flaws == (), campaign
    assert outcome.end == StopReason.COMPLETE  # so that the audit looks for answers unjudged
    assert outcome.of_cap <= 1


@pytest.mark.parametrize("seed", range(FEW))
def test_what_is_killed_is_judged_by_all_that_read_it_and_paid_once(seed, place):
    check_killed(seed, place)


@pytest.mark.campaigns
@pytest.mark.parametrize("seed", range(FEW, CI))
def test_the_same_many_times(seed, place):
    check_killed(seed, place)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(CI, ALL))
def test_the_same_hundreds_of_times(seed, place):
    check_killed(seed, place)


@pytest.mark.campaigns
@pytest.mark.parametrize("seed", range(CI))
def test_faults_and_caps_of_all_kinds_break_no_promise_either(seed, place):
    campaign = replace(random_campaign(seed), selecting=True)
    check_campaign(replace(campaign, votes=max(campaign.votes, 1)), place)
