"""Random campaigns: faults, outages, refusals, crashes, concurrency and caps, drawn from a seed."""

from __future__ import annotations

from random import Random
from typing import get_args

from tests.faults.campaign import Campaign, Kill, perform
from tests.faults.campaign_setup import Stage
from tests.faults.fault_matrix import CALLS
from tests.support.provider.behaviour import Behaviour, Fault, FaultKind
from tests.support.provider.outages import Outage

LATE = ("slow", "stall")
STOPS = ("402", "quota")  # these end a run, so they strike single calls
BROKEN_WORD = ("over_max",)  # these may cost more than the cap
LYING = ("halved_usage",)  # half of what is not shown, nobody can know
JOINT = ("fewer_choices",)  # these need requests that ask for several answers
KINDS = tuple(kind for kind in get_args(FaultKind) if kind not in JOINT)


def random_campaign(seed: int) -> Campaign:
    """Draw a campaign: small, so that a thousand of them take minutes."""
    dice = Random(seed)
    jobs = dice.randint(1, 24)
    faults = tuple(_fault(dice, kind, jobs) for kind in dice.sample(KINDS, dice.randint(0, 4)))
    longest, lies = dice.choice([24, 24, 60]), any(fault.kind in LYING for fault in faults)
    behaviour = Behaviour(
        output_tokens=dice.choice([(1, longest), (1, 4), longest]),
        reasoning_tokens=0 if lies else dice.choice([0, 0, 5]),
        hides_reasoning=dice.random() < 0.5,
        faults=faults,
        outages=tuple(_outage(dice, jobs) for _ in range(dice.choice([0, 0, 1, 2]))),
        seed=seed,
    )
    return Campaign(
        behaviour,
        concurrency=dice.choice([1, 2, 5, 10, 20, 50, 200]),
        jobs=jobs,
        queries=dice.choice([None, None, 1 + jobs // 3]),
        kills=tuple(_kill(dice, jobs) for _ in range(dice.choice([0, 1, 1, 2, 3]))),
        votes=dice.choice([0, 1, 1, 2]),
        max_tokens=longest,
        timeout=0.3 if any(fault.kind in LATE for fault in faults) else 30.0,
        delay=dice.choice([0.0, 0.002, 0.01]),
    )


def _fault(dice: Random, kind: FaultKind, jobs: int) -> Fault:
    settled = {"retry_after": 0.01, "seconds": 0.9 if kind == "slow" else 0.03}
    if kind in STOPS:
        return Fault(kind, calls=(dice.randint(1, int(CALLS * jobs)),))
    chances = [0.02, 0.05] if kind in LATE else [0.02, 0.1, 0.3, 1.0]
    if kind == "refused":
        chances = [0.02, 0.1]
    after = int(CALLS * jobs * dice.choice([0, 0, 0.5, 0.9]))
    return Fault(kind, probability=dice.choice(chances), after=after, **settled)


def _outage(dice: Random, jobs: int) -> Outage:
    """Let all be down for a moment, at any time, in the scaled time of a campaign."""
    told = dice.choice(["retry_after", "retry_after_ms", ""])
    asked = {told: 20.0 if told == "retry_after_ms" else 0.02} if told else {}
    return Outage(
        dice.choice(["503", "529", "429", "refused"]),
        seconds=dice.choice([0.02, 0.1, 0.3]),
        begins=dice.randint(1, int(CALLS * jobs)),
        **asked,
    )


def _kill(dice: Random, jobs: int) -> Kill:
    """Kill anywhere: while a run starts, in its midst, or when it is nearly done."""
    return Kill(dice.randint(0, int(CALLS * jobs * 0.7)), dice.choice([0, dice.uniform(0, 0.05)]))


def check_campaign(campaign: Campaign, place: Stage) -> None:
    """Perform a campaign: no promise is broken, nor the cap where the provider keeps its word."""
    outcome = perform(campaign, place)
    assert outcome.flaws == (), (outcome.flaws, campaign)
    if not any(fault.kind in BROKEN_WORD for fault in campaign.behaviour.faults):
        assert outcome.of_cap <= 1
