"""Anything that may stand where a price should: JSON of every kind, and damaged bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

NO_PRICES = ("NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e999999", "1e99999999999999999999",
             "abc", "$1", "1,5", True, False, [], ["1"], {}, {"usd": 1})  # fmt: skip
NO_MULTIPLES = (*NO_PRICES, "-1", -0.5)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([*NO_MULTIPLES, "0", "1", "1e-7", 10**30, "-0", "1e-400", "9999-12-31"])
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
DIGITS = st.text("0123456789.eE-+", max_size=6).map(str.encode)


@dataclass(frozen=True)
class Damage:
    """Bytes put into the place of others; `at` and `end` are shares of the whole."""

    at: float
    length: int | None
    put: bytes

    def to(self, body: bytes) -> bytes:
        start = int(self.at * len(body))
        end = len(body) if self.length is None else start + self.length
        return body[:start] + self.put + body[end:]


DAMAGES = st.builds(
    Damage,
    st.floats(0, 1),
    st.none() | st.integers(0, 40),
    st.just(b"") | st.binary(max_size=8) | DIGITS,
)


def encoded(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()
