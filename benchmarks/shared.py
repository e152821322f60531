"""How well a cap in PostgreSQL holds, and how fast its processes are.

    python benchmarks/shared.py

1, 2, 4 and 8 processes run one plan of 1,200 jobs with a judge each, of which 40 % of the ceiling
is approved, against a local server that takes 50 ms and keeps its own bill; then 4 of which one is
killed (`kill -9`) on the way. PostgreSQL waits for the disk, as it does by default.
Answers a second are counted from the first call to the last. `bill` is what the server charged,
`used` what the ledger counts as spent or held; both in shares of the cap. `apart` is by how many
answers the conditions differ at most.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent))

from runner.ledger import read_ledger
from tests.runner.workers import Site, prepare
from tests.support.postgres.server import PostgresHandle, run_postgres
from tests.support.provider.server import ProviderHandle, run_provider

QUERIES, SHARE, DELAY, CONCURRENCY, LEASE = 300, 0.4, 0.05, 10, 3.0


def main() -> None:
    with run_provider() as server, run_postgres("--durable") as postgres:
        _versions(postgres)
        print("processes       bill    used   held  answers  a second  apart    wall")
        for workers in (1, 2, 4, 8):
            _measure(server, postgres, workers)
        _measure(server, postgres, 4, kill=True)


def _versions(postgres: PostgresHandle) -> None:
    with psycopg.connect(postgres.url) as connection:
        server = connection.info.parameter_status("server_version")
    print(
        f"Python {platform.python_version()}, PostgreSQL {server}, psycopg {version('psycopg')}, "
        f"aiohttp {version('aiohttp')}, {os.cpu_count()} cores"
    )


def _measure(
    server: ProviderHandle, postgres: PostgresHandle, workers: int, *, kill: bool = False
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = postgres.database()
        site = prepare(Path(folder), server, database, queries=QUERIES, share=SHARE, delay=DELAY)
        began = time.perf_counter()
        crew = site.start(workers, concurrency=CONCURRENCY, lease=LEASE)
        if kill:
            while len(server.bill().calls) < QUERIES:
                time.sleep(0.05)
            crew.pop().kill()
        ends = {worker.end().end for worker in crew}
        wall = time.perf_counter() - began
        if ends != {"cap"}:
            raise SystemExit(f"expected to end at the cap: {ends}")
        print(f"{workers}{', one killed' if kill else '':12}", _row(site), f"{wall:6.1f} s")


def _row(site: Site) -> str:
    found, cap = site.report(), site.cap.pico
    with read_ledger(found.run_folder.ledger_location) as reader:
        times = [entry.at for entry in reader.entries() if entry.kind in {"reserve", "settle"}]
    first, last = map(datetime.fromisoformat, (min(times), max(times)))
    answers = found.attempts["settled"]
    conditions = [done.requests for planned, done in found.strata if planned.stage == "subject"]
    used = (found.balance.settled + found.balance.held).pico / cap
    return (
        f"{site.billed().pico / cap:6.4f}  {used:6.4f}  {found.attempts['held']:5}  {answers:7,}  "
        f"{answers / (last - first).total_seconds():8.0f}  {max(conditions) - min(conditions):5}"
    )


if __name__ == "__main__":
    main()
