"""Price lists that were fetched: a file for each, written whole or not at all.

Each file carries a digest of all else that is in it. One that is damaged is an error and not
ignored: without it other prices would hold, and nobody would have asked for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from pricing.errors import BadPriceFile
from pricing.rates.rate_card import RateCard
from pricing.rates.tariff import Tariff
from pricing.sources.table import Rows, Table

SCHEMA = "afcost.prices/1"
LARGEST_FILE = 64 << 20
NAMES = ("openrouter", "deepinfra", "genai-prices")


def read(folder: Path) -> list[Table]:
    """Read all fetched price lists of a folder; a missing one was never fetched.

    Raises:
        BadPriceFile: one is damaged; the text says how to mend it.
    """
    return [table for name in NAMES if (table := read_one(path_of(folder, name)))]


def read_one(path: Path) -> Table | None:
    """Read one fetched price list; None where there is none.

    Raises:
        BadPriceFile: it is damaged.
    """
    if not path.exists():
        return None
    mend = "fetch it again with `afcost prices update`, or remove the file"
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadPriceFile(f"{path} is larger than {LARGEST_FILE >> 20} MiB; {mend}")
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA or data.pop("digest") != digest_of(data):
            raise BadPriceFile(f"{path} is not what was fetched; {mend}")
        return Table(data["name"], date.fromisoformat(data["fetched"]), data["rows"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadPriceFile(f"cannot read {path} ({error!r}); {mend}") from error


def text_of(name: str, url: str, fetched: date, rows: Rows) -> str:
    """Give the text of a price list's file."""
    document = {
        "schema": SCHEMA,
        "name": name,
        "url": url,
        "fetched": fetched.isoformat(),
        "rows": rows,
    }
    signed = {"digest": digest_of(document)} | document
    return json.dumps(signed, separators=(",", ":")) + "\n"


def path_of(folder: Path, name: str) -> Path:
    """Give the file of a price list."""
    return folder / f"{name}.json"


def before_of(folder: Path, name: str) -> Path:
    """Give the file of the price list that was there before the last refresh."""
    return folder / f"{name}.before.json"


def digest_of(document: dict[str, Any]) -> str:
    """Give the sha256 of a price list's document, without its digest."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def changes(
    before: Table | None,
    after: Table,
    day: date,
    known: Callable[[str, str], Tariff | None] = lambda *_: None,
) -> Iterator[tuple[str, RateCard | None, RateCard | None]]:
    """Give every model whose standard price of a day differs: its name, and both cards or None.

    Args:
        before: the list before; without one the first list is compared with what was known.
        after: the list now.
        day: of the prices.
        known: gives what was known without any list; models that were not are left out then.
    """
    earlier = before.tariff if before else known
    for provider in sorted({*after.rows, *(before.rows if before else ())}):
        ids = {*after.ids(provider), *(before.ids(provider) if before else ())}
        for model_id in sorted(ids):
            was = _usual(earlier(provider, model_id), day)
            now = _usual(after.tariff(provider, model_id), day)
            if before is None and was is None:
                continue
            if was is None or now is None or not was.same_price(now):
                yield f"{provider}/{model_id}", was, now


def _usual(tariff: Tariff | None, day: date) -> RateCard | None:
    return tariff.usual(day) if tariff is not None and tariff.begun(day) else None
