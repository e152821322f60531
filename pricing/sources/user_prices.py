"""The user's own prices: `afcost.prices.yaml`, and `--price` on the command line.

The file has an entry for each model:

    prices:
      my-lab/llama-3.1-70b: {input: 0.40, output: 0.40, checked: 2026-11-20}  # USD per million
      groq/llama-3.1-8b: {use: litellm}                                       # whose price to use
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from pricing.errors import BadPriceFile
from pricing.rates import SERVICE_TIERS, TOKEN_CLASSES, Rate, RateCard
from pricing.sources.price_files import PRICE_FILE, find_price_files, read_price_text

_MAX_PRICE = Decimal(1_000_000)  # USD per million tokens: a dollar a token is a mistake of units
_MIN_PRICE = Decimal("1e-12")
_MAX_SHOWN_CHARS = 60  # of a value in an error message
_MAX_DEPTH = 20
# Every scalar stays text: a price is never converted to a float.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the first is ten times as fast
_TOKEN_COUNT = re.compile(r"[0-9]{1,9}")
_TIER_ENTRY_FIELDS = {*TOKEN_CLASSES, "above", "per_request"}
_ENTRY_FIELDS = _TIER_ENTRY_FIELDS | {*SERVICE_TIERS, "checked", "source"}


@dataclass(frozen=True, slots=True)
class UserPrice:
    """The price that the user set for a model.

    Attributes:
        card: the price; None where only a source is named.
        use_source: the name of the source whose price to use.
        tiers: (option that requests the tier, its price).
    """

    card: RateCard | None = None
    use_source: str = ""
    tiers: tuple[tuple[tuple[str, str], RateCard], ...] = ()


def read_user_prices(folders: Iterable[Path], files: Iterable[Path] = ()) -> dict[str, UserPrice]:
    """Read `afcost.prices.yaml` from these folders; later ones override earlier ones.

    Args:
        folders: in which a file may be, or not.
        files: that the user named, wherever they are; they override those in the folders.

    Returns:
        prices by model name as written, such as `my-lab/llama-3.1-70b`.

    Raises:
        BadPriceFile: not YAML, an unknown field, or a price that is not a number.
    """
    prices: dict[str, UserPrice] = {}
    for path in [*find_price_files(folders), *files]:
        prices |= _read_price_file(path)
    return prices


def read_price_flags(flags: Iterable[str]) -> dict[str, UserPrice]:
    """Read prices from the command line: `MODEL=IN/OUT` in USD per million, or `MODEL=SOURCE`.

    Raises:
        BadPriceFile: neither form.
    """
    prices = {}
    for flag in flags:
        name, equals, value = flag.rpartition("=")
        if not equals or not name or not value:
            raise BadPriceFile(f"--price {flag}: expected MODEL=IN/OUT or MODEL=SOURCE")
        prompt, slash, output = value.partition("/")
        if slash:
            where = f"--price {flag}"
            fields = {"input": prompt, "output": output, "source": "--price"}
            prices[name] = UserPrice(_parse_card(where, name, fields))
        else:
            prices[name] = UserPrice(use_source=value)
    return prices


def _read_price_file(path: Path) -> dict[str, UserPrice]:
    text = read_price_text(path)
    try:
        _limit_nesting(text)
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - makes texts, lists and mappings
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadPriceFile(f"cannot read {path}: {error}") from error
    prices = data.get("prices") if isinstance(data, dict) else None
    if not isinstance(prices, dict):
        raise BadPriceFile(f"{path}: expected `prices:` with one entry per provider/model")
    return {str(name): _parse_entry(path, str(name), entry) for name, entry in prices.items()}


def _limit_nesting(text: str) -> None:
    """Refuse lists in lists in lists: the parser written in C would overflow its stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"values are nested more than {_MAX_DEPTH} levels deep")


