"""Slow start: how many requests of a model may be in flight, by the answers billed as reserved.

A model begins with one request in flight, and each answer that was billed as expected admits three
more, up to the concurrency: after n of them at most 1 + 3n are in flight. A provider that breaks
its own `max_tokens` or the pinned price is thus caught when few of its requests are under way, and
one that was down is not met by all requests at once. Each of them is reserved at its worst case, so
beyond the reservations a breach costs at most what 1 + 3n bills exceed theirs by.

Trust from earlier runs (`runner.state.trust`) lets a model begin higher, by what one hundredth of
the cap pays at the worst case of its requests, whatever these are.
"""

from __future__ import annotations

from pricing.money import Money
from runner.state import Trust

TRUSTED_PART_OF_CAP = 100  # one part in so many may be at risk by trust from earlier runs
_PER_ANSWER = 3
_NOTHING = Money()


class SlowStart:
    """The number of requests of one model that may be in flight.

    Args:
        concurrency: what it never exceeds.
        trust: what earlier runs know of its bills.
        allowance: the most that the requests with which it begins may cost together.

    Attributes:
        size: how many may be in flight.
    """

    def __init__(
        self, concurrency: int, trust: Trust | None = None, allowance: Money = _NOTHING
    ) -> None:
        self._concurrency = concurrency
        self._trust = trust or Trust()
        self._allowance = allowance
        self._trusted = self._trust.answers
        self._largest = _NOTHING  # worst case of those that wanted to be sent
        self._billed_well = 0
        self.size = 1

    def meet(self, worst_case: Money) -> None:
        """Take into account what a request may cost, before it is sent: how many begin with it."""
        if worst_case > self._largest:
            self._largest = worst_case
            self._resize()

    def increase(self) -> None:
        """Allow three more requests, because one was billed as expected."""
        self._billed_well += 1
        self._trust.gain()
        self._resize()

    def restart(self) -> None:
        """Allow one request again, whatever is known from earlier; those in flight stay."""
        self._billed_well = self._trusted = 0
        self._trust.restart()
        self._resize()

    def lose_trust(self) -> None:
        """Begin with one request from now on, in later runs as well, because of a breach."""
        self._billed_well = self._trusted = 0
        self._trust.lose()
        self._resize()

    def _resize(self) -> None:
        first = 1
        if self._trusted and self._largest:
            first = max(1, min(self._trusted, self._allowance.pico // self._largest.pico))
        self.size = min(first + _PER_ANSWER * self._billed_well, self._concurrency)
