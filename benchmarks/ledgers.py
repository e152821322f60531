"""How often a second a ledger reserves and settles, beside what its disk and its database can do.

    python benchmarks/ledgers.py [--seconds 5] [--workers 4]

SQLite: one pair after the other, and as 50 tasks of a run ask for them; the disk's own bound is how
often 4 kB are appended and synchronised, twice for each pair. PostgreSQL, which waits for its disk
as it does by default: processes of 50 tasks each share one ledger; a job is a pair with the money
that is set aside before and freed after, four entries in all. The peer there is as many processes
that lock one row and insert 50 bare rows in each transaction, a statement for each row.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent))

from pricing.money import Money
from runner.execution import Budget
from runner.ledger import (
    FileLocation,
    Ledger,
    PostgresLocation,
    SpooledAnswer,
    open_job_table,
    open_ledger,
)
from tests.runner.sample_experiment import AMPLE, an_answer, an_attempt, approval
from tests.support.postgres.server import run_postgres

TASKS, SYNC, LEASE, ROUNDS = 50, 4096, 60.0, 3
STUDY = "ab" * 32
ENTRY = (
    "CREATE TABLE head (seq BIGINT); INSERT INTO head VALUES (0); "
    "CREATE TABLE entry (id BIGSERIAL, text TEXT)"
)


def main(seconds: float, workers: int) -> None:
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            syncs, alone = sync(folder, seconds), one_by_one(folder, seconds)
            pairs, cpu = asyncio.run(at_once(folder / "tasks.sqlite", seconds))
        print(
            f"SQLite: {alone:.0f} pairs a second one by one; the disk's bound {syncs / 2:.0f}. "
            f"{pairs:.0f} as {TASKS} tasks, {cpu * 1e6:.0f} us of CPU each"
        )
    with run_postgres("--durable") as postgres:
        for number in (1, workers):
            for _ in range(ROUNDS):
                print(f"PostgreSQL, {number} at once: {share(postgres.url, number, seconds)}")


def sync(folder: Path, seconds: float) -> float:
    """Return how often a second the disk takes an append."""
    block, done, began = os.urandom(SYNC), 0, time.perf_counter()
    with (folder / "appended").open("ab", buffering=0) as file:
        while time.perf_counter() < began + seconds:
            file.write(block)
            os.fdatasync(file.fileno())
            done += 1
    return done / (time.perf_counter() - began)


def one_by_one(folder: Path, seconds: float) -> float:
    """Reserve and settle, each in a transaction that is on the disk before it ends."""
    with open_ledger(FileLocation(folder / "alone.sqlite")) as ledger:
        ledger.record_approval(approval(AMPLE))
        ledger.allocate("job", Money.from_usd("1"))
        done, began = 0, time.perf_counter()
        while time.perf_counter() < began + seconds:
            attempt = an_attempt(number=done)
            ledger.reserve(attempt, Money(300))
            ledger.settle(attempt, Money(200), an_answer())
            done += 1
        return done / (time.perf_counter() - began)


async def at_once(path: Path, seconds: float) -> tuple[float, float]:
    """Do the same by the tasks of a run; return the pairs a second, and the CPU time of each."""
    with open_ledger(FileLocation(path)) as ledger:
        ledger.record_approval(approval(AMPLE))
        ledger.allocate("job", Money.from_usd("1"))
        budget = Budget(ledger)
        done, took, used = await _do_by_tasks(seconds, lambda n: _pair(budget, "job", n))
        return done / took, used / done


async def _do_by_tasks(
    seconds: float, do: Callable[[int], Awaitable[None]]
) -> tuple[int, float, float]:
    """Do a numbered piece of work again and again, by the tasks of a run.

    Returns:
        how often it was done, and the seconds and the CPU time of all of it.
    """
    began, done, used = time.perf_counter(), 0, _cpu()

    async def one_task() -> None:
        nonlocal done
        while time.perf_counter() < began + seconds:
            done += 1
            await do(done)

    await asyncio.gather(*(one_task() for _ in range(TASKS)))
    return done, time.perf_counter() - began, _cpu() - used


async def _pair(budget: Budget, job: str, number: int) -> None:
    attempt = an_attempt(job, job, number)
    await budget.reserve([(attempt, Money(300))])
    await budget.settle([SpooledAnswer(attempt, Money(200), an_answer(), "")])


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def share(server: str, workers: int, seconds: float) -> str:
    """Return the rates of processes on one ledger, and of as many that insert bare rows."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS bare CASCADE")
        connection.execute("CREATE SCHEMA bare")
        connection.execute(f"SET search_path TO bare; {ENTRY}")
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^afcost'")
        for (name,) in found.fetchall():
            connection.execute(f'DROP SCHEMA "{name}" CASCADE')
    with open_ledger(PostgresLocation(server, STUDY)) as ledger:
        ledger.record_approval(approval(Money.from_usd("100")))
    jobs, cpu = _crew("ledger", server, workers, seconds)
    rows, _ = _crew("bare", server, workers, seconds)
    return (
        f"{jobs:.0f} jobs a second, {cpu * 1e6:.0f} us of CPU each; "
        f"bare rows {rows:.0f} a second, as many as {rows / 4:.0f} jobs have"
    )


