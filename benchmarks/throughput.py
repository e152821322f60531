"""How much the ledger, slow start and the order of work slow a run down.

    python benchmarks/throughput.py
    git worktree add ../earlier COMMIT && python benchmarks/throughput.py --against ../earlier

Requests against local servers: 8,000 with 200 in flight at 200 ms, and 10,000 with 1,000 in flight
at 1 s. A bare aiohttp loop with the same bodies is the peer in the same run. A run is timed from
opening its ledger to its last settlement, which is on the disk; preparing the plan is not timed,
nor what follows (the seconds behind `then`): what later estimates learn from the answers is kept.
`cold` knows nothing of the server's bills, `trust` begins with what the run before it earned, and
`earlier` is the same by the code of another folder. CPU is of the process, user and system.

The cap is $500, so what trust may put at risk, a hundredth, pays for more requests than are in
flight. The part that slow start costs is worked out as well, also where the cap is just what the
plan costs at most. Beside it, how often a second the ledger reserves and settles: one after the
other, and as tasks of a run do it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

sys.path.insert(0, os.environ.get("BENCHMARKED", str(Path(__file__).parent.parent)))

from estimator.plan import estimate_experiment, save_plan
from pricing.money import Money
from runner.approval import Approval, save_approval
from runner.execution import Budget, Progress
from runner.launch import RunOptions, execute_plan
from runner.ledger import FileLocation, SpooledAnswer, open_ledger
from tests.runner.sample_experiment import AMPLE, an_answer, an_attempt, approval
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import ProviderHandle, run_provider

HERE = Path(__file__).parent.parent
ROUNDS, CAP = 3, "500"
WRITES, TASKS = 4_000, 50
SYSTEM = "You are careful. " * 300

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


@dataclass(frozen=True)
class Cell:
    """A number of requests, how many are in flight, and the seconds that each takes."""

    requests: int
    concurrency: int
    delay: float


CELLS = (Cell(8_000, 200, 0.2), Cell(10_000, 1_000, 1.0))


@dataclass(frozen=True)
class Took:
    """The seconds that requests took, those of the processor, and those that followed."""

    wall: float
    cpu: float
    then: float = 0.0


def main() -> None:
    """Read the command line, and print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--in-flight", type=int, help="only this cell")
    parser.add_argument("--against", type=Path, help="a folder with another commit")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # what a process of its own is to time
    options = parser.parse_args()
    if options.only:
        print(json.dumps(_time_one(*json.loads(options.only))))
        return
    for cell in CELLS:
        if options.in_flight in (None, cell.concurrency):
            _print_cell(cell, options.rounds, options.against)
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            alone, together = one_by_one(Path(folder)), asyncio.run(at_once(Path(folder)))
        print(f"ledger, reserve + settle a second: {alone:.0f} one by one, {together:.0f} at once")


def _print_cell(cell: Cell, rounds: int, against: Path | None) -> None:
    print(
        f"{cell.requests:,} requests, {cell.concurrency} at once, {cell.delay} s each: "
        f"{cell.requests / cell.concurrency * cell.delay:.1f} s at best; slow start takes "
        f"{ramp_loss(cell, 1, cell.concurrency):.1f} s more when cold, "
        f"{ramp_loss(cell, cell.concurrency, cell.concurrency):.1f} with trust; under a cap that "
        f"just pays for all {ramp_loss(cell, 1, cell.requests // 100):.1f} and "
        f"{ramp_loss(cell, cell.requests // 100, cell.requests // 100):.1f}"
    )
    for _ in range(rounds):
        found = _round(cell, against)
        bare = found.pop("bare")
        print(
            f"  bare aiohttp {bare.wall:.2f} s, {bare.cpu / cell.requests * 1e6:.0f} us a request"
        )
        for name, took in found.items():
            rate, each = bare.wall / took.wall, took.cpu / cell.requests * 1e6
            print(
                f"  {name:<12} {took.wall:.2f} s, {each:.0f} us, {rate:.0%} of the bare rate, "
                f"then {took.then:.2f} s"
            )


