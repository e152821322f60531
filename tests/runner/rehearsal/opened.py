"""A stand-in behind its door, in the test's own process, and a client at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import aiohttp

from pricing.price_book import PriceBook
from pricing.sources import read_price_flags
from providers.registry import builtin_providers
from runner.gateway import PricedModels
from runner.gateway.door import Door
from runner.rehearsal import RehearsalOptions
from runner.rehearsal.kept_bodies import KeptBodies
from runner.rehearsal.stand_in import StandIn

DAY = date(2026, 11, 28)
NAMES = ("openai/gpt-4o-mini", "anthropic/claude-haiku-4-5", "google/gemini-2.5-flash")


def make_options(**options: Any) -> RehearsalOptions:
    """Return options by which the models of three providers have a price."""
    book = PriceBook(DAY, flag_prices=read_price_flags([f"{name}=1/2" for name in NAMES]))
    return RehearsalOptions(builtin_providers(), book, **options)


class OpenedStandIn:
    """A stand-in, and calls of it."""

    def __init__(self, stand_in: StandIn, url: str, session: aiohttp.ClientSession) -> None:
        self.stand_in, self.url, self.session = stand_in, url, session

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        async with self.session.post(f"{self.url}/{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.read()

    async def get(self, path: str) -> Any:
        """Return a list of models."""
        async with self.session.get(f"{self.url}/{path}") as answer:
            return await answer.json()


@asynccontextmanager
async def open_stand_in(tokens: int = 40, **options: Any) -> AsyncIterator[OpenedStandIn]:
    """Open a stand-in for the duration of the context."""
    chosen, notes = make_options(**options), []
    models = PricedModels(chosen.book, chosen.providers)
    stand_in = StandIn(chosen, models, tokens, KeptBodies(chosen.most_bytes))
    async with (
        Door(stand_in.handle, note=notes.append) as door,
        aiohttp.ClientSession() as session,
    ):
        yield OpenedStandIn(stand_in, door.url, session)
    assert not notes
