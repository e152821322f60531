"""Booked tokens: what an answer's tokens are by the money that was settled for it.

The reverse of a settlement. A provider that understates its usage is billed by what is believed of
it (`believed_usage`); what is kept of the answer are the tokens as it stated them. The money says
how many were booked: never fewer than are stated, and no more than it pays for at the full price of
the prompt, so a discount of a cache is not taken for output.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple, Protocol

from pricing.money import PICO_PER_USD
from pricing.rates import RateCard

_PICO_PER_TOKEN = PICO_PER_USD // 1_000_000  # at a price of 1 USD per million tokens
_ROUNDING = 1e-6  # of a token, as prices are floats here
_MOST_TOKENS = 2**40  # however little one costs


class Bill(Protocol):
    """What an answer was billed."""

    @property
    def prompt(self) -> int:
        """Its prompt tokens as stated; 0 of a vote whose prompt was billed with another."""
        ...

    @property
    def written(self) -> int:
        """Of these, the ones written to a cache."""
        ...

    @property
    def output(self) -> int:
        """Its output tokens as stated."""
        ...

    @property
    def counted(self) -> int:
        """The tokens of its prompt by our own count."""
        ...

    @property
    def settled(self) -> int:
        """What was booked for it, in pico-dollars."""
        ...


class BookedTokens(NamedTuple):
    """The tokens of an answer, as booked."""

    prompt: int
    output: int


class _Prices(NamedTuple):
    """What a token costs in pico-dollars: of a prompt, written to a cache above that, of output."""

    input: float
    written: float
    output: float


class BillReader:
    """Reads the booked tokens of a model's answers from what was settled for them.

    Args:
        card: of the model, with no lower prices than they were settled at.
    """

    def __init__(self, card: RateCard) -> None:
        self._card = card
        self._fee = float(card.per_request) * PICO_PER_USD
        rates = (card.input, card.output, card.cache_write, card.cache_write_1h)
        self._steps = sorted(set().union(*(rate.thresholds for rate in rates if rate)))
        self._prices = [self._price_at(length) for length in (0, *(s + 1 for s in self._steps))]

    def read(self, bill: Bill) -> BookedTokens:
        """Return the tokens of an answer: what is left of its money is prompt first, then output.

        Of the prompt it is no more than we counted.
        """
        prompt, output = bill.prompt, bill.output
        price = self._prices[bisect_left(self._steps, max(prompt, bill.counted))]
        left = bill.settled - output * price.output
        if prompt:
            left -= self._fee + prompt * price.input + bill.written * price.written
        if left <= 0:
            return BookedTokens(prompt, output)
        more = min(max(bill.counted - prompt, 0), _divide(left, price.input)) if prompt else 0
        left -= more * price.input
        return BookedTokens(prompt + more, output + _divide(left, price.output))

    def _price_at(self, prompt: int) -> _Prices:
        def price(*classes: str) -> float:
            rates = (self._card.rate_of_class(name) for name in classes)
            return float(max(rate.price_at(prompt) for rate in rates) * _PICO_PER_TOKEN)

        whole = price("input")
        written = price("input", "cache_write", "cache_write_1h")
        return _Prices(whole, written - whole, price("output"))


def _divide(amount: float, price: float) -> int:
    """Return how many tokens an amount pays for; none where they are free."""
    return int(min(max(amount / price + _ROUNDING, 0), _MOST_TOKENS)) if price else 0
