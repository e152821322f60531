"""How workers that `afcost run --workers N [--ray auto]` starts keep to a cap, and use it.

    python benchmarks/cluster.py [--ray]

1, 2, 4 and 8 workers run one plan of 1,200 jobs with a judge each, of which 40 % of the ceiling is
approved, against a local server that takes 50 ms and keeps its own bill. `bill` is what the server
charged, in shares of the cap; `used` what the ledger counts as spent or held. What large plans cost
to begin: `large_queue.py`.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.runner.workers import Site, prepare
from tests.support.postgres.server import PostgresHandle, run_postgres
from tests.support.provider.server import ProviderHandle, run_provider

QUERIES, SHARE, DELAY, CONCURRENCY = 300, 0.4, 0.05, 10
AT_THE_CAP = 4  # exit code


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ray", action="store_true", help="have Ray start the workers")
    chosen = parser.parse_args()
    ray = ["--ray", "auto"] if chosen.ray else []
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {'Ray' if ray else 'local'}"
    )
    with run_provider() as server, run_postgres("--durable") as postgres:
        print("workers    bill    used   held  answers    wall")
        for workers in (1, 2, 4, 8):
            _use_a_cap(server, postgres, workers, ray)


def _use_a_cap(
    server: ProviderHandle, postgres: PostgresHandle, workers: int, ray: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = postgres.database()
        site = prepare(Path(folder), server, database, queries=QUERIES, share=SHARE, delay=DELAY)
        began = time.perf_counter()
        code = _start(site, workers, ray).wait()
        wall = time.perf_counter() - began
        if code != AT_THE_CAP:
            raise SystemExit(f"expected to end at the cap: {code}")
        report, cap = site.report(), site.cap.pico
        used = (report.balance.settled + report.balance.held).pico / cap
        print(
            f"{workers:7}  {site.billed().pico / cap:6.4f}  {used:6.4f}  "
            f"{report.attempts['held']:5}  {report.attempts['settled']:7,}  {wall:5.1f} s"
        )


def _start(site: Site, workers: int, ray: list[str]) -> subprocess.Popen[bytes]:
    where = ["--ledger", site.ledger or "", "--run-dir", str(site.folder)]
    crew = ["--workers", str(workers), "--concurrency", str(CONCURRENCY), *ray]
    command = [sys.executable, "-m", "afcost", "run", str(site.plan), *where, *crew]
    said = None if os.environ.get("SHOW") else subprocess.DEVNULL
    return subprocess.Popen(command, stdout=said, stderr=said)


if __name__ == "__main__":
    main()
