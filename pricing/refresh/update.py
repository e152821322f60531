"""Refresh price lists on request: fetch, parse, check for plausibility, then replace.

A list is accepted whole or not at all. It is rejected when it is too large, cannot be read,
contains an impossible price, has lost half of its models, or moved too many prices too far, as a
mistake of units would. Then the previous list stays in use; otherwise it is kept for comparison.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import requests

from pricing.errors import BadPriceFile, CannotUpdate
from pricing.rates import TOKEN_CLASSES, RateCard, Tariff
from pricing.refresh.download import download_file
from pricing.sources import (
    PRICE_LIST_URL,
    GenaiSource,
    MalformedPriceList,
    PriceRows,
    PriceTable,
    find_price_changes,
    parse_deepinfra,
    parse_openrouter,
    previous_path,
    price_list_path,
    read_price_list,
    require_text,
    serialize_price_list,
)

MAX_DOWNLOAD_SIZE = 32 << 20  # bytes
_TIMEOUTS = (5.0, 30.0)  # seconds to connect, and between two reads
_MAX_SECONDS = 120.0  # for the whole download
_MAX_PRICE = Decimal(10_000)  # USD per million tokens; the most expensive model on sale costs 600
_MAX_SEARCH_PRICE = Decimal(1_000_000)  # USD per million searches: a dollar each
_MIN_MODELS = {"openrouter": 50, "deepinfra": 20, "genai-prices": 500}  # models of a whole list
# A list in which more than one in 20 prices moved by more than 3 x is rejected.
_LARGE_MOVE, _SUSPICIOUS_ONE_IN = Decimal(3), 20
_PARSE_ERRORS = (ValueError, TypeError, ArithmeticError, RecursionError)
_GENAI_URL = (
    "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/"
    "new_data/v2/data.json"
)


TariffLookup = Callable[[str, str], Tariff | None]  # by provider and model id


@dataclass(frozen=True, slots=True)
class PriceFeed:
    """A price list that can be fetched: its name, its address, and its parser."""

    name: str
    url: str
    parse: Callable[[object, date], PriceRows]


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """The result of an update: how many models the list prices, and what changed.

    Attributes:
        changes: (provider/model, card before, card now); None where it had no price.
    """

    name: str
    model_count: int
    changes: tuple[tuple[str, RateCard | None, RateCard | None], ...]


def list_feeds() -> list[PriceFeed]:
    """Return all price lists that can be fetched."""
    return [
        PriceFeed("openrouter", PRICE_LIST_URL, parse_openrouter),
        PriceFeed("deepinfra", PRICE_LIST_URL, parse_deepinfra),
        PriceFeed("genai-prices", _GENAI_URL, _parse_genai),
    ]


def update_feed(
    feed: PriceFeed, folder: Path, day: date, known_tariff: TariffLookup = lambda *_: None
) -> UpdateResult:
    """Fetch a price list and replace the previous one.

    Args:
        feed: the list; its url is an address, or the path of a file.
        folder: where fetched lists are stored.
        day: today.
        known_tariff: returns a tariff known without any fetched list, to compare the first list to.

    Raises:
        CannotUpdate: the list was rejected; nothing has changed.
    """
    try:
        rows = feed.parse(_decode_json(_fetch_bytes(feed)), day)
        _check_prices(rows)
    except (MalformedPriceList, CannotUpdate) as error:
        raise CannotUpdate(f"{feed.name}: {error}; the previous prices stay in use") from error
    before = _read_previous(price_list_path(folder, feed.name))
    after = PriceTable(feed.name, day, rows)
    changed = tuple(find_price_changes(before, after, day, known_tariff))
    _check_moves(feed.name, before, after, changed)
    try:
        _replace_file(
            folder, feed, serialize_price_list(feed.name, _public_url(feed.url), day, rows)
        )
    except OSError as error:
        raise CannotUpdate(f"{feed.name}: cannot write {folder}: {error}") from error
    return UpdateResult(feed.name, _count_models(after), changed)


def _public_url(url: str) -> str:
    """Return an address as it may be kept: without a password or a key in it."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _read_previous(path: Path) -> PriceTable | None:
    """Read the previous list; a damaged one is ignored."""
    try:
        return read_price_list(path)
    except BadPriceFile:
        return None


