"""`afcost prices check`."""

from __future__ import annotations

import json
from typing import Any

import click

from afcost.commands.prices.shared import others, price
from afcost.errors import Refused
from afcost.options import today
from afcost.rendering import console as draw
from estimator.plan.export import price_json
from estimator.plan.price_notes import price_warnings
from estimator.workload.planned_model import PlannedModel
from estimator.workload.resolve_models import price_book, resolve_models
from experiment.definition.experiment import BUILTIN, Changes
from experiment.definition.loader import load
from pricing.price_book import PriceBook

_HEADER = ["model", "source", "in", "out", "age", "others"]


@click.command("check")
@click.argument("experiment", required=False)
@click.option("--model", "-m", multiple=True, help="Subject model; may be repeated.")
@click.option("--format", type=click.Choice(["table", "json"]), default="table")
def command(*, experiment: str | None, model: tuple[str, ...], format: str) -> None:  # noqa: A002 - the option
    """Check the price of every model in EXPERIMENT, judges included: age, source, disagreement.

    Exits with 3 if a price is unreliable: unpriced, sources too far apart, or retired.
    """
    loaded = load(experiment or BUILTIN, Changes(models=model))
    book = price_book(today(), loaded)
    models = resolve_models(loaded, book)
    doubts = list(price_warnings(models, book, today()))
    if format == "json":
        rows = [_json(book, each) for each in models.values()]
        document = {"schema": "afcost.prices.check/1", "models": rows, "warnings": doubts}
        click.echo(json.dumps(document, indent=2))
    else:
        draw.table(draw.out(), _HEADER, [_row(book, each) for each in models.values()], left=2)
        for doubt in doubts:
            draw.say(draw.out(), doubt, "yellow")
    if bad := [str(each.name) for each in models.values() if _refused(book, each)]:
        raise Refused(f"unreliable prices: {', '.join(bad)}")


def _row(book: PriceBook, model: PlannedModel) -> list[str]:
    age = _age(book, model)
    return [
        str(model.name),
        draw.origin(model.card),
        price(model.card.input),
        price(model.card.output),
        "" if age is None else f"{age} d",
        others(model.offer.disagreement(book.day)),
    ]


def _age(book: PriceBook, model: PlannedModel) -> int | None:
    checked = model.card.checked
    return None if checked is None else (book.day - checked).days


def _refused(book: PriceBook, model: PlannedModel) -> bool:
    ends = book.retirement(model.name)
    return bool(model.offer.disputed(book.day)) or (ends is not None and ends.on <= book.day)


def _json(book: PriceBook, model: PlannedModel) -> dict[str, Any]:
    ends = book.retirement(model.name)
    return {
        "model": str(model.name),
        **price_json(model.offer, model.card, book.day),
        "age_days": _age(book, model),
        "disputed": bool(model.offer.disputed(book.day)),
        "retires": ends and ends.on.isoformat(),
    }
