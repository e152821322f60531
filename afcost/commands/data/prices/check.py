"""`afcost prices check`: check the price of every model of an experiment."""

from __future__ import annotations

import click

from afcost.errors import Refused
from afcost.options import today
from afcost.rendering import console as draw
from afcost.rendering.prices.checked_prices import prices_to_document, show_checked_prices
from estimator.plan import list_price_warnings
from estimator.trusted_folders import user_trust
from estimator.workload import PlannedModel, load_price_book, resolve_models
from experiment.definition import BUILTIN_SOURCE, Overrides, load_experiment
from pricing.price_book import PriceBook


@click.command("check")
@click.argument("experiment", required=False)
@click.option(
    "--model", "-m", multiple=True, metavar="NAME", help="Subject model; may be repeated."
)
@click.option(
    "--format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
def check_command(*, experiment: str | None, model: tuple[str, ...], format: str) -> None:  # noqa: A002 - the option
    """Check the price of every model in EXPERIMENT, including judges: age, source, warnings.

    Exits with code 3 if a price is unreliable: unpriced, sources too far apart, or retired.
    """
    loaded = load_experiment(experiment or BUILTIN_SOURCE, Overrides(models=model), user_trust())
    book = load_price_book(today(), loaded)
    models = resolve_models(loaded, book)
    doubts = list(list_price_warnings(models, book, today()))
    if format == "json":
        document = prices_to_document(book, list(models.values()), doubts)
        click.echo(draw.show_json(document))
    else:
        show_checked_prices(book, list(models.values()), doubts)
    if bad := [str(each.name) for each in models.values() if _is_unreliable(book, each)]:
        raise Refused(f"unreliable prices: {', '.join(bad)}")


def _is_unreliable(book: PriceBook, model: PlannedModel) -> bool:
    ends = book.retirement_of(model.name)
    return bool(model.offer.disputing_cards(book.day)) or (
        ends is not None and ends.retires_on <= book.day
    )
