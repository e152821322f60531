"""Random campaigns through the gateway: faults, streams, hang-ups and kills, drawn from a seed."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import get_args

from tests.faults.gateway.campaign import (
    GatewayCampaign,
    GatewayKill,
    GatewayOutcome,
    perform,
)
from tests.support.provider.behaviour import Behaviour, Fault, FaultKind
from tests.support.provider.server import ProviderHandle

LATE = ("slow", "stall")
LEFT_OUT = (
    "over_max",  # may cost more than the cap, as the table says
    "halved_usage",  # the same
    "fewer_choices",  # needs calls that ask for several answers
    "quota",  # stops all calls at once
    "402",
)
KINDS = tuple(kind for kind in get_args(FaultKind) if kind not in LEFT_OUT)


def random_gateway_campaign(seed: int) -> GatewayCampaign:
    """Draw a campaign: small, so that many of them take minutes."""
    dice = Random(seed)
    paid = dice.randint(4, 60)
    kinds = dice.sample(KINDS, dice.randint(0, 4))
    longest = dice.choice([24, 24, 60])
    return GatewayCampaign(
        Behaviour(
            output_tokens=dice.choice([(1, longest), longest]),
            reasoning_tokens=dice.choice([0, 0, 5]),
            hides_reasoning=dice.random() < 0.5,
            faults=tuple(_draw_fault(dice, kind) for kind in kinds),
            delay=dice.choice([0.0, 0.005, 0.03]),
            event_delay=dice.choice([0.0, 0.0, 0.005]),
            seed=seed,
        ),
        threads=dice.choice([1, 2, 5, 10, 20, 50]),
        calls=dice.choice([paid, 3 * paid]),
        paid=paid,
        streams=dice.choice([0.0, 0.5, 1.0]),
        leaves=dice.choice([0.0, 0.1, 0.5]),
        most=longest,
        timeout=0.5 if any(kind in LATE for kind in kinds) else 30.0,
        kills=tuple(_draw_kill(dice, paid) for _ in range(dice.choice([0, 1, 1, 2, 3]))),
        seed=seed,
    )


def _draw_fault(dice: Random, kind: FaultKind) -> Fault:
    chances = [0.02, 0.05] if kind in LATE else [0.02, 0.1, 0.3]
    if kind == "refused":
        chances = [0.02, 0.1]
    seconds = 1.5 if kind == "slow" else 0.03
    return Fault(kind, probability=dice.choice(chances), retry_after=0.01, seconds=seconds)


def _draw_kill(dice: Random, paid: int) -> GatewayKill:
    """Kill anywhere: before the first call, in the midst, or when nearly all is spent."""
    what = dice.choice(["gateway", "gateway", "program", "both"])
    return GatewayKill(what, dice.randint(0, paid), dice.choice([0, dice.uniform(0, 0.05)]))


def check_random(seed: int, folder: Path, server: ProviderHandle) -> GatewayOutcome:
    """Perform a campaign: no promise is broken, and the bill is within the cap."""
    campaign = random_gateway_campaign(seed)
    outcome = perform(campaign, folder, server)
    assert outcome.flaws == (), (outcome, campaign)
    assert outcome.of_cap <= 1
    return outcome
