"""What a request may cost at most, and what it did cost."""

from runner.billing.served_as import applicable_card
from runner.billing.settlement import Settlement, compute_settlement
from runner.billing.worst_case import WorstCaseCost

__all__ = [
    "Settlement",
    "WorstCaseCost",
    "applicable_card",
    "compute_settlement",
]
