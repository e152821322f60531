"""How much the ledger and its order of work slow a run down.

    python benchmarks/throughput.py

200 requests against a local server that takes 200 ms, at concurrency 50: the ideal time is 0.8 s.
A bare aiohttp loop with the same bodies is the peer in the same run. The run is timed from its
first request's reservation to its last one's settlement; preparing the plan is not.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).parent.parent))

from estimator import plan as plans
from estimator.estimate import estimate
from pricing.money import Money
from runner.approval import Approval, record
from runner.run import execute
from tests.servers.behaviour import Behaviour
from tests.servers.provider import ProviderHandle, run_provider

REQUESTS, CONCURRENCY, DELAY, ROUNDS = 200, 50, 0.2, 5
IDEAL = REQUESTS / CONCURRENCY * DELAY

EXPERIMENT = """
name: speed
models: [lab/model]
factors: {{tier: {{free: {{tag: "True"}}, paid: {{tag: "False"}}}}}}
queries: {{file: queries.txt}}
messages:
  - {{role: system, content: "{system}"}}
  - {{role: user, content: "{{{{ tag }}}} {{{{ query }}}}"}}
sampling: {{max_tokens: 100}}
providers: {{lab: {{kind: openai, base_url: "{url}/v1"}}}}
"""


def afcost(url: str, folder: Path) -> float:
    text = EXPERIMENT.format(url=url, system="You are careful. " * 300)
    (folder / "experiment.yaml").write_text(text)
    (folder / "queries.txt").write_text("".join(f"query {n}\n" for n in range(REQUESTS // 2)))
    (folder / "afcost.prices.yaml").write_text('prices: {lab/model: {input: "1", output: "2"}}')
    now, path = datetime.now(UTC), folder / "plan.json"
    plan = estimate(str(folder / "experiment.yaml"), now.date()).plan
    plans.save(plan, path)
    record(Approval(plan.digest, Money.usd("100"), "benchmark", now), path)
    began = 0.0

    def start(*_: object) -> None:
        nonlocal began
        began = time.perf_counter()

    _, progress = execute(path, now, folder=folder / "run", concurrency=CONCURRENCY, started=start)
    took = time.perf_counter() - began
    if progress.answered != REQUESTS:
        raise SystemExit(f"only {progress.answered} of {REQUESTS} were answered: {progress}")
    return took


async def bare(url: str) -> float:
    body = {
        "model": "model",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "You are careful. " * 300}],
    }
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(session: aiohttp.ClientSession) -> None:
        async with slots, session.post(f"{url}/v1/chat/completions", json=body) as response:
            await response.json()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began = time.perf_counter()
        await asyncio.gather(*(one(session) for _ in range(REQUESTS)))
        return time.perf_counter() - began


def main() -> None:
    with run_provider(Behaviour(delay=DELAY)) as server:
        rounds = [_round(server) for _ in range(ROUNDS)]
    print(f"ideal {IDEAL:.2f} s; {ROUNDS} rounds, afcost / bare aiohttp / ratio to the ideal")
    for mine, peer in rounds:
        print(f"  {mine:.3f} s   {peer:.3f} s   {mine / IDEAL:.2f} x (bare {peer / IDEAL:.2f} x)")


def _round(server: ProviderHandle) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        mine = afcost(server.url, Path(folder))
        os.chdir("/")
    return mine, asyncio.run(bare(server.url))


if __name__ == "__main__":
    main()
