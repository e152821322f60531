"""Fields of a body beside its prompt: which move the price, and which cannot be bounded.

What each means is in `fields.yaml`. A field that is not known there is counted as text, since
clients and providers add fields all the time; one that may bill something else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from pricing.data_files import read_data_file
from providers.clients.bodies.client_call import ClientApi
from providers.clients.bodies.prompt import is_text
from providers.errors import CannotPrice
from providers.secrets import quote_value

MOST_TOKENS = 10**9  # no model has as many
_MOST_CHOICES = 1000
_STANDARD_TIERS = ("auto", "default", "standard", "standard_only", "on_demand", "unspecified")
_TIERS = {
    "service_tier": _STANDARD_TIERS,
    "speed": ("standard",),
    "inference_geo": ("global",),
}
# Words of names that are not known, which may bill something else, add input or be another limit.
_RISKY = re.compile(
    "(?:^|_)(?:(?:web)?search|web|browser|browsing|plugin|connector|mcp|agent|container|retriev[a-z]*"
    "|ground[a-z]*|interpreter|background|batch|fallback|conversation|previous|preset|template|beam"
    "|best_of|extra_body|predict|file|image|audio|video|speech|voice|data_source|max_(?:new|gen|output)"
    "|cached?_content)s?(?:_|$)"
)
_NO_WORD = re.compile(r"[^a-z0-9]")
_CAMEL = re.compile("(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class FieldRules:
    """What the fields of an API's bodies mean, see `fields.yaml`."""

    read: frozenset[str]
    options: frozenset[str]
    plain: frozenset[str]
    adds: Mapping[str, int]
    refused: Mapping[str, str]

    @property
    def known(self) -> frozenset[str]:
        """The fields that are no text."""
        return self.read | self.options | self.plain

    @cached_property
    def squeezed(self) -> frozenset[str]:
        """Them as servers may read them that ignore case, or take both cases of a name."""
        return frozenset(map(_squeeze, self.read | self.options))


@cache
def find_rules(api: ClientApi) -> FieldRules:
    """Return what the fields of an API's bodies mean."""
    rows = read_data_file(Path(__file__).with_name("fields.yaml"))[api.value]
    lists = {name: frozenset(rows[name]) for name in ("read", "options", "plain")}
    return FieldRules(**lists, adds=rows["adds"], refused=rows["refused"])


def refuse_fields(rules: FieldRules, fields: Mapping[str, Any]) -> None:
    """Raise for the first field that cannot be bounded.

    Raises:
        CannotPrice: names it and what to do.
    """
    for name, value in fields.items():
        if not is_set(value):
            continue
        if why := rules.refused.get(name):
            raise CannotPrice(f"{name}: {why}")
        snake = _CAMEL.sub("_", name).lower()
        if name not in rules.known and (_RISKY.search(snake) or _squeeze(name) in rules.squeezed):
            raise CannotPrice(
                f"{_shown(name)}: afcost does not know what it costs, or adds to the prompt; "
                "leave it out"
            )
        for tier, standard in _TIERS.items():
            if snake == tier:
                _check_tier(name, value, standard)


def list_unknown(rules: FieldRules, fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the fields that are not known and hold a text, each as an object of its own."""
    for name, value in fields.items():
        if name not in rules.known and name not in rules.refused and is_text(value):
            yield {name: value}


def pick_options(rules: FieldRules, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that move the price, those that are null left out."""
    return {n: v for n, v in fields.items() if n in rules.options and v is not None}


def count_hidden(rules: FieldRules, fields: Mapping[str, Any]) -> int:
    """Return how many tokens the API may add for the fields that are set."""
    return sum(tokens for name, tokens in rules.adds.items() if is_set(fields.get(name)))


def is_set(value: object) -> bool:
    """Return whether a field asks for anything."""
    if isinstance(value, Mapping) and value.get("mode") == "off":
        return False
    return value is not False and value not in (None, "", [], {}, 0)


def read_limit(fields: Mapping[str, Any], *names: str) -> tuple[int | None, str]:
    """Read the largest limit of an answer that a body names, and the field that it is in.

    Raises:
        CannotPrice: it is no whole number of at least 1.
    """
    given = [(read_number(fields, name, MOST_TOKENS), name) for name in names]
    limits = [(limit, name) for limit, name in given if limit is not None]
    return max(limits, default=(None, ""))


def read_number(fields: Mapping[str, Any], name: str, most: int) -> int | None:
    """Read a whole number from 1 on; None where there is none.

    Raises:
        CannotPrice: it is something else, or more than `most`.
    """
    value = fields.get(name)
    if value is None:
        return None
    whole = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not whole or not 1 <= value <= most or value != int(value):
        raise CannotPrice(
            f"{name}: {quote_value(value)} bounds nothing; use a whole number from 1 on"
        )
    return int(value)


def read_choices(fields: Mapping[str, Any], name: str) -> int:
    """Read how many answers are asked for; 1 where the body does not say.

    Raises:
        CannotPrice: it is no whole number of at least 1.
    """
    return read_number(fields, name, _MOST_CHOICES) or 1


def read_model(given: object) -> str:
    """Read the name of the model.

    Raises:
        CannotPrice: there is none, or it names more than a model.
    """
    if not isinstance(given, str) or not given.strip():
        raise CannotPrice("model: the request names none; name one")
    if given.endswith(":online") or "@preset/" in given:
        raise CannotPrice(
            f"model: {_shown(given)} adds searches or a prompt that are not in the request; "
            "name the model alone"
        )
    return given


def _check_tier(name: str, value: object, standard: tuple[str, ...]) -> None:
    asked = str(value).lower().removeprefix("service_tier_")
    if asked not in standard:
        raise CannotPrice(
            f"{name}: {quote_value(value)} has a price of its own; leave it out for the standard "
            "price"
        )


def _squeeze(name: str) -> str:
    return _NO_WORD.sub("", name.lower())


def _shown(name: str) -> str:
    return quote_value(name)
