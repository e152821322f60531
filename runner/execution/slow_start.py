"""Slow start: how many requests of a model may be in flight, by the answers billed as reserved.

A model begins with one request in flight, and each answer that was billed as expected admits three
more, up to the concurrency: after n of them at most 1 + 3n are in flight. A provider that breaks
its own `max_tokens` or the pinned price is thus caught when few of its requests are under way, and
one that was down is not met by all requests at once. Each of them is reserved at its worst case, so
beyond the reservations a breach costs at most what 1 + 3n bills exceed theirs by.

One hundredth of the cap may be at risk sooner. As many requests as it pays for, at the worst case
of those that wanted to be sent, may be in flight once the square of 1 + n is as large, if nothing
went wrong before; and trust from earlier runs (`runner.state.trust`) lets a model begin with them.
"""

from __future__ import annotations

from pricing.money import Money
from runner.state import Trust

TRUSTED_PART_OF_CAP = 100  # one part in so many may be at risk sooner than by `_PER_ANSWER`
_PER_ANSWER = 3
_NOTHING = Money()


class SlowStart:
    """The number of requests of one model that may be in flight.

    Args:
        concurrency: what it never exceeds.
        trust: what earlier runs know of its bills.
        allowance: what requests may cost together that trust, or few answers, admit.

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
        self._went_wrong = False  # an outage in which money was held, or a breach
        self.size = 1

    def meet(self, worst_case: Money) -> None:
        """Take into account what a request may cost, before it is sent: how many begin with it."""
        if worst_case > self._largest:
            self._largest = worst_case
            self._resize()

    def increase(self) -> None:
        """Allow three more requests, or as many as the allowance pays for: one was billed well."""
        self._billed_well += 1
        self._trust.gain()
        self._resize()

    def restart(self) -> None:
        """Allow one request again, whatever is known from earlier; those in flight stay."""
        self._trust.restart()
        self._begin_again()

    def lose_trust(self) -> None:
        """Begin with one request from now on, in later runs as well, because of a breach."""
        self._trust.lose()
        self._begin_again()

    def _begin_again(self) -> None:
        self._billed_well = self._trusted = 0
        self._went_wrong = True
        self._resize()

    def _resize(self) -> None:
        paid = self._allowance.pico // self._largest.pico if self._largest else 0
        size = max(1, min(self._trusted, paid)) + _PER_ANSWER * self._billed_well
        if not self._went_wrong:
            size = max(size, min((1 + self._billed_well) ** 2, paid))
        self.size = min(size, self._concurrency)
