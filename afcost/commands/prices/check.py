"""`afcost prices check`: check the price of every model of an experiment."""

from __future__ import annotations

import json
from typing import Any

import click

from afcost.commands.prices.shared import format_disagreement, format_rate
from afcost.errors import Refused
from afcost.options import today
from afcost.rendering import console as draw
from estimator.plan import list_price_warnings, price_to_json
from estimator.workload import PlannedModel, load_price_book, resolve_models
from experiment.definition import BUILTIN_SOURCE, Overrides, load_experiment
from pricing.price_book import PriceBook

_HEADER = ["model", "source", "in", "out", "age", "others"]


@click.command("check")
@click.argument("experiment", required=False)
@click.option("--model", "-m", multiple=True, help="Subject model; may be repeated.")
@click.option("--format", type=click.Choice(["table", "json"]), default="table")
def check_command(*, experiment: str | None, model: tuple[str, ...], format: str) -> None:  # noqa: A002 - the option
    """Check the price of every model in EXPERIMENT, including judges: age, source, warnings.

    Exits with 3 if a price is unreliable: unpriced, sources too far apart, or retired.
    """
    loaded = load_experiment(experiment or BUILTIN_SOURCE, Overrides(models=model))
    book = load_price_book(today(), loaded)
    models = resolve_models(loaded, book)
    doubts = list(list_price_warnings(models, book, today()))
    if format == "json":
        rows = [_to_json(book, each) for each in models.values()]
        document = {"schema": "afcost.prices.check/1", "models": rows, "warnings": doubts}
        click.echo(json.dumps(document, indent=2))
    else:
        draw.print_table(
            draw.stdout(),
            _HEADER,
            [_format_row(book, each) for each in models.values()],
            left_columns=2,
        )
        for doubt in doubts:
            draw.print_text(draw.stdout(), doubt, "yellow")
    if bad := [str(each.name) for each in models.values() if _is_unreliable(book, each)]:
        raise Refused(f"unreliable prices: {', '.join(bad)}")


def _format_row(book: PriceBook, model: PlannedModel) -> list[str]:
    age = _age_in_days(book, model)
    return [
        str(model.name),
        draw.format_source(model.card),
        format_rate(model.card.input),
        format_rate(model.card.output),
        "" if age is None else f"{age} d",
        format_disagreement(model.offer.disagreement_ratio(book.day)),
    ]


def _age_in_days(book: PriceBook, model: PlannedModel) -> int | None:
    checked = model.card.checked
    return None if checked is None else (book.day - checked).days


def _is_unreliable(book: PriceBook, model: PlannedModel) -> bool:
    ends = book.retirement_of(model.name)
    return bool(model.offer.disputing_cards(book.day)) or (
        ends is not None and ends.retires_on <= book.day
    )


def _to_json(book: PriceBook, model: PlannedModel) -> dict[str, Any]:
    ends = book.retirement_of(model.name)
    return {
        "model": str(model.name),
        **price_to_json(model.offer, model.card, book.day),
        "age_days": _age_in_days(book, model),
        "disputed": bool(model.offer.disputing_cards(book.day)),
        "retires": ends and ends.retires_on.isoformat(),
    }
