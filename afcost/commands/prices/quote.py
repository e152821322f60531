"""`afcost prices quote`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import click

from afcost.commands.prices.shared import others, price
from afcost.options import Day, today
from afcost.rendering import console as draw
from estimator.comparison.quotes import Quote, quotes
from estimator.plan.planner import Estimate, estimate
from experiment.definition.experiment import BUILTIN, Changes
from pricing.money import from_float

_HEADER = ["provider", "source", "in", "out", "standard", "batch", "cached", "others"]


@click.command("quote")
@click.argument("model")
@click.argument("experiment", required=False)
@click.option("--on", type=Day(), help="Date of the run, such as 2026-12-02; default: today.")
@click.option("--limit", type=click.IntRange(1), help="Use only the first N queries.")
@click.option("--samples", type=click.IntRange(1), help="Samples of each query and condition.")
@click.option("--max-tokens", type=click.IntRange(1), help="The subject's max_tokens.")
@click.option("--format", type=click.Choice(["table", "json", "csv", "md"]), default="table")
def command(  # noqa: PLR0913 - one argument for each option
    *,
    model: str,
    experiment: str | None,
    on: date | None,
    limit: int | None,
    samples: int | None,
    max_tokens: int | None,
    format: str,  # noqa: A002 - the option's name
) -> None:
    """Price EXPERIMENT's calls to MODEL at every provider that offers it, cheapest first.

    Prices are for standard calls, for batches, and with every shared prefix read from a cache.
    Cache hits are not guaranteed. Samples of one query share more than the prefix.
    """
    changes = Changes((model,), limit, samples, max_tokens)
    made = estimate(experiment or BUILTIN, today(), changes, on)
    found = quotes(made, model)
    if format == "json":
        document = {"schema": "afcost.quote/1", "quotes": [_json(quote) for quote in found]}
        click.echo(json.dumps(document, indent=2))
        return
    rows = [_row(quote) for quote in found]
    if format == "csv":
        click.echo(draw.as_csv(_HEADER, rows), nl=False)
    elif format == "md":
        click.echo(draw.as_markdown(_HEADER, rows, left=2), nl=False)
    else:
        _draw(made, model, found)


def _draw(made: Estimate, model: str, found: list[Quote]) -> None:
    console, strata = draw.out(), [s for s in made.plan.strata if s.stage == "subject"]
    calls = sum(s.requests for s in strata)
    name = made.plan.models[model].name.short
    read = draw.tokens(sum(s.input_tokens for s in strata))
    written = draw.tokens(sum(s.output.mean for s in strata))
    draw.say(
        console, f"{made.plan.name}: {calls:,} calls to {name}, {read} in, ~{written} out", "bold"
    )
    draw.table(console, _HEADER, [_row(quote) for quote in found], left=2)
    for line in dict.fromkeys(_remarks(made, found)):
        draw.say(console, line, "dim")


def _row(quote: Quote) -> list[str]:
    card = quote.card
    return [
        quote.name.provider,
        draw.origin(card),
        price(card.input),
        price(card.output),
        draw.dollars(quote.standard),
        "–" if quote.batch is None else draw.dollars(quote.batch),
        "–" if quote.cached is None else draw.dollars(quote.cached),
        others(quote.disagreement),
    ]


def _remarks(made: Estimate, found: list[Quote]) -> Iterator[str]:
    judges = sum(s.cost.mean for s in made.plan.strata if s.stage != "subject")
    yield (
        "in, out: USD per million tokens; others: how much other sources differ; "
        "cached: with every shared prefix read from a cache"
    )
    if judges:
        yield f"judges cost {draw.dollars(judges)} more, at any provider"
    for quote in found:
        provider = quote.name.provider
        if quote.fee:
            yield f"{provider}: buying credits costs another {quote.fee}"
        if quote.caching.why_not:
            yield f"{provider}: not cached: {quote.caching.why_not}"
        elif quote.caching.asked:
            yield f"{provider}: caches only on request, which afcost does not do yet"
        if quote.batch is not None and quote.batch_note:
            yield f"{provider}: {quote.batch_note}"
        if quote.disputed:
            yield f"{provider}: sources are too far apart; choose one before a run"
        if quote.retires:
            yield f"{provider}: retires on {quote.retires.on}"


def _json(quote: Quote) -> dict[str, Any]:
    def exact(dollars: float | None) -> str | None:
        return None if dollars is None else from_float(dollars).exact()

    return {
        "provider": quote.name.provider,
        "model_id": quote.name.id,
        "input": f"{quote.card.input.base:f}",
        "output": f"{quote.card.output.base:f}",
        "standard_usd": exact(quote.standard),
        "batch_usd": exact(quote.batch),
        "cached_usd": exact(quote.cached),
        "fee_usd": quote.fee.exact(),
        "batch_note": quote.batch_note,
        "not_cached": quote.caching.why_not,
        "source": quote.card.source,
        "checked": quote.card.checked and quote.card.checked.isoformat(),
        "disagreement": quote.disagreement and str(quote.disagreement),
        "disputed": quote.disputed,
        "retires": quote.retires and quote.retires.on.isoformat(),
    }
