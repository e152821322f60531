"""What the entries of a ledger say of attempts, for those who follow them while they write."""

from __future__ import annotations

from typing import NamedTuple

SELECT_CHANGES = """
SELECT entry.seq, entry.kind, entry.attempt, attempt.model, attempt.stage, attempt.bound,
    entry.reserved, entry.settled, entry.held, entry.note,
    answer.input + answer.cache_read + answer.cache_write + answer.output
FROM entry JOIN attempt ON attempt.id = entry.attempt
    LEFT JOIN answer ON answer.attempt = entry.attempt
WHERE entry.seq > ? ORDER BY entry.seq
"""


class AttemptChange(NamedTuple):
    """What an entry says of an attempt; amounts in pico-dollars.

    Attributes:
        seq, kind, note: of the entry.
        attempt, model, stage, bound: of the attempt; `bound` is in tokens.
        reserved, settled, held: how the entry changed them.
        tokens: of the attempt's answer, once there is one.
    """

    seq: int
    kind: str
    attempt: str
    model: str
    stage: str
    bound: int
    reserved: int
    settled: int
    held: int
    note: str
    tokens: int | None
