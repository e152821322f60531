"""Vote rules: how a judge's votes on an answer make one value, `counts` in the experiment file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator

_NAMED = ("share", "majority", "any", "all")
_TOLERANCE = 1e-9  # of a mean of fractions
_HALF = 1 / 2


def _read_rule(given: object) -> object:
    if isinstance(given, str) and given in _NAMED:
        return given
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if is_number and 0 < given <= 1:  # type: ignore[operator]
        return float(given)  # type: ignore[arg-type]
    raise ValueError(
        f"expected {', '.join(_NAMED)}, or the share of votes from which on it counts, above 0 and "
        "at most 1, such as 0.4"
    )


VoteRule = Annotated[
    Literal["share", "majority", "any", "all"] | float, BeforeValidator(_read_rule)
]


def count_votes(votes: Sequence[float], rule: VoteRule) -> float:
    """Return the value that votes make, from 0 to 1.

    Args:
        votes: at least one, each from 0 to 1; 1 says of the answer what is measured.
        rule: `share` is their mean; `majority`, `any` and `all` are 1 where more than half, one or
            all of them are above one half, so that a tie is no majority; a number is 1 where the
            mean is at least that.
    """
    mean = sum(votes) / len(votes)
    if rule == "share":
        return mean
    if isinstance(rule, float):
        return float(mean >= rule - _TOLERANCE)
    positive = sum(vote > _HALF for vote in votes)
    least = {"majority": len(votes) // 2 + 1, "any": 1, "all": len(votes)}[rule]
    return float(positive >= least)
