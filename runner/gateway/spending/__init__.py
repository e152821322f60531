"""The money of calls: what one may cost is reserved before it is sent, and settled after.

Reading order: `spender` (what all of it is for), `call_costs` (the most that a call can cost),
`call_budget` (allocated and reserved at once), `part_caps` (caps beside the program's),
`spent_caps` (refused before a start), `sample_money` (of calls that are of use only together),
`sample_needs` (how much that is), `refused`, `call_tally`, `call_size`.
"""

from runner.gateway.spending.call_costs import CallCosts
from runner.gateway.spending.call_tally import CallTally
from runner.gateway.spending.part_caps import PartCap, PartCaps
from runner.gateway.spending.refused import Refused, Why
from runner.gateway.spending.sample_money import SampleMoney
from runner.gateway.spending.spender import RAISE_CAP, Spender
from runner.gateway.spending.spent_caps import refuse_spent_caps

__all__ = [
    "RAISE_CAP",
    "CallCosts",
    "CallTally",
    "PartCap",
    "PartCaps",
    "Refused",
    "SampleMoney",
    "Spender",
    "Why",
    "refuse_spent_caps",
]