def _crew(kind: str, server: str, workers: int, seconds: float) -> tuple[float, float]:
    """Return what processes did a second, all together, and the CPU time of each thing done."""
    command = [sys.executable, __file__, "--seconds", str(seconds), "--work", kind]
    crew = [
        subprocess.Popen(
            [*command, "--server", server, "--name", f"worker{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(workers)
    ]
    outputs = [each.stdout for each in crew if each.stdout is not None]
    if any(output.readline() != "ready\n" for output in outputs):
        raise SystemExit("a process did not begin")
    for each in crew:
        if each.stdin is not None:
            each.stdin.close()  # they wait for that
    told = [output.readline().split() for output in outputs]
    for each in crew:
        each.wait()
    done, took, cpu = zip(*(map(float, each) for each in told), strict=True)
    return sum(done) / max(took), sum(cpu) / sum(done)


def work(kind: str, server: str, seconds: float, name: str) -> None:
    """Be one of several processes; say what was done, in how long, with how much CPU time."""
    if kind == "bare":
        print("ready", flush=True)
        sys.stdin.readline()
        print(*insert_bare_rows(server, seconds))
        return
    place = PostgresLocation(server, STUDY)
    with open_ledger(place) as ledger, open_job_table(place, ledger, LEASE) as crew:
        crew.register(1)
        print("ready", flush=True)
        sys.stdin.readline()
        print(*asyncio.run(whole_jobs(ledger, seconds, name)))


async def whole_jobs(ledger: Ledger, seconds: float, name: str) -> tuple[int, float, float]:
    """Set aside, reserve, settle and free, by the tasks of a run."""
    budget = Budget(ledger)

    async def do_job(number: int) -> None:
        job = f"{name} {number}"
        if not await budget.admit([(job, Money(1000))]):
            raise SystemExit("the cap is too small")
        await _pair(budget, job, 1)
        await budget.close_job(job)

    return await _do_by_tasks(seconds, do_job)


def insert_bare_rows(server: str, seconds: float) -> tuple[int, float, float]:
    """Insert rows of a few hundred characters, 50 in each transaction, under one row's lock."""
    began, done, used, text = time.perf_counter(), 0, _cpu(), "x" * 300
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SET search_path TO bare")
        while time.perf_counter() < began + seconds:
            with connection.transaction():
                connection.execute("SELECT seq FROM head FOR UPDATE").fetchone()
                with connection.pipeline():
                    for _ in range(TASKS):
                        connection.execute("INSERT INTO entry (text) VALUES (%s)", (text,))
                    connection.execute("UPDATE head SET seq = seq + 50")
            done += TASKS
    return done, time.perf_counter() - began, _cpu() - used


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--workers", type=int, default=4)
    for hidden in ("--work", "--server", "--name"):  # of the processes that it starts
        parser.add_argument(hidden, default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.server, options.seconds, options.name)
    else:
        main(options.seconds, options.workers)
