"""The prices an experiment uses: their age, their source, and doubts about them."""

from __future__ import annotations

from typing import Any

from afcost.rendering import console as draw
from afcost.rendering.prices.rates import format_disagreement, format_output, format_rate
from estimator.plan import price_to_json
from estimator.workload import PlannedModel
from pricing.price_book import PriceBook

_HEADER = ["model", "source", "in", "out", "age", "others"]


def show_checked_prices(book: PriceBook, models: list[PlannedModel], doubts: list[str]) -> None:
    """Print the price of each model, and the doubts."""
    console = draw.stdout()
    rows = [_format_row(book, each) for each in models]
    draw.print_table(console, _HEADER, rows, left_columns=2)
    for doubt in doubts:
        draw.print_text(console, doubt, "yellow")


def prices_to_document(
    book: PriceBook, models: list[PlannedModel], doubts: list[str]
) -> dict[str, Any]:
    """Return the price of each model, and the doubts, as a JSON document."""
    rows = [_to_json(book, each) for each in models]
    return {"schema": "afcost.prices.check/1", "models": rows, "warnings": doubts}


def _format_row(book: PriceBook, model: PlannedModel) -> list[str]:
    age = _count_days_since_checked(book, model)
    return [
        str(model.name),
        draw.format_source(model.card),
        format_rate(model.card.input),
        format_output(model.card),
        "" if age is None else f"{age} d",
        format_disagreement(model.offer.disagreement_ratio(book.day)),
    ]


def _count_days_since_checked(book: PriceBook, model: PlannedModel) -> int | None:
    checked = model.card.checked
    return None if checked is None else (book.day - checked).days


def _to_json(book: PriceBook, model: PlannedModel) -> dict[str, Any]:
    ends = book.retirement_of(model.name)
    return {
        "model": str(model.name),
        **price_to_json(model.offer, model.card, book.day),
        "age_days": _count_days_since_checked(book, model),
        "disputed": bool(model.offer.disputing_cards(book.day)),
        "retires": ends and ends.retires_on.isoformat(),
    }
