"""`afcost prices list`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from afcost.commands.prices.shared import here, price
from afcost.rendering import console as draw
from pricing.catalog import model_names as names
from pricing.catalog.model_names import ModelName
from pricing.errors import NoPrice
from pricing.price_book import PriceBook
from providers.registry import providers

_HEADER = ["model", "id", "source", "in", "out", "cached", "window"]


@click.command("list")
@click.argument("text", required=False, default="")
@click.option("--provider", help="All models of one provider, with or without an alias.")
@click.option("--format", type=click.Choice(["table", "json", "csv", "md"]), default="table")
def command(*, text: str, provider: str | None, format: str) -> None:  # noqa: A002 - the option
    """List models whose name contains TEXT, each at the provider of its alias."""
    book = here()
    rows = [
        row
        for row in _rows(book, provider)
        if text.lower() in f"{row['model']} {row['id']}".lower()
    ]
    if format == "json":
        click.echo(json.dumps({"schema": "afcost.prices.list/1", "models": rows}, indent=2))
        return
    cells = [[str(row[name] or "") for name in _HEADER] for row in rows]
    if format == "csv":
        click.echo(draw.as_csv(_HEADER, cells), nl=False)
    elif format == "md":
        click.echo(draw.as_markdown(_HEADER, cells, left=3), nl=False)
    elif not cells:
        draw.say(draw.out(), f"No model matches {text!r}.")
    else:
        draw.table(draw.out(), _HEADER, cells, left=3)
        draw.say(draw.out(), "USD per million tokens; +: higher for long prompts", "dim")


def _rows(book: PriceBook, provider: str | None) -> Iterator[dict[str, Any]]:
    for name in _names(book, provider):
        try:
            card = book.card(name)
        except NoPrice:
            continue
        window = book.window(name)
        yield {
            "model": str(name) if provider is None else name.short,
            "id": name.id,
            "in": price(card.input),
            "out": price(card.output),
            "cached": price(card.cache_read),
            "window": window and draw.tokens(window),
            "source": draw.origin(card),
        }


def _names(book: PriceBook, provider: str | None) -> Iterator[ModelName]:
    known = providers({})
    if provider is None:
        yield from (book.resolve(alias, known) for alias in names.aliases())
        return
    if provider not in known:
        raise click.UsageError(
            f"--provider {provider}: known providers: {', '.join(sorted(known))}"
        )
    for model_id in sorted(book.ids(provider)):
        yield book.resolve(f"{provider}/{model_id}", known)
