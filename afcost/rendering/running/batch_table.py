"""The batches of a run, in `afcost batches`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.durations import format_shortly
from pricing.money import Money
from runner.batch_desk import ListedBatch

BATCHES_SCHEMA = "afcost.batches/1"
_HEADER = [
    *("batch", "model", "stage", "at the provider", "state", "requests", "done"),
    *("reserved", "billed", "age", "ends by", "problem"),
]
_MOST_PROBLEM = 60  # characters


def show_batches(console: Console, batches: Sequence[ListedBatch], now: datetime) -> None:
    """Print the batches of a run, a row for each."""
    if not batches:
        draw.print_text(console, "no batches; `afcost run PLAN --batch` sends them")
        return
    rows = [_format_row(each, now) for each in batches]
    draw.print_table(console, _HEADER, rows, left_columns=5)
    away = [each for each in batches if each.note.is_open]
    open_ = draw.format_count(len(away), "is open", "are open")
    draw.print_text(console, f"{draw.format_count(len(batches), 'batch', 'batches')}: {open_}")


def _format_row(listed: ListedBatch, now: datetime) -> list[str]:
    note = listed.note
    begun = datetime.fromisoformat(note.intended_at) if note.intended_at else now
    return [
        note.chunk,
        note.model,
        note.stage,
        note.batch or "–",
        note.status if note.is_open and note.status else note.state.value,
        f"{note.lines:,}",
        "–" if listed.done is None else f"{listed.done:,}",
        draw.format_dollars(Money(note.reserved)),
        draw.format_dollars(listed.billed),
        format_shortly(max((now - begun).total_seconds(), 0.0)),
        f"{note.due:%Y-%m-%d %H:%M}" if note.due and note.is_open else "–",
        note.problem[:_MOST_PROBLEM],
    ]


def batches_to_json(batches: Sequence[ListedBatch]) -> dict[str, Any]:
    """Return the batches of a run as stable JSON; money as decimal strings of US dollars."""
    return {"schema": BATCHES_SCHEMA, "batches": [each.to_json() for each in batches]}
