"""`afcost prices show`: show everything known about a model's price."""

from __future__ import annotations

import click

from afcost.commands.data.prices.current_prices import open_price_book, resolve_written_name
from afcost.rendering import console as draw
from afcost.rendering.prices.model_price import price_to_document, show_price


@click.command("show")
@click.argument("model")
@click.option(
    "--format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
def show_command(*, model: str, format: str) -> None:  # noqa: A002 - the option's name
    """Show what MODEL costs: all token classes, tiers and hours, announced prices, and sources."""
    book = open_price_book()
    name = resolve_written_name(book, model)
    offer = book.offer_for(name)
    if format == "json":
        click.echo(draw.show_json(price_to_document(book, name, offer)))
    else:
        show_price(book, name, offer)
