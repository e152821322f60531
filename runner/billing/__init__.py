"""What a request may cost at most, and what it did cost."""

from runner.billing.booked_tokens import BillReader, BookedTokens
from runner.billing.served_as import applicable_card
from runner.billing.settlement import Settlement, compute_settlement
from runner.billing.shared_bill import BilledAnswer, split_bill
from runner.billing.worst_case import WorstCaseCost, find_excess

__all__ = [
    "BillReader",
    "BilledAnswer",
    "BookedTokens",
    "Settlement",
    "WorstCaseCost",
    "applicable_card",
    "compute_settlement",
    "find_excess",
    "split_bill",
]
