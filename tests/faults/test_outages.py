"""An outage of one model: few holds, the run goes on by itself, and the other model all the while.

pytest -m campaigns tests/faults/test_outages.py   # some, and a few in real time
pytest -m faults tests/faults/test_outages.py      # all of them, in half an hour or so
"""

from dataclasses import replace

import pytest

from pricing.money import Money
from tests.faults.campaign import Outcome
from tests.faults.launcher import Ended
from tests.faults.outages import (
    EVERY,
    FORMS,
    OutageCampaign,
    OutageOutcome,
    find_flaws,
    find_spacing,
    perform_outage,
)

FEW = [OutageCampaign("503", seconds=5, concurrency=10)]
CI = [
    *(OutageCampaign(*form, seconds=5, concurrency=10) for form in FORMS[1:]),
    OutageCampaign("503", seconds=60, concurrency=1),
    OutageCampaign("529", "retry-after", seconds=20, concurrency=200),
    OutageCampaign("503", seconds=20, concurrency=50, ends="cap"),
    OutageCampaign("429", seconds=20, concurrency=1, from_start=True),
    OutageCampaign("503", seconds=5, concurrency=10, from_start=True),
    OutageCampaign("503", seconds=20, concurrency=10, judge=True),
]
REAL = [
    OutageCampaign("503", seconds=5, concurrency=10, real=True),
    OutageCampaign("429", "retry-after", seconds=5, concurrency=50, real=True),
    OutageCampaign("refused", seconds=5, concurrency=1, real=True),
]
FROM_START = [replace(campaign, from_start=True) for campaign in EVERY]
JUDGES = [replace(campaign, judge=True) for campaign in EVERY if campaign.kind != "refused"]
ALL = [campaign for campaign in (*EVERY, *FROM_START, *JUDGES) if campaign not in (*FEW, *CI)]


def named(campaigns):
    return pytest.mark.parametrize("campaign", [pytest.param(c, id=c.name) for c in campaigns])


def check(campaign, place):
    found = perform_outage(campaign, place)
    assert found.flaws == ()
    assert found.asked > 0, "no call fell into the outage"


@named(FEW)
def test_an_outage(campaign, place):
    check(campaign, place)


@pytest.mark.campaigns
@named([*CI, *REAL])
def test_outages_of_each_form(campaign, place):
    check(campaign, place)


@pytest.mark.faults
@named(ALL)
def test_every_outage(campaign, place):
    check(campaign, place)


def outcome_of(**changes):
    base = Outcome(
        cap=Money(1000),
        bill=Money(900),
        allowed=Money(),
        settled=Money(900),
        held=Money(90),
        runs=(Ended("cap"),),
        busiest=10,
        calls=100,
        answers=90,
        holds=20,
        released=(),
        subjects=frozenset(),
        flaws=(),
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("flaw", "changes", "in_outcome"),
    [
        ("HOLDS", {}, {"holds": 21}),
        ("END", {}, {"runs": (Ended("failed"), Ended("cap"))}),
        ("UNSPENT", {"spent": 0.96}, {}),
        ("HAMMERED", {"spacing": 0.5}, {}),
        ("SLOWED", {"pace": 0.5}, {}),
    ],
)
def test_what_does_not_hold_is_found(flaw, changes, in_outcome):
    campaign = OutageCampaign("503", concurrency=10, ends="cap")
    holds = OutageOutcome(outcome_of(), asked=20, spacing=1.0, pace=1.0, spent=0.98, flaws=())
    assert find_flaws(campaign, holds) == []
    broken = replace(holds, outcome=outcome_of(**in_outcome), **changes)
    assert [each.split(":")[0] for each in find_flaws(campaign, broken)] == [flaw]


def test_calls_that_were_in_flight_together_are_not_compared():
    assert find_spacing([0.0, 0.1, 0.2, 1.2, 3.2], in_flight=3) == 1.0
    assert find_spacing([3.25, 0.0, 0.5], in_flight=1) == 0.5
    assert find_spacing([0.0, 0.1, 2.0, 2.5], in_flight=200) == 0.5
    assert find_spacing([0.0, 0.1], in_flight=2) == float("inf")
    assert find_spacing([0.0, 2.0, 2.0, 2.1, 4.1], in_flight=2, known=3) == pytest.approx(2.0)
    assert find_spacing([0.0, 2.0, 2.0, 2.1, 2.2, 4.1], in_flight=2, known=3) < 0.2
    assert find_spacing([], in_flight=1) == float("inf")
    late = [0.0, 0.1, 2.0, 2.1, 4.0, 4.1, 6.1]  # an answer came between the second and the third
    assert find_spacing(late, in_flight=2, known=3, answered=0.2) == pytest.approx(2.0)
    assert find_spacing(late, in_flight=2, known=3) < 0.2
