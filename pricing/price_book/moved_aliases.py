"""Moved aliases: `NAME-latest` may mean a newer model by now than the one whose price is listed.

A maker moves such a name to its newest model, and a table may still list the old one's price. Where
the newest member of the family costs more, reservations use its price.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from pricing.catalog import ModelName
from pricing.rates import RateCard, merge_highest

_SUFFIX = "-latest"
_VERSION = re.compile(r"\d{1,2}(?:[.-]\d{1,2})?")
_DATE = re.compile(r"\d{4}|\d{8}|\d{4}-\d{2}-\d{2}")


def find_newer_members(
    name: ModelName, ids: Iterable[str], prices_of: Callable[[str], list[RateCard]], own: RateCard
) -> Iterator[tuple[str, list[RateCard]]]:
    """Yield the newest members of an alias's family that cost more than it, with their prices.

    Args:
        name: the model, such as `mistral-large-latest`.
        ids: of all models of its provider.
        prices_of: returns what every source says of a model; nothing of one that is retired.
        own: the alias's price.
    """
    if not name.id.endswith(_SUFFIX):
        return
    for newest in _find_newest(name.id.removesuffix(_SUFFIX), ids):
        cards = prices_of(newest)
        if cards and _costs_more(merge_highest(cards), own):
            yield newest, cards


def _costs_more(card: RateCard, own: RateCard) -> bool:
    return card.input.base > own.input.base or card.output.base > own.output.base


def _find_newest(family: str, ids: Iterable[str]) -> Iterator[str]:
    """Yield the member with the highest version, and the one with the latest date."""
    tails = [each.removeprefix(f"{family}-") for each in ids if each.startswith(f"{family}-")]
    for kind in (_VERSION, _DATE):
        members = [tail for tail in tails if kind.fullmatch(tail)]
        if members:
            yield f"{family}-{max(members, key=_read_numbers)}"


def _read_numbers(tail: str) -> tuple[int, ...]:
    """Return a tail's numbers, a date's year with two digits as the shorter form has it."""
    digits = tail.replace("-", "") if _DATE.fullmatch(tail) else ""
    if digits:
        return int(digits[2:] if len(digits) > 4 else f"{digits}00"), len(tail)  # noqa: PLR2004
    numbers = [*map(int, re.split(r"[.-]", tail)), 0][:2]
    return (*numbers, -len(tail))  # of `4` and `4-0` the shorter
