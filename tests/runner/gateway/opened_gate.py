"""A gate in the test's own process, with a ledger of its own, before a provider that is given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.sources import read_price_flags
from providers.registry import builtin_providers
from runner.approval import Approval
from runner.execution import SlowStart
from runner.gateway.door import Door
from runner.gateway.gate import Gate
from runner.gateway.guard_folder import GuardFolder
from runner.gateway.models import PricedModels
from runner.gateway.relay import Relay
from runner.gateway.spending import PartCap
from runner.ledger import Attempt, Balance, Ledger, open_ledger
from runner.run_folder import create_run_dir
from runner.state import Trust

PRICES = ("openai/lab-model=0.50/2.00", "anthropic/lab-model=0.50/2.00")
BODY = {"model": "lab-model", "max_tokens": 60, "messages": [{"role": "user", "content": "Hi"}]}


@dataclass
class OpenedGate:
    """A gate behind its door, and a client at it."""

    door: Door
    gate: Gate
    ledger: Ledger
    models: PricedModels
    session: aiohttp.ClientSession
    notes: list[str] = field(default_factory=list)

    async def call(
        self, path: str = "openai/v1/chat/completions", **fields: Any
    ) -> tuple[int, str]:
        """Call the model, and return the status and the body; fields that are None are left out."""
        body = {name: value for name, value in (BODY | fields).items() if value is not None}
        async with self.session.post(f"{self.door.url}/{path}", json=body) as answer:
            return answer.status, await answer.text()

    async def leave(self) -> None:
        """Call the model, and leave before it answers."""
        url = urlsplit(self.door.url)
        _, writer = await asyncio.open_connection(url.hostname, url.port)
        body, path = json.dumps(BODY).encode(), f"{url.path}/openai/v1/chat/completions"
        head = f"POST {path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        while self.door.open_calls < 2:  # noqa: ASYNC110 - the door tells no one
            await asyncio.sleep(0.005)
        writer.close()
        await writer.wait_closed()

    async def settle(self) -> None:
        """Wait until all calls are settled, which is after they were answered."""
        while self.door.open_calls:  # noqa: ASYNC110 - the door tells no one
            await asyncio.sleep(0.005)

    def note_reserved(self) -> list[Money]:
        """Return a list of what is reserved from now on, which grows."""
        reserved, reserve = [], self.ledger.reserve

        def note(attempt: Attempt, amount: Money, said: str) -> None:
            reserved.append(amount)
            reserve(attempt, amount, said)

        self.ledger.reserve = note
        return reserved

    @property
    def balance(self) -> Balance:
        return self.ledger.balance


@asynccontextmanager
async def opened_gate(
    folder: Path,
    provider_url: str = "",
    *,
    cap: str = "1",
    concurrency: int = 64,
    caps: Sequence[PartCap] = (),
) -> AsyncIterator[OpenedGate]:
    """Open a gate; OpenAI is at the URL that is given, without a key."""
    create_run_dir(folder)
    guarded = GuardFolder(folder, "lab")
    providers = {n: each for n, each in builtin_providers().items() if each.kind != "none"}
    url = f"{provider_url}/v1"
    own = {"base_url": url, "builtin_url": False, "api_key_env": ()}
    providers |= {name: replace(providers[name], **own) for name in ("openai", "anthropic")}
    today = datetime.now(UTC).date()
    book = PriceBook(today, [], [], read_price_flags(PRICES))
    models, notes = PricedModels(book, providers), []
    with open_ledger(guarded.locate_ledger(), folder) as ledger:
        ledger.begin_work(guarded.work)
        now = datetime.now(UTC)
        ledger.record_approval(
            Approval(guarded.work.digest, Money.from_usd(cap), "test", now, id="1" * 32)
        )
        async with Relay(30, notes.append) as relay:
            gate = Gate(
                ledger,
                models,
                providers,
                relay,
                make_slow_start=lambda _: SlowStart(
                    concurrency, Trust(answers=concurrency), Money.from_usd(cap)
                ),
                concurrency=concurrency,
                caps=caps,
            )
            async with (
                asyncio.timeout(20),
                Door(gate.handle, note=notes.append) as door,
                aiohttp.ClientSession() as session,
            ):
                yield OpenedGate(door, gate, ledger, models, session, notes)
