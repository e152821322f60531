"""Quotes of several providers for the same calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from afcost.rendering import console as draw
from afcost.rendering.prices.rates import format_disagreement, format_output, format_rate
from estimator.comparison import Quote
from estimator.plan import Estimate
from pricing.money import money_from_float

QUOTE_HEADER = ["provider", "source", "in", "out", "standard", "batch", "cached", "others"]


def show_quotes(estimate: Estimate, model: str, quotes: list[Quote]) -> None:
    """Print quotes, and what to know about them."""
    console, strata = draw.stdout(), [s for s in estimate.plan.strata if s.stage == "subject"]
    calls = sum(s.requests for s in strata)
    name = estimate.plan.models[model].name.short_name
    read = draw.format_tokens(sum(s.input_tokens for s in strata))
    written = draw.format_tokens(sum(s.output.mean for s in strata))
    draw.print_text(
        console,
        f"{estimate.plan.name}: {calls:,} calls to {name}, {read} in, ~{written} out",
        "bold",
    )
    draw.print_table(console, QUOTE_HEADER, build_rows(quotes), left_columns=2)
    for line in dict.fromkeys(_list_remarks(estimate, quotes)):
        draw.print_text(console, line, "dim")


def build_rows(quotes: list[Quote]) -> list[list[str]]:
    """Return a table row for each quote."""
    return [_format_row(quote) for quote in quotes]


def quotes_to_document(quotes: list[Quote]) -> dict[str, Any]:
    """Return quotes as a JSON document."""
    return {"schema": "afcost.quote/1", "quotes": [_to_json(quote) for quote in quotes]}


def _format_row(quote: Quote) -> list[str]:
    card = quote.card
    return [
        quote.name.provider,
        draw.format_source(card),
        format_rate(card.input),
        format_output(card),
        draw.format_dollars(quote.standard),
        "–" if quote.batch is None else draw.format_dollars(quote.batch),
        "–" if quote.cached is None else draw.format_dollars(quote.cached),
        format_disagreement(quote.disagreement),
    ]


def _list_remarks(estimate: Estimate, quotes: list[Quote]) -> Iterator[str]:
    judges = sum(s.cost.mean for s in estimate.plan.strata if s.stage != "subject")
    yield (
        "in, out: USD per million tokens; others: how much other sources differ; "
        "cached: with every shared prefix read from a cache"
    )
    if judges:
        yield f"judges cost another {draw.format_dollars(judges)}, at any provider"
    for quote in quotes:
        provider = quote.name.provider
        if quote.fee:
            yield f"{provider}: buying credits costs another {quote.fee}"
        if quote.caching.reason:
            yield f"{provider}: not cached: {quote.caching.reason}"
        elif quote.caching.opt_in:
            yield f"{provider}: caches only what is marked, by `cache: auto` in the file"
        if quote.batch is not None and quote.batch_note:
            yield f"{provider}: {quote.batch_note}"
        if quote.disputed:
            yield f"{provider}: sources are too far apart; choose one before a run"
        if quote.retires:
            yield f"{provider}: retires on {quote.retires.retires_on}"


def _to_json(quote: Quote) -> dict[str, Any]:
    def exact_dollars(dollars: float | None) -> str | None:
        return None if dollars is None else money_from_float(dollars).to_decimal_string()

    return {
        "provider": quote.name.provider,
        "model_id": quote.name.id,
        "input": f"{quote.card.input.base:f}",
        "output": f"{quote.card.output.base:f}",
        "per_request": f"{quote.card.per_request:f}",
        "standard_usd": exact_dollars(quote.standard),
        "batch_usd": exact_dollars(quote.batch),
        "cached_usd": exact_dollars(quote.cached),
        "fee_usd": quote.fee.to_decimal_string(),
        "batch_note": quote.batch_note,
        "not_cached": quote.caching.reason,
        "source": quote.card.source,
        "checked": quote.card.checked and quote.card.checked.isoformat(),
        "disagreement": quote.disagreement and str(quote.disagreement),
        "disputed": quote.disputed,
        "retires": quote.retires and quote.retires.retires_on.isoformat(),
    }
