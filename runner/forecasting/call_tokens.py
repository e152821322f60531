"""Call tokens: what of a billed call varies with how long its answer is, in tokens.

They are what was booked: more than is stated, where a provider understates its usage. What the
prompt of a judge has beyond one with an empty answer is the answer that it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from estimator.workload import StratumKey
from experiment.definition import SUBJECT
from experiment.scoring import FILTER
from pricing.rates import RateCard
from runner.billing import BillReader, BookedTokens
from runner.ledger import BilledCall

CountBlank = Callable[[StratumKey, int], float]  # (a judge's stratum, a query) -> tokens


class CallTokens(NamedTuple):
    """What of a call varies.

    Attributes:
        output: tokens, as booked.
        answer_input: of a judge, prompt tokens beyond its prompt with an empty answer; else 0.
    """

    output: int
    answer_input: float


class CallReader:
    """Reads how long the answers of a run's billed calls are.

    Args:
        cards: model as written -> no less than what its answers were settled at; the calls of
            others are taken as stated.
        count_blank: returns how many tokens a judge's prompt about a query has with an empty
            answer.
    """

    def __init__(self, cards: Mapping[str, RateCard], count_blank: CountBlank) -> None:
        self._bills = {name: BillReader(card) for name, card in cards.items()}
        self._count_blank = count_blank

    def read(self, call: BilledCall) -> CallTokens | None:
        """Return what of a call varies; None where it says nothing of how long an answer is.

        That is one that a filter refused, and one for which no output was booked.
        """
        booked = self._find_booked(call)
        if booked.output <= 0 or call.finish == FILTER:
            return None
        if call.stage == SUBJECT or booked.prompt <= 0:  # of a vote that shares a prompt
            return CallTokens(booked.output, 0.0)
        key = StratumKey(call.stage, call.model, call.condition)
        blank = self._count_blank(key, call.query)
        return CallTokens(booked.output, max(booked.prompt - blank, 0.0))

    def _find_booked(self, call: BilledCall) -> BookedTokens:
        bill = self._bills.get(call.model)
        return bill.read(call) if bill else BookedTokens(call.prompt, call.output)