def _parse_entry(path: Path, name: str, entry: object) -> UserPrice:
    where = f"{path}: prices.{name}"
    if isinstance(entry, dict) and entry.keys() == {"use"} and isinstance(entry["use"], str):
        return UserPrice(use_source=_parse_source_name(f"{where}.use", entry["use"]))
    if not isinstance(entry, dict) or not {"input", "output"} <= entry.keys():
        raise BadPriceFile(
            f"{where}: expected at least input and output, USD per million tokens, or use: SOURCE"
        )
    _reject_unknown_fields(where, entry, _ENTRY_FIELDS)
    card = _parse_card(where, name, {"source": path.name} | entry)
    tiers: list[tuple[tuple[str, str], RateCard]] = []
    for tier, (option,) in SERVICE_TIERS.items():
        if tier in entry:
            fields: object = entry[tier]
            if not isinstance(fields, dict) or not {"input", "output"} <= fields.keys():
                raise BadPriceFile(f"{where}.{tier}: expected at least input and output")
            _reject_unknown_fields(f"{where}.{tier}", fields, _TIER_ENTRY_FIELDS)
            fee = {"per_request": entry["per_request"]} if "per_request" in entry else {}
            priced = _parse_card(f"{where}.{tier}", name, fee | fields)
            tiers.append((option, replace(priced, checked=card.checked, source=card.source)))
    return UserPrice(card, tiers=tuple(tiers))


def _parse_source_name(where: str, source: str) -> str:
    if not source.strip():
        raise BadPriceFile(f"{where}: expected the name of a source, such as litellm")
    return source.strip()


def _reject_unknown_fields(where: str, entry: dict[str, Any], known: set[str]) -> None:
    if unknown := entry.keys() - known:
        raise BadPriceFile(
            f"{where}: unknown field {', '.join(sorted(unknown))}; "
            f"known fields: {', '.join(sorted(known))}"
        )


def _parse_card(where: str, name: str, entry: dict[str, Any]) -> RateCard:
    provider, _, model = name.partition("/")
    above = _parse_long_prompt_prices(where, entry.get("above", {}))
    rates = {
        field: Rate(_parse_price(where, field, entry[field]), _select_steps(field, above))
        for field in TOKEN_CLASSES
        if field in entry
    }
    return RateCard(
        provider=provider,
        model=model,
        **rates,  # type: ignore[arg-type] # of TOKEN_CLASSES
        per_request=_parse_price(where, "per_request", entry.get("per_request", "0")),
        checked=_parse_day(where, entry.get("checked")),
        source=_parse_source_text(where, entry.get("source")) or PRICE_FILE,
    )


def _parse_long_prompt_prices(
    where: str, prices_by_threshold: object
) -> dict[int, dict[str, Decimal]]:
    """Read prices of long prompts: `above: {200000: {input: 4, output: 18}}`."""
    if not isinstance(prices_by_threshold, dict):
        raise BadPriceFile(f"{where}.above: expected {{tokens: {{input: …, output: …}}}}")
    steps = {}
    for tokens, prices in prices_by_threshold.items():
        usable = isinstance(tokens, str) and _TOKEN_COUNT.fullmatch(tokens)
        if not usable or not isinstance(prices, dict) or prices.keys() - {*TOKEN_CLASSES}:
            at = tokens[:_MAX_SHOWN_CHARS] if isinstance(tokens, str) else "…"
            raise BadPriceFile(f"{where}.above.{at}: expected tokens: {{input: …, output: …}}")
        place = f"{where}.above.{tokens}"
        steps[int(tokens)] = {
            name: _parse_price(place, name, each) for name, each in prices.items()
        }
    return steps


def _select_steps(
    field: str, prices_by_threshold: dict[int, dict[str, Decimal]]
) -> tuple[tuple[int, Decimal], ...]:
    return tuple(
        (tokens, prices[field]) for tokens, prices in prices_by_threshold.items() if field in prices
    )


def _parse_price(where: str, field: str, value: object) -> Decimal:
    shown = repr(value[:_MAX_SHOWN_CHARS]) if isinstance(value, str) else "a list or a mapping"
    try:
        price = Decimal(value) if isinstance(value, str) else Decimal("nan")
    except InvalidOperation:
        price = Decimal("nan")
    if price.is_finite() and (price == 0 or _MIN_PRICE <= price <= _MAX_PRICE):
        return price
    raise BadPriceFile(f"{where}.{field}: {shown} is not a price in USD per million tokens")


def _parse_source_text(where: str, value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise BadPriceFile(f"{where}.source: expected text")


def _parse_day(where: str, value: object) -> date | None:
    try:
        return (
            None if value is None else date.fromisoformat(value if isinstance(value, str) else "")
        )
    except ValueError:
        shown = repr(value[:_MAX_SHOWN_CHARS]) if isinstance(value, str) else "a list or a mapping"
        raise BadPriceFile(f"{where}.checked: {shown} is not a date like 2026-11-20") from None
