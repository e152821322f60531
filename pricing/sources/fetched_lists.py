"""Fetched price lists: one file for each, written whole or not at all.

Each file contains a digest of the rest of its content. A damaged file is an error and not ignored:
otherwise other prices would silently apply.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from pricing.errors import BadPriceFile
from pricing.rates import RateCard, Tariff
from pricing.sources.table import PriceRows, PriceTable

PRICE_LIST_SCHEMA = "afcost.prices/1"
MAX_LIST_FILE_SIZE = 64 << 20
LIST_NAMES = ("openrouter", "deepinfra", "genai-prices")


def read_price_lists(folder: Path) -> list[PriceTable]:
    """Read all fetched price lists of a folder; lists that were never fetched are skipped.

    Raises:
        BadPriceFile: one is damaged; the text says how to fix it.
    """
    return [
        table for name in LIST_NAMES if (table := read_price_list(price_list_path(folder, name)))
    ]


def read_price_list(path: Path) -> PriceTable | None:
    """Read one fetched price list; None where there is none.

    Raises:
        BadPriceFile: it is damaged.
    """
    if not path.exists():
        return None
    fix = "fetch it again with `afcost prices update`, or remove the file"
    try:
        if path.stat().st_size > MAX_LIST_FILE_SIZE:
            raise BadPriceFile(f"{path} is larger than {MAX_LIST_FILE_SIZE >> 20} MiB; {fix}")
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != PRICE_LIST_SCHEMA or data.pop("digest") != compute_digest(data):
            raise BadPriceFile(f"{path} is not what was fetched; {fix}")
        return PriceTable(data["name"], date.fromisoformat(data["fetched"]), data["rows"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadPriceFile(f"cannot read {path} ({error!r}); {fix}") from error


def serialize_price_list(name: str, url: str, fetched: date, rows: PriceRows) -> str:
    """Return the content of a price list's file."""
    document = {
        "schema": PRICE_LIST_SCHEMA,
        "name": name,
        "url": url,
        "fetched": fetched.isoformat(),
        "rows": rows,
    }
    signed = {"digest": compute_digest(document)} | document
    return json.dumps(signed, separators=(",", ":")) + "\n"


def price_list_path(folder: Path, name: str) -> Path:
    """Return the path of a price list."""
    return folder / f"{name}.json"


def previous_path(folder: Path, name: str) -> Path:
    """Return the path of the price list as it was before the last update."""
    return folder / f"{name}.before.json"


def compute_digest(document: dict[str, Any]) -> str:
    """Return the sha256 of a price list's document, without its digest."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def find_price_changes(
    previous: PriceTable | None,
    current: PriceTable,
    day: date,
    known_tariff: Callable[[str, str], Tariff | None] = lambda *_: None,
) -> Iterator[tuple[str, RateCard | None, RateCard | None]]:
    """Yield every model whose standard price changed: its name, and both cards or None.

    Args:
        previous: the list before; None for a first list.
        current: the list now.
        day: of the prices.
        known_tariff: returns a tariff known without any list, to compare a first list to; models
            without one are then left out.
    """
    earlier = previous.find_tariff if previous else known_tariff
    for provider in sorted({*current.rows, *(previous.rows if previous else ())}):
        ids = {*current.model_ids(provider), *(previous.model_ids(provider) if previous else ())}
        for model_id in sorted(ids):
            was = _typical_card(earlier(provider, model_id), day)
            now = _typical_card(current.find_tariff(provider, model_id), day)
            if previous is None and was is None:
                continue
            if was is None or now is None or not was.has_same_price(now):
                yield f"{provider}/{model_id}", was, now


def _typical_card(tariff: Tariff | None, day: date) -> RateCard | None:
    return tariff.typical(day) if tariff is not None and tariff.has_started(day) else None
