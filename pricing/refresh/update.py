"""Refreshing price lists, when the user asks for it: fetch, read, doubt, and only then replace.

A list is taken whole or not at all. It is doubted when it is too large, cannot be read, holds a
price that cannot be, has lost half of its models, or moved too many prices too far: a mistake of
units looks like that. The one before stays then, and is kept for comparison when all is well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pricing.errors import BadPriceFile, CannotUpdate
from pricing.rates.rate_card import CLASSES, RateCard
from pricing.rates.tariff import Tariff
from pricing.sources import deepinfra, openrouter
from pricing.sources import fetched_lists as refreshed
from pricing.sources.field_validation import Misread, text
from pricing.sources.genai import Genai
from pricing.sources.table import Rows, Table

LARGEST = 32 << 20  # bytes of a list
_TIMEOUT = (5.0, 30.0)  # seconds to connect, and between two reads
_LONGEST = 120.0  # seconds in all
_DEAREST = Decimal(10_000)  # USD per million tokens; the dearest model on sale asks 600
_FEWEST = {"openrouter": 50, "deepinfra": 20, "genai-prices": 500}  # models of a whole list
_FAR, _MANY = Decimal(3), 20  # more than one in 20 prices moved by more than 3 x: doubtful
_DAMAGED = (ValueError, TypeError, ArithmeticError, RecursionError)
_GENAI_URL = (
    "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/"
    "new_data/v2/data.json"
)


Known = Callable[[str, str], Tariff | None]  # by provider and model id


@dataclass(frozen=True, slots=True)
class Feed:
    """A price list that can be fetched: its name, where it is, and how it is read."""

    name: str
    url: str
    read: Callable[[Any, date], Rows]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A price list that was taken: how many models it prices, and what changed.

    Attributes:
        changed: (provider/model, card before, card now); a side is None where it had none.
    """

    name: str
    models: int
    changed: tuple[tuple[str, RateCard | None, RateCard | None], ...]


def feeds() -> list[Feed]:
    """Give all price lists that can be fetched."""
    return [
        Feed("openrouter", openrouter.URL, openrouter.read),
        Feed("deepinfra", deepinfra.URL, deepinfra.read),
        Feed("genai-prices", _GENAI_URL, _read_genai),
    ]


def update(feed: Feed, folder: Path, day: date, known: Known = lambda *_: None) -> Refreshed:
    """Fetch a price list and put it in the place of the one before.

    Args:
        feed: which, and from where: an address, or a file's path.
        folder: where fetched lists are kept.
        day: today.
        known: gives what was known without any fetched list, to compare the first one with.

    Raises:
        CannotUpdate: it was not taken; nothing has changed.
    """
    try:
        rows = feed.read(_decoded(_fetched(feed)), day)
        _check_prices(rows)
    except (Misread, CannotUpdate) as error:
        raise CannotUpdate(f"{feed.name}: {error}; the previous prices stay in use") from error
    before = _before(refreshed.path_of(folder, feed.name))
    after = Table(feed.name, day, rows)
    changed = tuple(refreshed.changes(before, after, day, known))
    _check_moves(feed.name, before, after, changed)
    try:
        _replace(folder, feed, refreshed.text_of(feed.name, feed.url, day, rows))
    except OSError as error:
        raise CannotUpdate(f"{feed.name}: cannot write {folder}: {error}") from error
    return Refreshed(feed.name, _size(after), changed)


def _before(path: Path) -> Table | None:
    """Give the list that was there; a damaged one says nothing."""
    try:
        return refreshed.read_one(path)
    except BadPriceFile:
        return None