def ramp_loss(cell: Cell, first: int, paid: int) -> float:
    """Return the seconds that slow start takes from a run.

    Args:
        cell: of the run.
        first: how many are in flight when it begins.
        paid: how many a hundredth of the cap pays for.
    """
    size = first = max(min(first, cell.concurrency), 1)
    answers, lost = 0, 0.0
    while size < cell.concurrency:
        answers += size
        lost += (1 - size / cell.concurrency) * cell.delay
        size = max(first + 3 * answers, min((1 + answers) ** 2, paid))
    return lost


def _round(cell: Cell, against: Path | None) -> dict[str, Took]:
    """Time each variant once, in a process of its own and against the same server."""
    with run_provider(Behaviour(delay=cell.delay)) as server, tempfile.TemporaryDirectory() as home:
        found = {"bare": _time("bare", server, cell, home)}
        if against is not None:
            with tempfile.TemporaryDirectory() as other:
                found["earlier"] = _time("run", server, cell, other, against)
        found["cold"] = _time("run", server, cell, home)
        found["trust"] = _time("run", server, cell, home)
        return found


def _time(what: str, server: ProviderHandle, cell: Cell, home: str, code: Path = HERE) -> Took:
    told = json.dumps([what, server.url, cell.requests, cell.concurrency])
    environment = os.environ | {"AFCOST_HOME": home, "BENCHMARKED": str(code.resolve())}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, str(Path(__file__).resolve()), "--only", told]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, env=environment, cwd=folder, check=True, stdout=subprocess.PIPE
        )
    return Took(*json.loads(done.stdout.splitlines()[-1]))


def _time_one(what: str, url: str, requests: int, concurrency: int) -> tuple[float, ...]:
    if what == "bare":
        return asyncio.run(bare(url, requests, concurrency))
    return afcost(url, Path.cwd(), requests, concurrency)


def _clocks() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


def _since(began: tuple[float, float]) -> tuple[float, float]:
    wall, cpu = _clocks()
    return wall - began[0], cpu - began[1]


def afcost(url: str, folder: Path, requests: int, concurrency: int) -> tuple[float, ...]:
    """Run an approved plan in a folder."""
    (folder / "experiment.yaml").write_text(EXPERIMENT.format(url=url, system=SYSTEM))
    (folder / "queries.txt").write_text("".join(f"query {n}\n" for n in range(requests // 2)))
    (folder / "afcost.prices.yaml").write_text('prices: {lab/model: {input: "1", output: "2"}}')
    now, path = datetime.now(UTC), folder / "plan.json"
    plan = estimate_experiment(str(folder / "experiment.yaml"), now.date()).plan
    save_plan(plan, path)
    save_approval(Approval(plan.digest, Money.from_usd(CAP), "benchmark", now), path)
    began, took = _clocks(), (0.0, 0.0)

    def start(*_: object) -> None:
        nonlocal began
        began = _clocks()

    def note(progress: Progress) -> None:  # an answer is told once it is settled
        nonlocal took
        if progress.answered == requests and not any(took):
            took = _since(began)

    options = RunOptions(
        folder=folder / "run", concurrency=concurrency, on_start=start, on_progress=note
    )
    _, progress = execute_plan(path, now, options)
    if progress.answered != requests:
        raise SystemExit(f"only {progress.answered} of {requests} were answered: {progress}")
    return *took, _since(began)[0] - took[0]


async def bare(url: str, requests: int, concurrency: int) -> tuple[float, float]:
    """Send the same bodies without a ledger."""
    body = {
        "model": "model",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": SYSTEM}],
    }
    slots = asyncio.Semaphore(concurrency)

    async def one(session: aiohttp.ClientSession) -> None:
        async with slots, session.post(f"{url}/v1/chat/completions", json=body) as response:
            await response.json()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began = _clocks()
        await asyncio.gather(*(one(session) for _ in range(requests)))
        return _since(began)


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
