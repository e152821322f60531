"""Extra rates: what a provider bills beside the tokens of texts, where a source prices it.

Such as audio that a model speaks, or a search of the web. A forecast and a reservation never
include them, because no request here asks for them; a bill that shows them is priced by them.
"""

from __future__ import annotations

from typing import Any

from pricing.rates.rate import Rate

# USD per million: of tokens, of searches.
EXTRA_CLASSES = (
    "input_audio",
    "output_audio",
    "input_image",
    "output_image",
    "input_video",
    "output_video",
    "output_citation",
    "search",
)
ExtraRates = tuple[tuple[str, Rate], ...]


def merge_extra_rates(one: ExtraRates, other: ExtraRates) -> ExtraRates:
    """Return every class of both, at the higher rate where both have it."""
    merged = dict(one)
    for name, rate in other:
        merged[name] = merged[name].max_with(rate) if name in merged else rate
    return tuple(sorted(merged.items()))


def extra_rates_to_json(rates: ExtraRates) -> dict[str, Any]:
    """Return the rates under `extra`; nothing without any, as in plans of before."""
    return {"extra": {name: rate.to_json() for name, rate in rates}} if rates else {}


def extra_rates_from_json(data: dict[str, Any]) -> ExtraRates:
    """Read what `extra_rates_to_json` returns."""
    return tuple((name, Rate.from_json(each)) for name, each in data.get("extra", {}).items())