def _fetched(feed: Feed) -> bytes:
    if "://" not in feed.url:
        try:
            with Path(feed.url).open("rb") as file:
                return _limited(file.read(LARGEST + 1))
        except OSError as error:
            raise CannotUpdate(f"cannot read {feed.url}: {error.strerror}") from error
    import requests  # noqa: PLC0415 - only when asked for

    from pricing.refresh.download import download  # noqa: PLC0415

    try:
        return _limited(download(feed.url, LARGEST + 1, _TIMEOUT, _LONGEST))
    except requests.Timeout as error:
        raise CannotUpdate(f"{feed.url}: no answer in time") from error
    except (requests.RequestException, OSError) as error:
        raise CannotUpdate(f"cannot reach {feed.url} ({type(error).__name__})") from error
    except ValueError as error:
        raise CannotUpdate(f"{feed.url}: {error}") from error


def _limited(body: bytes) -> bytes:
    if len(body) > LARGEST:
        raise CannotUpdate(f"it is larger than {LARGEST >> 20} MiB")
    return body


def _decoded(body: bytes) -> Any:  # noqa: ANN401 - whatever was sent
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refused)
    except _DAMAGED as error:
        raise Misread(f"it is not JSON: {str(error)[:200]}") from error


def _refused(constant: str) -> Any:  # noqa: ANN401
    raise ValueError(f"{constant} is not a price")


def _read_genai(payload: Any, day: date) -> Rows:  # noqa: ANN401
    from genai_prices.types import (  # noqa: PLC0415 - costs half a second
        _providers_from_raw,  # pyright: ignore[reportPrivateUsage] - as its own updater does
    )

    if not isinstance(payload, list):
        raise Misread("expected a list of providers")
    try:
        data = Genai(_providers_from_raw(payload), f"genai-prices, fetched {day}", day)
        rows = data.rows()
    except (*_DAMAGED, LookupError, AttributeError) as error:
        raise Misread(f"it is not in genai-prices' format: {str(error)[:200]}") from error
    for provider, models in rows.items():
        for name in (provider, *models):
            text({"id": name}, "id")
    return rows


def _check_prices(rows: Rows) -> None:
    for provider, models in rows.items():
        for model_id, row in models.items():
            for offer in row["offers"]:
                for period in Tariff.from_json(offer["tariff"]).periods:
                    _check_card(f"{provider}/{model_id}", period.card)


def _check_card(name: str, card: RateCard) -> None:
    for field in CLASSES:
        rate = card.rate(field)
        for price in (rate.base, *(price for _, price in rate.tiers)):
            if price > _DEAREST:
                raise Misread(f"{name}: {field} is ${price:.6g} per million tokens")
    if card.per_request > 1:
        raise Misread(f"{name}: price per request is ${card.per_request:.6g}")


def _check_moves(
    name: str,
    before: Table | None,
    after: Table,
    changed: tuple[tuple[str, RateCard | None, RateCard | None], ...],
) -> None:
    """Doubt a list that lost half of its models, or moved too many prices too far."""
    was, now = (_size(before) if before else 0), _size(after)
    stay = "the previous prices stay in use"
    if now < max(_FEWEST.get(name, 1), was / 2):
        raise CannotUpdate(f"{name}: it has only {now} models, previously {was}; {stay}")
    far = [each for each, old, new in changed if old and new and _moved_far(old, new)]
    if len(far) * _MANY > max(was, now):
        raise CannotUpdate(
            f"{name}: {len(far)} of {now} prices moved more than {_FAR} x, such as {far[0]}; {stay}"
        )


def _moved_far(old: RateCard, new: RateCard) -> bool:
    pairs = ((old.rate(name).base, new.rate(name).base) for name in ("input", "output"))
    return any(max(a, b) > _FAR * min(a, b) for a, b in pairs)


def _size(table: Table) -> int:
    return sum(map(len, table.rows.values()))


def _replace(folder: Path, feed: Feed, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, and keep the old beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = refreshed.path_of(folder, feed.name)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(text, encoding="utf-8")
        if path.exists():
            kept = path.with_name(f".before.{os.getpid()}")
            kept.unlink(missing_ok=True)
            os.link(path, kept)
            kept.replace(refreshed.before_of(folder, feed.name))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
