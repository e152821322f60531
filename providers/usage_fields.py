"""Usage fields beyond prompt and completion tokens: what else a provider says that it billed.

Providers name these fields as they like and put them anywhere in `usage`, so the whole object is
searched, to a depth and a length that no honest one has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pricing.money import Money
from providers.errors import MalformedResponse
from providers.reply import read_display_name

_MAX_DEPTH = 6
_MAX_FIELDS = 2000
_MAX_DIGITS = 40
_MAX_COST = Money.from_usd("1000000")
_TICKS_PER_USD = 10**10  # of x-ai's `cost_in_usd_ticks`: https://docs.x.ai/developers/cost-tracking
_NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d{1,3})?", re.IGNORECASE)

_COST = re.compile(r"(\w+_)?cost(_usd|_in_usd_ticks)?", re.IGNORECASE)
_REASONING = re.compile(
    r"(\w+_)?(reasoning|thinking|thoughts?)(_output)?_(tokens?|token_count)", re.IGNORECASE
)
# What the tokens of texts do not pay for: other kinds of tokens, searches, tools of the provider's.
_EXTRA = re.compile(
    r"(\w+_)?((audio|image|video|citation)s?_(tokens|seconds|count)|num_images"
    r"|(search|fetch|execution)_requests|(sources|server_side_tools)_used|search_(queries|units)"
    r"|(search|interpreter|execution|mcp|generation)_calls)",
    re.IGNORECASE,
)
_TEXT_COUNT = re.compile(
    r"(prompt|completion|total|input|output|text|billed)_tokens|\w*cache\w*|\w+_prediction_tokens"
    r"|ephemeral_\w+|ttl_\w+_tokens",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\w+_(tokens|requests|units|queries|characters|calls)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UsageFields:
    """What a usage says beside the tokens of prompt and answer, wherever it says it.

    Attributes:
        reasoning: the largest number of reasoning tokens that any field states.
        extras: what was billed beside the tokens of texts, such as `num_sources_used 5`.
        unknown_counts: counts that are not known here, and may be of something billed.
        costs: every cost that is stated, by its field, in US dollars.
    """

    reasoning: int = 0
    extras: tuple[str, ...] = ()
    unknown_counts: tuple[str, ...] = ()
    costs: tuple[tuple[str, Money], ...] = ()


def read_usage_fields(usage: Mapping[str, Any]) -> UsageFields:
    """Read everything that a usage says, in one walk through it.

    Raises:
        MalformedResponse: it is too large to be searched, or a cost is more than any call can cost.
    """
    reasoning, extras, unknown, costs = [0], [], [], []
    for name, value in _walk(usage):
        if _COST.fullmatch(name):
            costs += _read_cost(name, value)
        elif _EXTRA.fullmatch(name):
            extras += _describe(name, value)
        elif _REASONING.fullmatch(name):
            reasoning.append(int(value))
        elif _COUNT.fullmatch(name) and not _TEXT_COUNT.fullmatch(name):
            unknown += _describe(name, value)
    return UsageFields(max(reasoning), tuple(extras), tuple(unknown), tuple(costs))


def _read_cost(name: str, value: Decimal) -> list[tuple[str, Money]]:
    cost = parse_stated_cost(value / _TICKS_PER_USD if name.lower().endswith("ticks") else value)
    if cost is not None and cost > _MAX_COST:
        raise MalformedResponse(f"usage.{read_display_name(name)} is more than a call can cost")
    return [(name, cost)] if cost else []


def _describe(name: str, value: Decimal) -> list[str]:
    return [f"{read_display_name(name)} {value:f}"] if value > 0 else []


def parse_stated_cost(value: object) -> Money | None:
    """Parse a stated cost, rounded up to a pico-dollar; 0 counts as not stated."""
    try:
        dollars = Decimal(str(value))
        pico = int((dollars * 10**12).to_integral_value("ROUND_CEILING"))
        return Money(pico) if pico > 0 else None
    except (ArithmeticError, ValueError):
        return None


def _walk(usage: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    """Return every number of a usage with the name of its field.

    Raises:
        MalformedResponse: it is too deep or too long to be searched.
    """
    pending: list[tuple[Any, int]] = [(usage, 0)]
    seen = 0
    while pending:
        node, depth = pending.pop()
        seen += len(node)
        if seen > _MAX_FIELDS or depth > _MAX_DEPTH:
            raise MalformedResponse("usage has more fields than can be read")
        children = node.items() if isinstance(node, Mapping) else (("", each) for each in node)
        for name, value in children:
            if isinstance(value, Mapping | list):
                pending.append((value, depth + 1))
            elif (number := _read_number(value)) is not None:
                yield name, number


def _read_number(value: object) -> Decimal | None:
    """Read a number, also one that is written as a text; None for anything else."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        return number if number.is_finite() else None
    if isinstance(value, str) and len(value) <= _MAX_DIGITS and _NUMBER.fullmatch(value):
        return Decimal(value)
    return None
