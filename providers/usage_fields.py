"""Usage fields beyond prompt and completion tokens: what else a provider says that it billed.

Providers name these fields as they like and put them anywhere in `usage`, so the whole object is
searched, to a depth and a length that no honest one has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pricing.money import Money
from providers.errors import MalformedResponse
from providers.reply import read_display_name

_MAX_DEPTH = 6
_MAX_FIELDS = 2000
_MAX_DIGITS = 40
_LONGEST_NAME = 100  # characters
_MAX_TOKENS = 10**9
_MAX_COST = Money.from_usd("1000000")
_TICKS_PER_USD = 10**10  # of x-ai's `cost_in_usd_ticks`: https://docs.x.ai/developers/cost-tracking
_NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d{1,3})?", re.IGNORECASE)

_COST = re.compile(r"(\w+_)?cost(_usd|_in_usd_ticks)?", re.IGNORECASE)
_REASONING = re.compile(
    r"(\w+_)?(reasoning|thinking|thoughts?)(_output)?_(tokens?|token_count)", re.IGNORECASE
)
# What the tokens of texts do not pay for: other kinds of tokens, searches, tools of the provider's.
_EXTRA = re.compile(
    r"(\w+_)?((audio|speech|voice|music|image|video|document|citation)s?_(tokens|seconds|count)"
    r"|num_images|(interpreter|container|browser)_(sessions|seconds)"
    r"|(search|fetch|execution)_requests|(sources|server_side_tools)_used|search_(queries|units)"
    r"|(search|interpreter|execution|mcp|generation)_calls|tool_use_\w+_token_count)",
    re.IGNORECASE,
)
_TEXT_COUNT = re.compile(
    r"(prompt|completion|total|input|output|text|billed)_tokens|\w*cache\w*|\w+_prediction_tokens"
    r"|ephemeral_\w+|ttl_\w+_tokens|(prompt|candidates|total)_token_count",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"\w+_(tokens|token_count|requests|units|queries|characters|calls)", re.IGNORECASE
)
_MEDIA = re.compile(r"(?:\w+_)?(audio|speech|voice|music|image|video|citation)s?_tokens")
_SOUND = {"speech", "voice", "music"}
_SEARCH = re.compile(r"(\w+_)?(search_(requests|queries|units|calls)|sources_used)")
_INPUT, _OUTPUT = re.compile(r"prompt|input"), re.compile(r"completion|output|candidates|citation")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class ExtraCount:
    """How much of something a usage reports that the tokens of texts do not pay for.

    Attributes:
        described: as `UsageFields.extras` names it.
        classes: the price classes that it may be of, see `pricing.rates.EXTRA_CLASSES`.
        number: of tokens, or of searches.
    """

    described: str
    classes: tuple[str, ...]
    number: int


@dataclass(frozen=True, slots=True)
class _Figure:
    """A number of a usage: its field as written and in snake case, and the fields around it."""

    field: str
    name: str
    around: str
    value: Decimal

    @property
    def described(self) -> str:
        return f"{read_display_name(self.field)} {self.value:f}"


@dataclass(frozen=True, slots=True)
class UsageFields:
    """What a usage says beside the tokens of prompt and answer, wherever it says it.

    Attributes:
        reasoning: the largest number of reasoning tokens that any field states.
        extras: what was billed beside the tokens of texts, such as `num_sources_used 5`.
        extra_counts: the same, where a price class is known for it.
        unknown_counts: counts that are not known here, and may be of something billed.
        costs: every cost that is stated, by its field, in US dollars.
    """

    reasoning: int = 0
    extras: tuple[str, ...] = ()
    extra_counts: tuple[ExtraCount, ...] = ()
    unknown_counts: tuple[str, ...] = ()
    costs: tuple[tuple[str, Money], ...] = ()


def read_usage_fields(usage: Mapping[str, Any]) -> UsageFields:
    """Read everything that a usage says, in one walk through it.

    Tokens of other kinds count towards the prompt or the answer by the fields around them, such as
    OpenAI's `completion_tokens_details` and Google's `candidatesTokensDetails`; where none says so
    they may be of either. Cached ones are counted in the whole already.

    Raises:
        MalformedResponse: it is too large to be searched, or a cost is more than any call can cost.
    """
    reasoning, extras, unknown, costs, counts = [0], [], [], [], []
    for kind, figure in _walk(usage):
        match kind:
            case "cost":
                costs += _read_cost(figure)
            case "extra":
                extras += [figure.described] if figure.value > 0 else []
                counts += _read_extra_count(figure)
            case "reasoning":
                reasoning.append(_read_tokens(figure))
            case "unknown" if figure.value > 0:
                unknown.append(figure.described)
    return UsageFields(max(reasoning), tuple(extras), tuple(counts), tuple(unknown), tuple(costs))


def _find_kind(name: str) -> str:
    """Return what the number of a field is: `cost`, `extra`, `reasoning`, `unknown` or none."""
    kinds = {"cost": _COST, "extra": _EXTRA, "reasoning": _REASONING}
    found = next((kind for kind, pattern in kinds.items() if pattern.fullmatch(name)), "")
    is_unknown = _COUNT.fullmatch(name) and not _TEXT_COUNT.fullmatch(name)
    return found or "unknown" * bool(is_unknown)


def _read_extra_count(figure: _Figure) -> list[ExtraCount]:
    if figure.value <= 0 or "cache" in figure.around or not (classes := _price_classes(figure)):
        return []
    return [ExtraCount(figure.described, classes, _read_tokens(figure))]


def _read_tokens(figure: _Figure) -> int:
    if figure.value > _MAX_TOKENS:  # written with an exponent, it may have a billion digits
        raise MalformedResponse(f"usage.{read_display_name(figure.field)} is more than a call has")
    return int(figure.value)


def _price_classes(figure: _Figure) -> tuple[str, ...]:
    if _SEARCH.fullmatch(figure.name):
        return ("search",)
    found = _MEDIA.fullmatch(figure.name)
    if found is None:
        return ()
    path = f"{figure.around} {figure.name}"
    sides = [side for side, at in (("input", _INPUT), ("output", _OUTPUT)) if at.search(path)]
    kind = "audio" if found[1] in _SOUND else found[1]
    return tuple(f"{side}_{kind}" for side in sides or ("input", "output"))


def _read_cost(figure: _Figure) -> list[tuple[str, Money]]:
    ticks = figure.name.endswith("ticks")
    cost = parse_stated_cost(figure.value / _TICKS_PER_USD if ticks else figure.value)
    if cost is not None and cost > _MAX_COST:
        name = read_display_name(figure.field)
        raise MalformedResponse(f"usage.{name} is more than a call can cost")
    return [(figure.field, cost)] if cost else []


def parse_stated_cost(value: object) -> Money | None:
    """Parse a stated cost, rounded up to a pico-dollar; 0 counts as not stated."""
    try:
        dollars = Decimal(str(value))
        pico = int((dollars * 10**12).to_integral_value("ROUND_CEILING"))
        return Money(pico) if pico > 0 else None
    except (ArithmeticError, ValueError):
        return None


def _walk(usage: Mapping[str, Any]) -> Iterator[tuple[str, _Figure]]:
    """Yield the numbers of a usage that have a kind, each with its field and those around it.

    A whole 0 says nothing, whatever its field.

    A list by modality, as Google writes it, is read as fields such as `audio_tokens`.

    Raises:
        MalformedResponse: it is too deep or too long to be searched.
    """
    pending: list[tuple[Any, int, str]] = [(usage, 0, "")]
    seen = 0
    while pending:
        node, depth, around = pending.pop()
        seen += len(node)
        if seen > _MAX_FIELDS or depth > _MAX_DEPTH:
            raise MalformedResponse("usage has more fields than can be read")
        is_object = isinstance(node, Mapping)
        modality = node.get("modality") if is_object else None
        for key, value in node.items() if is_object else (("", each) for each in node):
            if type(value) is int and not value:
                continue
            name, kind = _read_field(key)
            if isinstance(value, Mapping | list):
                pending.append((value, depth + 1, f"{around} {name}"))
                continue
            if modality and name in ("token_count", "tokens"):
                key = f"{str(modality).lower()}_tokens"  # noqa: PLW2901 - its name
                name, kind = key, _find_kind(key)
            if kind and (number := _read_number(value)) is not None:
                yield kind, _Figure(key, name, around, number)


def _read_field(field: str) -> tuple[str, str]:
    """Return a field's name in snake case and its kind.

    Of a long one, which no honest usage has, nothing is kept.
    """
    read = _read_field_once if len(field) <= _LONGEST_NAME else _read_field_once.__wrapped__
    return read(field)


@lru_cache(maxsize=1024)
def _read_field_once(field: str) -> tuple[str, str]:
    name = _CAMEL.sub("_", field).lower()
    return name, _find_kind(name)


def _read_number(value: object) -> Decimal | None:
    """Read a number, also one that is written as a text; None for anything else."""
    if type(value) is int:  # most are
        return Decimal(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        return number if number.is_finite() else None
    if isinstance(value, str) and len(value) <= _MAX_DIGITS and _NUMBER.fullmatch(value):
        return Decimal(value)
    return None
