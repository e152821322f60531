"""How prices changed."""

from __future__ import annotations

from collections.abc import Sequence

from afcost.rendering import console as draw
from afcost.rendering.prices.rates import format_output, format_rate
from pricing.rates import RateCard

MAX_SHOWN = 30
_HEADER = ["model", "in", "out", "cached", "write"]
_CLASSES = ("input", "output", "cache_read", "cache_write")

PriceChanges = Sequence[tuple[str, RateCard | None, RateCard | None]]  # name, before, now


def describe_changes(changes: PriceChanges) -> str:
    """Describe how many prices differ."""
    if not changes:
        return "nothing changed"
    return f"{len(changes):,} {'price differs' if len(changes) == 1 else 'prices differ'}"


def show_changes(changes: PriceChanges, max_rows: int | None = MAX_SHOWN) -> None:
    """Print new prices with the old ones in brackets, the largest increase first."""
    if not changes:
        return
    console, ordered = draw.stdout(), sorted(changes, key=_find_largest_rise, reverse=True)
    rows = [[name, *_format_cells(was, now)] for name, was, now in ordered[:max_rows]]
    draw.print_table(console, _HEADER, rows)
    if max_rows is not None and len(changes) > max_rows:
        draw.print_text(
            console, f"and {len(changes) - max_rows:,} more: afcost prices diff --all", "dim"
        )


def _find_largest_rise(change: tuple[str, RateCard | None, RateCard | None]) -> float:
    _, was, now = change
    if was is None or now is None:
        return 0.0
    return max(
        float(now.rate_of_class(name).base / was.rate_of_class(name).base)
        if was.rate_of_class(name).base
        else 0.0
        for name in ("input", "output")
    )


def _format_cells(was: RateCard | None, now: RateCard | None) -> list[str]:
    if was is None or now is None:
        card = was or now
        prompt, *others = _format_prices(card) if card else ["", "", "", ""]
        return [f"{'gone' if now is None else 'new'} {prompt}", *others]
    pairs = zip(*(_format_prices(card) for card in (was, now)), strict=True)
    return [new if old == new else f"{new} ({old})" for old, new in pairs]


def _format_prices(card: RateCard) -> list[str]:
    rates = [format_rate(getattr(card, name)) for name in _CLASSES]
    return [rates[0], format_output(card), *rates[2:]]
