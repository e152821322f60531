"""`afcost models`: what models take at their providers: reasoning, sampling, prefill, limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from afcost.rendering import console as draw
from afcost.rendering.model_facts import ModelCapability
from afcost.rendering.model_view import (
    LIST_HEADER,
    LIST_NOTE,
    build_list_row,
    model_to_document,
    models_to_document,
    show_model,
)
from pricing.catalog import (
    ModelName,
    find_context_window,
    list_aliases,
    provider_ids,
    resolve_model_name,
)
from pricing.errors import UnknownModel
from providers.capabilities import find_capability
from providers.provider import Provider
from providers.registry import find_builtin_name, load_providers

if TYPE_CHECKING:
    from pricing.price_book import PriceBook


@click.group("models")
def models_command() -> None:
    """Look up what models take: reasoning and its levels, sampling fields, prefills, limits.

    These are dated facts with their sources. What a model does not take is left out or refused
    when an experiment is estimated, and the estimate says so.
    """


@models_command.command("show")
@click.argument("model")
@click.option(
    "--format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
def show_command(*, model: str, format: str) -> None:  # noqa: A002 - the option's name
    """Show what MODEL takes at its provider, and by which source."""
    providers = load_providers({})
    found = _find_model(_resolve_name(model, providers), providers)
    if format == "json":
        click.echo(draw.show_json(model_to_document(found)))
    else:
        show_model(found)


@models_command.command("list")
@click.argument("text", required=False, default="")
@click.option("--provider", metavar="NAME", help="List the models that this provider serves.")
@click.option(
    "--format",
    type=click.Choice(["table", "json", "csv", "md"]),
    default="table",
    show_default=True,
    help="Output format.",
)
def list_command(*, text: str, provider: str | None, format: str) -> None:  # noqa: A002 - the option
    """List models whose name contains TEXT, each at its default provider."""
    models = [
        model
        for model in _iterate_models(provider)
        if text.lower() in f"{model.name} {model.name.id}".lower()
    ]
    if format == "json":
        click.echo(draw.show_json(models_to_document(models)))
        return
    rows = [build_list_row(model) for model in models]
    if format == "csv":
        click.echo(draw.format_csv(LIST_HEADER, rows), nl=False)
    elif format == "md":
        click.echo(draw.format_markdown(LIST_HEADER, rows, left_columns=1), nl=False)
    elif not rows:
        draw.print_text(draw.stdout(), _describe_none(text, provider))
    else:
        draw.print_table(draw.stdout(), LIST_HEADER, rows)
        draw.print_text(draw.stdout(), LIST_NOTE, "dim")


def _describe_none(text: str, provider: str | None) -> str:
    where = (f" at {provider}" if provider else "") + (f" matches {text!r}" if text else "")
    return (
        f"No listed model{where}. Any other has a record by its id:  "
        f"afcost models show {provider or 'PROVIDER'}/ID"
    )


def _iterate_models(provider: str | None) -> Iterator[ModelCapability]:
    providers = load_providers({})
    named = provider and find_builtin_name(provider)
    if provider and not named:
        known = ", ".join(sorted(providers))
        raise click.UsageError(f"--provider {provider}: known providers: {known}")
    for alias in list_aliases():
        ids = provider_ids(alias)
        at = named or next(iter(ids))
        if at in ids:
            yield _find_model(ModelName(f"{at}/{alias}", at, ids[at], alias), providers)


def _resolve_name(written: str, providers: dict[str, Provider]) -> ModelName:
    """Resolve a name by the alias table alone; only ids of labs need the prices, which are slow."""
    try:
        return resolve_model_name(written, providers, lambda *_: False)
    except UnknownModel:
        return _open_price_book().resolve_name(written, providers)


def _open_price_book() -> PriceBook:
    """Return today's price book; importing it takes as long as all else here."""
    from afcost.options import today  # noqa: PLC0415
    from estimator.user_dirs import price_folder  # noqa: PLC0415
    from pricing.price_book import PriceBook  # noqa: PLC0415
    from pricing.sources import read_price_lists  # noqa: PLC0415

    return PriceBook(today(), fetched_lists=read_price_lists(price_folder()))


def _find_model(name: ModelName, providers: dict[str, Provider]) -> ModelCapability:
    provider = providers[name.provider]
    takes = find_capability(provider, name.id)
    return ModelCapability(name, provider, takes, find_context_window(name.alias))
