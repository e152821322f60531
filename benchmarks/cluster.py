"""Workers that `afcost run --workers N [--ray auto]` starts: how a cap is used, and what one needs.

    python benchmarks/cluster.py [--ray] [--jobs 200000]

First, 1, 2, 4 and 8 workers run one plan of 1,200 jobs with a judge each, of which 40 % of the
ceiling is approved, against a local server that takes 50 ms and keeps its own bill. `bill` is what
the server charged, in shares of the cap; `used` what the ledger counts as spent or held.

Then plans of two sizes are begun by two workers against a server that answers at once, and
interrupted after a while. `checked` is the time from the command to the first worker's start: the
plan is counted once, there. `start` is the time from there to the first call: were a worker to
count as well, it would grow with the plan. `memory` is the most that one worker had resident.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from runner.control import ListedWorker, list_workers
from runner.errors import LedgerError
from runner.ledger import PostgresLocation
from tests.runner.workers import Site, prepare
from tests.support.postgres.server import PostgresHandle, run_postgres
from tests.support.provider.server import ProviderHandle, run_provider

QUERIES, SHARE, DELAY, CONCURRENCY = 300, 0.4, 0.05, 10
CELLS = 4  # of the experiment
COMPLETE, AT_THE_CAP, INTERRUPTED = 0, 4, 130  # exit codes
LASTS = 30.0  # seconds that a large plan is worked on


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ray", action="store_true", help="have Ray start the workers")
    parser.add_argument("--jobs", type=int, default=200_000, help="of the large plan")
    chosen = parser.parse_args()
    ray = ["--ray", "auto"] if chosen.ray else []
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {'Ray' if ray else 'local'}"
    )
    with run_provider() as server, run_postgres("--durable") as postgres:
        print("workers    bill    used   held  answers    wall")
        for workers in (1, 2, 4, 8):
            _use_a_cap(server, postgres, workers, ray)
        print("   jobs  checked   start   memory  answers")
        for jobs in (2_000, chosen.jobs):
            _begin(server, postgres, jobs, ray)


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


def _begin(server: ProviderHandle, postgres: PostgresHandle, jobs: int, ray: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = prepare(Path(folder), server, postgres.database(), queries=jobs // CELLS)
        location = PostgresLocation(site.ledger or "", "small")
        began = time.perf_counter()
        command = _start(site, 2, ray)
        workers = _await_workers(location)
        checked = time.perf_counter() - began - _age(workers[0].process)
        while not server.bill().calls:
            time.sleep(0.05)
        start = time.perf_counter() - began - checked
        time.sleep(LASTS)
        memory = max(map(_find_most_memory, {each.process for each in list_workers(location)}))
        command.send_signal(signal.SIGINT)
        if command.wait() not in (INTERRUPTED, COMPLETE):  # a small plan is done by then
            raise SystemExit(f"it neither was interrupted nor ended: {command.returncode}")
        answers = len(server.bill().billed)
        print(f"{jobs:7,}  {checked:5.1f} s  {start:4.1f} s  {memory:4} MB  {answers:7,}")


def _start(site: Site, workers: int, ray: list[str]) -> subprocess.Popen[bytes]:
    where = ["--ledger", site.ledger or "", "--run-dir", str(site.folder)]
    crew = ["--workers", str(workers), "--concurrency", str(CONCURRENCY), *ray]
    command = [sys.executable, "-m", "afcost", "run", str(site.plan), *where, *crew]
    said = None if os.environ.get("SHOW") else subprocess.DEVNULL
    return subprocess.Popen(command, stdout=said, stderr=said)


def _await_workers(location: PostgresLocation) -> list[ListedWorker]:
    while True:
        with suppress(LedgerError):
            if found := [each for each in list_workers(location) if each.process]:
                return found
        time.sleep(0.05)


def _age(process: int) -> float:
    """Return how many seconds ago a process began; see proc(5)."""
    fields = Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _find_most_memory(process: int) -> int:
    """Return the most memory that a process had resident, in MB; 0 where it has ended."""
    with suppress(OSError):
        for line in Path("/proc", str(process), "status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) // 1000
    return 0


if __name__ == "__main__":
    main()
