"""Reads afcost's own tables, in a process that forks: what is forked has them in memory.

Prices, models, capabilities and failures are half a second's work, and a run of a test is less.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from pricing.price_book import PriceBook
from providers.capabilities import find_capability
from providers.failures import read_failure
from providers.registry import builtin_providers


def read_own_tables(day: date) -> None:
    """Read all that a run at any provider looks up, with the prices of a day."""
    providers = builtin_providers()
    openai = providers["openai"]
    PriceBook(day).resolve_name("openai/gpt-4o-mini", providers)
    for kind in ("openai", "anthropic", "google", "responses"):  # at servers of the tests' own
        find_capability(replace(providers["vllm"], name="lab", kind=kind), "llama-3.1-8b")
    read_failure(openai, 500, {}, b"{}", None)