def _fetch_bytes(feed: PriceFeed) -> bytes:
    if "://" not in feed.url:
        try:
            with Path(feed.url).open("rb") as file:
                return _check_size(file.read(MAX_DOWNLOAD_SIZE + 1))
        except OSError as error:
            raise CannotUpdate(f"cannot read {feed.url}: {error.strerror}") from error
    try:
        return _check_size(download_file(feed.url, MAX_DOWNLOAD_SIZE + 1, _TIMEOUTS, _MAX_SECONDS))
    except requests.Timeout as error:
        raise CannotUpdate(f"{feed.url}: no answer in time") from error
    except (requests.RequestException, OSError) as error:
        raise CannotUpdate(f"cannot reach {feed.url} ({type(error).__name__})") from error
    except ValueError as error:
        raise CannotUpdate(f"{feed.url}: {error}") from error


def _check_size(body: bytes) -> bytes:
    if len(body) > MAX_DOWNLOAD_SIZE:
        raise CannotUpdate(f"it is larger than {MAX_DOWNLOAD_SIZE >> 20} MiB")
    return body


def _decode_json(body: bytes) -> object:
    payload: object
    try:
        payload = json.loads(body, parse_float=Decimal, parse_constant=_reject_constant)
    except _PARSE_ERRORS as error:
        raise MalformedPriceList(f"it is not JSON: {str(error)[:200]}") from error
    return payload


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a price")


def _parse_genai(payload: object, day: date) -> PriceRows:
    from genai_prices.types import (  # noqa: PLC0415 - costs half a second
        _providers_from_raw,  # pyright: ignore[reportPrivateUsage] - as its own updater does
    )

    if not isinstance(payload, list):
        raise MalformedPriceList("expected a list of providers")
    try:
        data = GenaiSource(_providers_from_raw(payload), f"genai-prices, fetched {day}", day)
        rows = data.to_rows()
    except (*_PARSE_ERRORS, LookupError, AttributeError) as error:
        raise MalformedPriceList(
            f"it is not in genai-prices' format: {str(error)[:200]}"
        ) from error
    for provider, models in rows.items():
        for name in (provider, *models):
            require_text({"id": name}, "id")
    return rows


def _check_prices(rows: PriceRows) -> None:
    for provider, models in rows.items():
        for model_id, row in models.items():
            for offer in row["offers"]:
                for period in Tariff.from_json(offer["tariff"]).periods:
                    _check_card(f"{provider}/{model_id}", period.card)


def _check_card(name: str, card: RateCard) -> None:
    named = [(field, card.rate_of_class(field)) for field in TOKEN_CLASSES]
    for field, rate in (*named, *card.extra):
        most = _MAX_SEARCH_PRICE if field == "search" else _MAX_PRICE
        for price in (rate.base, *(price for _, price in rate.tiers)):
            if price > most:
                raise MalformedPriceList(f"{name}: {field} is ${price:.6g} per million")
    if card.per_request > 1:
        raise MalformedPriceList(f"{name}: price per request is ${card.per_request:.6g}")


def _check_moves(
    name: str,
    previous: PriceTable | None,
    current: PriceTable,
    changes: tuple[tuple[str, RateCard | None, RateCard | None], ...],
) -> None:
    """Reject a list that lost half of its models, or moved too many prices too far."""
    was, now = (_count_models(previous) if previous else 0), _count_models(current)
    consequence = "the previous prices stay in use"
    if now < max(_MIN_MODELS.get(name, 1), was / 2):
        raise CannotUpdate(f"{name}: it has only {now} models, previously {was}; {consequence}")
    far = [each for each, old, new in changes if old and new and _moved_far(old, new)]
    if len(far) * _SUSPICIOUS_ONE_IN > max(was, now):
        raise CannotUpdate(
            f"{name}: {len(far)} of {now} prices moved more than {_LARGE_MOVE} x, such as "
            f"{far[0]}; {consequence}"
        )


def _moved_far(old: RateCard, new: RateCard) -> bool:
    pairs = (
        (old.rate_of_class(name).base, new.rate_of_class(name).base) for name in ("input", "output")
    )
    return any(max(a, b) > _LARGE_MOVE * min(a, b) for a, b in pairs)


def _count_models(table: PriceTable) -> int:
    return sum(map(len, table.rows.values()))


def _replace_file(folder: Path, feed: PriceFeed, text: str) -> None:
    """Replace a price list atomically, and keep the previous version next to it.

    Not `estimator.atomic_write`, which this room may not import: between writing and renaming, the
    previous list must get its second name.
    """
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)  # what else is kept there is private
    path = price_list_path(folder, feed.name)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(text, encoding="utf-8")
        if path.exists():
            kept = path.with_name(f".before.{os.getpid()}")
            kept.unlink(missing_ok=True)
            os.link(path, kept)
            kept.replace(previous_path(folder, feed.name))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
