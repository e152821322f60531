"""What the calls of a sample may need together, by what samples before it were reserved for.

What is sent of a sample is the longer, the longer its own texts are. So samples are told apart by
their length, in sizes: one of size n has at least half of 2**n characters, and fewer than 2**n. One
is expected to need as much as the most that any of its size, or of a smaller one, was reserved for.
So a sample that is too large for what is left of a cap keeps no smaller one from beginning.
"""

from __future__ import annotations

from collections.abc import Mapping

from pricing.money import Money

ANY_SIZE = 64  # of a sample whose length is not told: it may need as much as any other


def find_size(length: int | None) -> int:
    """Return the size of a sample of some characters; None where that is not told."""
    return ANY_SIZE if length is None else min(length.bit_length(), ANY_SIZE)


class SampleNeeds:
    """What samples of each size needed.

    Args:
        known: size -> the most that a sample of it was reserved for, in an earlier start.

    Attributes:
        known: the same, of this start too.
    """

    def __init__(self, known: Mapping[int, Money]) -> None:
        self.known = dict(known)
        # The same with the call that the cap refused. Not for later starts, whose calls may have
        # other limits.
        self._lacked: dict[int, Money] = {}

    def learn(self, size: int, reserved: Money) -> None:
        """Book what a sample was reserved for."""
        self.known[size] = max(self.known.get(size, Money()), reserved)

    def lack(self, size: int, needed: Money) -> None:
        """Book what a sample would have needed, of which the cap refused a call."""
        self._lacked[size] = max(self._lacked.get(size, Money()), needed)

    def find(self, size: int) -> Money | None:
        """Return what a sample may need; None where only longer ones are known, or none."""
        seen = (*self.known.items(), *self._lacked.items())
        return max((amount for each, amount in seen if each <= size), default=None)

    def find_longer(self, size: int) -> Money | None:
        """Return what the next longer ones needed, which is more than enough; None without any."""
        longer = min((each for each in self.known if each > size), default=None)
        return None if longer is None else self.known[longer]
