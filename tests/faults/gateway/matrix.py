"""The cells of the table: each fault, through the gateway, with and without kills."""

from __future__ import annotations

from dataclasses import replace

from tests.faults import fault_matrix
from tests.faults.fault_matrix import TIMEOUT, Row
from tests.faults.gateway.campaign import GatewayCampaign, GatewayKill
from tests.support.provider.behaviour import Behaviour, Fault

# What is not shown is said to be half: nothing here could be counted instead.
HIDDEN = Row(
    "usage says half, with hidden reasoning",
    (Fault("halved_usage", probability=1.0),),
    reasoning=6,
    lies=True,
    inflates=True,
)
ROWS = (*fault_matrix.ROWS, HIDDEN)
THREADS = (1, 10, 50)
PAID = 100
# Calls that the cap pays for, about: they are shorter than the dearest.
CALLS = 1.6 * PAID
KILLS = (GatewayKill("gateway", 60), GatewayKill("program", 40, 0.01))


def gateway_campaign(row: Row, threads: int, *, killed: bool, seed: int = 0) -> GatewayCampaign:
    """Return the campaign of a cell."""
    after = int(row.begins * CALLS)
    behaviour = Behaviour(
        output_tokens=(1, row.max_tokens),
        reasoning_tokens=row.reasoning,
        hides_reasoning=row.hides,
        faults=tuple(replace(fault, after=after) for fault in row.faults),
        delay=0.001 * (threads - 1),
        seed=seed,
    )
    return GatewayCampaign(
        behaviour,
        threads=threads,
        calls=10 * PAID,
        paid=PAID + threads,
        streams=0.5,
        leaves=0.05,
        most=row.max_tokens,
        timeout=TIMEOUT if row.late else 30.0,
        kills=KILLS if killed else (),
        seed=seed,
    )
