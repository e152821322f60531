"""The price book: where the price of a model comes from.

Layers, highest first: the user's own prices, the genai-prices package, the project's dated overlay.
A model that no layer prices is `Unpriced`: an error with the fix, never a price of zero.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pricing import genai, names
from pricing.card import Rate, RateCard
from pricing.errors import BadPriceFile, Unpriced
from pricing.names import ModelName

PRICE_FILE = "afcost.prices.yaml"
_FIELDS = {"input", "output", "cache_read", "cache_write", "per_request", "checked", "source"}


class PriceBook:
    """Rate cards as of one day.

    Args:
        day: the day to price at; dated and scheduled prices follow it.
        user: the user's own cards, as `read_user_prices` gives them.
    """

    def __init__(self, day: date, user: dict[str, RateCard] | None = None) -> None:
        self.day = day
        self._user = user or {}

    def resolve(self, written: str, providers: Collection[str]) -> ModelName:
        """Find which provider and model a written name means (see `names.resolve`)."""
        return names.resolve(written, providers, lambda lab, m: genai.find(lab, m) is not None)

    def card(self, name: ModelName) -> RateCard:
        """Give the rate card of a model.

        Raises:
            Unpriced: no layer has a price; the text says what to write into which file.
        """
        card = self._find(name)
        if card is None:
            raise Unpriced(_no_price(name))
        key = f"{name.provider}/{name.id}"
        on_request = any(key.startswith(prefix) for prefix in _overlay()["cache_writes_on_request"])
        return replace(card, writes_unasked=card.cache_write is not None and not on_request)

    def window(self, name: ModelName) -> int | None:
        """Give the context window in tokens, or None where no source knows it."""
        return names.window(name.alias) or genai.window(name.provider, name.id)

    def elsewhere(self, name: ModelName) -> list[RateCard]:
        """Give the cards of the same model at the other providers of the alias table."""
        cards = []
        for provider, model_id in names.elsewhere(name.alias, self.day).items():
            if provider != name.provider:
                there = ModelName(f"{provider}/{model_id}", provider, model_id, name.alias)
                card = self._find(there)
                cards += [card] if card else []
        return cards

    def _find(self, name: ModelName) -> RateCard | None:
        for key in (name.written, f"{name.provider}/{name.short}", f"{name.provider}/{name.id}"):
            if key in self._user:
                return replace(self._user[key], provider=name.provider, model=name.id)
        card = genai.card(name.provider, name.id, self.day)
        return card or _from_overlay(name.provider, name.id, self.day)


def read_user_prices(folders: Iterable[Path]) -> dict[str, RateCard]:
    """Read `afcost.prices.yaml` from these folders; a later folder's price replaces an earlier's.

    Returns:
        cards by the name they are written under, such as `my-lab/llama-3.1-70b`.

    Raises:
        BadPriceFile: not YAML, an unknown field, or a price that is not a number.
    """
    cards: dict[str, RateCard] = {}
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        path = folder / PRICE_FILE
        if path.exists():
            cards |= _read_price_file(path)
    return cards


def _read_price_file(path: Path) -> dict[str, RateCard]:
    try:
        # Every scalar stays the text that stands there: a price never passes through a float.
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadPriceFile(f"{path}: cannot be read: {error}") from error
    prices = data.get("prices") if isinstance(data, dict) else None
    if not isinstance(prices, dict):
        raise BadPriceFile(f"{path}: expected `prices:` with one entry for each provider/model")
    return {str(name): _user_card(path, str(name), entry) for name, entry in prices.items()}


def _user_card(path: Path, name: str, entry: object) -> RateCard:
    where = f"{path}: prices.{name}"
    if not isinstance(entry, dict) or not {"input", "output"} <= entry.keys():
        raise BadPriceFile(f"{where}: expected at least input and output, USD per million tokens")
    if unknown := entry.keys() - _FIELDS:
        raise BadPriceFile(
            f"{where}: unknown field {', '.join(sorted(unknown))}; "
            f"known are {', '.join(sorted(_FIELDS))}"
        )
    provider, _, model = name.partition("/")
    return RateCard(
        provider=provider,
        model=model,
        input=_user_rate(where, "input", entry["input"]),
        output=_user_rate(where, "output", entry["output"]),
        cache_read=_optional_rate(where, "cache_read", entry),
        cache_write=_optional_rate(where, "cache_write", entry),
        per_request=_user_rate(where, "per_request", entry.get("per_request", "0")).base,
        checked=_day(where, entry.get("checked")),
        source=str(entry.get("source") or path.name),
    )


def _optional_rate(where: str, field: str, entry: dict[str, Any]) -> Rate | None:
    return _user_rate(where, field, entry[field]) if field in entry else None


def _user_rate(where: str, field: str, value: object) -> Rate:
    try:
        return Rate(Decimal(str(value)))
    except (InvalidOperation, ValueError):
        raise BadPriceFile(
            f"{where}.{field}: {value!r} is not a price in USD per million tokens"
        ) from None


def _day(where: str, value: object) -> date | None:
    try:
        return None if value is None else date.fromisoformat(str(value))
    except ValueError:
        raise BadPriceFile(f"{where}.checked: {value!r} is not a day like 2026-11-20") from None


def _from_overlay(provider: str, model_id: str, day: date) -> RateCard | None:
    rows = [
        row
        for row in _overlay()["prices"]
        if row["provider"] == provider and row["model"] == model_id and row["checked"] <= day
    ]
    if not rows:
        return None
    row = max(rows, key=lambda row: row["checked"])
    return RateCard(
        provider=provider,
        model=model_id,
        input=Rate(Decimal(row["input"])),
        output=Rate(Decimal(row["output"])),
        checked=row["checked"],
        source=row["source"],
    )


def _no_price(name: ModelName) -> str:
    near = difflib.get_close_matches(name.id, genai.ids(name.provider), n=3, cutoff=0.6)
    hint = f" {name.provider} has {', '.join(near)}." if near else ""
    return (
        f"{name} is unpriced: no source here has a price for model {name.id!r} "
        f"at {name.provider}.{hint} To set one, write it into {PRICE_FILE} beside the experiment:\n"
        f'  prices:\n    {name}: {{input: "…", output: "…"}}   # USD per million tokens'
    )


@cache
def _overlay() -> dict[str, Any]:
    text = (Path(__file__).parent / "overlay.yaml").read_text(encoding="utf-8")
    overlay: dict[str, Any] = yaml.safe_load(text)
    return overlay
