"""`afcost prices list`: list models and their prices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import click

from afcost.commands.data.prices.current_prices import open_price_book
from afcost.rendering import console as draw
from afcost.rendering.prices.rates import format_output, format_rate
from pricing.catalog import ModelName, list_aliases
from pricing.errors import NoPrice, UnknownModel
from pricing.price_book import PriceBook
from providers.registry import find_builtin_name, load_providers

_HEADER = ["model", "id", "source", "in", "out", "cached", "window"]


@click.command("list")
@click.argument("text", required=False, default="")
@click.option(
    "--provider",
    metavar="NAME",
    help="List all models of this provider, also those without an alias.",
)
@click.option(
    "--format",
    type=click.Choice(["table", "json", "csv", "md"]),
    default="table",
    show_default=True,
    help="Output format.",
)
def list_command(*, text: str, provider: str | None, format: str) -> None:  # noqa: A002 - the option
    """List models whose name contains TEXT, each at its default provider."""
    book = open_price_book()
    rows = [
        row
        for row in _iterate_rows(book, provider)
        if text.lower() in f"{row['model']} {row['id']}".lower()
    ]
    if format == "json":
        click.echo(draw.show_json({"schema": "afcost.prices.list/1", "models": rows}))
        return
    cells = [[str(row[name] or "") for name in _HEADER] for row in rows]
    if format == "csv":
        click.echo(draw.format_csv(_HEADER, cells), nl=False)
    elif format == "md":
        click.echo(draw.format_markdown(_HEADER, cells, left_columns=3), nl=False)
    elif not cells:
        draw.print_text(draw.stdout(), f"No model matches {text!r}.")
    else:
        draw.print_table(draw.stdout(), _HEADER, cells, left_columns=3)
        draw.print_text(draw.stdout(), "USD per million tokens; +: higher for long prompts", "dim")


def _iterate_rows(book: PriceBook, provider: str | None) -> Iterator[dict[str, Any]]:
    for name in _iterate_names(book, provider):
        try:
            card = book.standard_card(name)
        except NoPrice:
            continue
        window = book.context_window(name)
        yield {
            "model": str(name) if provider is None else name.short_name,
            "id": name.id,
            "in": format_rate(card.input),
            "out": format_output(card),
            "cached": format_rate(card.cache_read),
            "window": window and draw.format_tokens(window),
            "source": draw.format_source(card),
        }


def _iterate_names(book: PriceBook, provider: str | None) -> Iterator[ModelName]:
    known = load_providers({})
    if provider is None:
        yield from (book.resolve_name(alias, known) for alias in list_aliases())
        return
    named = find_builtin_name(provider)
    if named is None:
        raise click.UsageError(
            f"--provider {provider}: known providers: {', '.join(sorted(known))}"
        )
    for model_id in sorted(book.model_ids(named)):
        with suppress(UnknownModel):  # weights that their maker does not serve
            yield book.resolve_name(f"{named}/{model_id}", known)
