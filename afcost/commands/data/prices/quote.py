"""`afcost prices quote`: price an experiment at every provider of a model."""

from __future__ import annotations

from datetime import date

import click

from afcost.options import UpcomingDay, today
from afcost.rendering import console as draw
from afcost.rendering.prices.quotes import QUOTE_HEADER, build_rows, quotes_to_document, show_quotes
from estimator.comparison import quote_at_providers
from estimator.plan import EstimateOptions, estimate_experiment
from experiment.definition import BUILTIN_SOURCE, Overrides


@click.command("quote")
@click.argument("model")
@click.argument("experiment", required=False)
@click.option(
    "--on", type=UpcomingDay(), help="Date of the run, such as 2026-12-02; default: today."
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Use only the first N queries.")
@click.option(
    "--samples", type=click.IntRange(1), metavar="N", help="Samples per query and condition."
)
@click.option(
    "--max-tokens", type=click.IntRange(1), metavar="N", help="max_tokens of the subject models."
)
@click.option(
    "--format",
    type=click.Choice(["table", "json", "csv", "md"]),
    default="table",
    show_default=True,
    help="Output format.",
)
def quote_command(  # noqa: PLR0913 - one argument for each option
    *,
    model: str,
    experiment: str | None,
    on: date | None,
    limit: int | None,
    samples: int | None,
    max_tokens: int | None,
    format: str,  # noqa: A002 - the option's name
) -> None:
    """Price EXPERIMENT's calls to MODEL at every provider that has it, cheapest first.

    Prices are for standard calls, for batches, and with every shared prefix read from a cache.
    Cache hits are not guaranteed. Samples of one query share more than the prefix.
    """
    overrides, options = Overrides((model,), limit, samples, max_tokens), EstimateOptions(on)
    estimate = estimate_experiment(experiment or BUILTIN_SOURCE, today(), overrides, options)
    quotes = quote_at_providers(estimate, model)
    if format == "json":
        click.echo(draw.show_json(quotes_to_document(quotes)))
    elif format == "csv":
        click.echo(draw.format_csv(QUOTE_HEADER, build_rows(quotes)), nl=False)
    elif format == "md":
        click.echo(draw.format_markdown(QUOTE_HEADER, build_rows(quotes), left_columns=2), nl=False)
    else:
        show_quotes(estimate, model, quotes)
