"""Watermark: how far a ledger had come, as it is kept outside of the ledger.

A chain of hashes cannot tell that its newest entries are gone, because what is left fits. A ledger
in which the entry of a watermark is missing, or is another one, is an older copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pricing.money import Money


@dataclass(frozen=True, slots=True)
class Watermark:
    """One entry of a ledger, and what the ledger may have counted as spent by then.

    Attributes:
        ledger: the identity of the ledger.
        seq, hash: the number and the hash of an entry that would survive a power cut; 0 before
            the first one.
        committed: settled, held and reserved: what it was, or what it will not exceed before the
            next watermark is written.
    """

    ledger: str
    seq: int
    hash: str
    committed: Money

    def join(self, other: Watermark) -> Watermark:
        """Return the later entry of two watermarks with the larger amount."""
        later = self if self.seq >= other.seq else other
        return replace(later, committed=max(self.committed, other.committed))

    def to_json(self) -> dict[str, Any]:
        """Return the watermark as JSON."""
        return {
            "ledger": self.ledger,
            "seq": self.seq,
            "hash": self.hash,
            "committed_usd": self.committed.to_decimal_string(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Watermark:
        """Read the JSON that `to_json` returns.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return cls(
            ledger=str(data["ledger"]),
            seq=int(data["seq"]),
            hash=str(data["hash"]),
            committed=Money.from_usd(data["committed_usd"]),
        )
