"""How much the ledger, the ramp and the order of work slow a run down.

    python benchmarks/throughput.py

Requests against a local server that takes 200 ms, at concurrency 50 and 200; a bare aiohttp loop
with the same bodies is the peer in the same run. A run is timed from opening its ledger to its last
settlement, with the rounds in which trust is earned; preparing the plan is not. Beside it, how
often a second the ledger reserves and settles: one after the other, and as tasks of a run do it.
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

from estimator.plan import estimate_experiment, save_plan
from pricing.money import Money
from runner.approval import Approval, save_approval
from runner.execution import Budget
from runner.launch import RunOptions, execute_plan
from runner.ledger import FileLocation, SpooledAnswer, open_ledger
from tests.runner.sample_experiment import AMPLE, an_answer, an_attempt, approval
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import ProviderHandle, run_provider

CELLS = ((2_000, 50), (8_000, 200))  # requests, concurrency
DELAY, ROUNDS = 0.2, 3
WRITES, TASKS = 4_000, 50

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


def afcost(url: str, folder: Path, requests: int, concurrency: int) -> float:
    text = EXPERIMENT.format(url=url, system="You are careful. " * 300)
    (folder / "experiment.yaml").write_text(text)
    (folder / "queries.txt").write_text("".join(f"query {n}\n" for n in range(requests // 2)))
    (folder / "afcost.prices.yaml").write_text('prices: {lab/model: {input: "1", output: "2"}}')
    now, path = datetime.now(UTC), folder / "plan.json"
    plan = estimate_experiment(str(folder / "experiment.yaml"), now.date()).plan
    save_plan(plan, path)
    save_approval(Approval(plan.digest, Money.from_usd("100"), "benchmark", now), path)
    began = 0.0

    def start(*_: object) -> None:
        nonlocal began
        began = time.perf_counter()

    options = RunOptions(folder=folder / "run", concurrency=concurrency, on_start=start)
    _, progress = execute_plan(path, now, options)
    took = time.perf_counter() - began
    if progress.answered != requests:
        raise SystemExit(f"only {progress.answered} of {requests} were answered: {progress}")
    return took


async def bare(url: str, requests: int, concurrency: int) -> float:
    body = {
        "model": "model",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "You are careful. " * 300}],
    }
    slots = asyncio.Semaphore(concurrency)

    async def one(session: aiohttp.ClientSession) -> None:
        async with slots, session.post(f"{url}/v1/chat/completions", json=body) as response:
            await response.json()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began = time.perf_counter()
        await asyncio.gather(*(one(session) for _ in range(requests)))
        return time.perf_counter() - began


def main() -> None:
    with run_provider(Behaviour(delay=DELAY)) as server:
        for requests, concurrency in CELLS:
            ideal = requests / concurrency * DELAY
            print(f"{requests:,} requests, {concurrency} at once, ideal {ideal:.1f} s:")
            for _ in range(ROUNDS):
                mine, peer = _round(server, requests, concurrency)
                print(
                    f"  afcost {mine:.2f} s ({requests / mine:.0f}/s)   bare aiohttp {peer:.2f} s "
                    f"({requests / peer:.0f}/s)   {peer / mine:.0%} of the bare loop's rate"
                )
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            alone, together = one_by_one(Path(folder)), asyncio.run(at_once(Path(folder)))
        print(f"ledger, reserve + settle a second: {alone:.0f} one by one, {together:.0f} at once")


def _round(server: ProviderHandle, requests: int, concurrency: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        mine = afcost(server.url, Path(folder), requests, concurrency)
        os.chdir("/")
    return mine, asyncio.run(bare(server.url, requests, concurrency))


def one_by_one(folder: Path) -> float:
    """Reserve and settle, each in a transaction that is on the disk before it ends."""
    with open_ledger(FileLocation(folder / "alone.sqlite")) as ledger:
        ledger.record_approval(approval(AMPLE))
        ledger.allocate("job", Money.from_usd("1"))
        began = time.perf_counter()
        for number in range(WRITES):
            attempt = an_attempt(number=number)
            ledger.reserve(attempt, Money(300))
            ledger.settle(attempt, Money(200), an_answer())
        return WRITES / (time.perf_counter() - began)


async def at_once(folder: Path) -> float:
    """The same by the tasks of a run."""
    with open_ledger(FileLocation(folder / "tasks.sqlite")) as ledger:
        ledger.record_approval(approval(AMPLE))
        ledger.allocate("job", Money.from_usd("1"))
        budget = Budget(ledger)

        async def one_task(task: int) -> None:
            for number in range(WRITES // TASKS):
                attempt = an_attempt(number=task * WRITES + number)
                await budget.reserve([(attempt, Money(300))])
                await budget.settle([SpooledAnswer(attempt, Money(200), an_answer(), "")])

        began = time.perf_counter()
        await asyncio.gather(*(one_task(task) for task in range(TASKS)))
        return WRITES / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
