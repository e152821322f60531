"""What a large queue costs: to plan, fill, join, work on for a while, and bring to its end.

    python benchmarks/large_queue.py [--jobs 1000000] [--seconds 60] [--last 4000] [--ray]

Plans of two sizes, at a server that answers at once and a PostgreSQL that waits for its disk; a job
is an answer with its judge. Each plan is begun by a lead with two workers, and interrupted after a
while. Then all jobs but the last ones are marked as done in the queue, so that the run that follows
takes it to its end; a job that was marked has no answer in the ledger.

`lead` is the time from the command to its first worker's process, and the most that the lead had
resident. `join` is a worker's, from its process to the first call, by the clock and in CPU time:
were it to count the plan as well, that would grow with the plan. `early` is the most that a worker
had resident five seconds later, `late` at the end.
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

from estimator.plan.plan_file import save_plan
from estimator.plan.planner import estimate_experiment
from runner.approval import Approval, save_approval
from runner.control import list_workers
from runner.errors import LedgerError
from runner.ledger import PostgresLocation, open_job_table, open_ledger, open_shared_tables
from tests.runner import sample_experiment as lab
from tests.support.postgres.server import PostgresHandle, run_postgres
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import ProviderHandle, run_provider

WORKERS, CONCURRENCY, CELLS, CALLS = 2, 10, 4, 2
STUDY, LEASE = "small", 60.0
SMALL = 2_000  # jobs
EARLY = 5.0  # seconds after the first call
COMPLETE, INTERRUPTED = 0, 130  # exit codes
PATIENCE = 1200.0  # seconds, after which it is taken to be stuck
AT_ONCE = Behaviour(text="yes", input_tokens="counted", output_tokens=(1, 24), seed=5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1_000_000, help="of the large plan")
    parser.add_argument("--seconds", type=float, default=60.0, help="that each is worked on")
    parser.add_argument("--last", type=int, default=4_000, help="jobs that are left for the end")
    parser.add_argument("--ray", action="store_true", help="have Ray start the workers")
    chosen = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {WORKERS} workers")
    with run_provider() as server, run_postgres("--durable") as postgres:
        for jobs in (SMALL, chosen.jobs):
            with tempfile.TemporaryDirectory() as name:
                study = Study(Path(name), server, postgres, jobs, ray=chosen.ray)
                study.plan()
                study.fill_another(postgres)
                study.begin(chosen.seconds)
                study.end(chosen.last)


class Study:
    """A plan of so many jobs, and its ledger."""

    def __init__(
        self,
        folder: Path,
        server: ProviderHandle,
        postgres: PostgresHandle,
        jobs: int,
        *,
        ray: bool,
    ) -> None:
        self._server, self._jobs, self._plan = server, jobs, folder / "plan.json"
        self._location = PostgresLocation(postgres.database(), STUDY)
        crew = ["--workers", str(WORKERS), "--concurrency", str(CONCURRENCY)]
        self._arguments = [*crew, "--run-dir", str(folder / "run"), "--ledger", self._location.url]
        self._arguments += ["--ray", "auto"] if ray else []

    def plan(self) -> None:
        """Estimate it, and approve all of it."""
        source = lab.write(
            self._plan.parent / "e",
            queries=self._jobs // CELLS,
            base_url=f"{self._server.url}/v1",
        )
        began = time.perf_counter()
        plan = estimate_experiment(str(source), lab.DAY).plan
        self._say(f"estimated in {time.perf_counter() - began:.1f} s")
        save_plan(plan, self._plan)
        approval = Approval(plan.digest, plan.total.ceiling, "ada", lab.NOW)
        save_approval(approval, self._plan)

    def fill_another(self, postgres: PostgresHandle) -> None:
        """Fill the queue of another ledger, by itself."""
        location = PostgresLocation(postgres.database(), STUDY)
        with open_ledger(location) as ledger, open_job_table(location, ledger, LEASE) as table:
            began = time.perf_counter()
            table.register(self._jobs)
            self._say(f"queue filled in {time.perf_counter() - began:.1f} s")

    def begin(self, seconds: float) -> None:
        """Work on it for a while, and interrupt that."""
        lead, early = self._start()
        began, late = time.perf_counter(), early
        while lead.poll() is None and time.perf_counter() < began + seconds:
            late = max(late, self._find_most_memory())
            time.sleep(0.2)
        answers = len(self._server.bill().billed)
        lead.send_signal(signal.SIGINT)
        asked = time.perf_counter()
        _await_end(lead, INTERRUPTED, COMPLETE)
        self._say(
            f"{answers:,} answers in {asked - began + EARLY:.0f} s; early {early} MB, "
            f"late {late} MB; interrupted, it ended in {time.perf_counter() - asked:.1f} s"
        )

    def end(self, last: int) -> None:
        """Mark all jobs but the last ones as done, and do those."""
        with open_shared_tables(self._location) as tables:
            tables.execute(
                "UPDATE job SET state = 'done', worker = 'none' "
                "WHERE state = 'waiting' AND place < ?",
                (self._jobs - last,),
            )
            query = "SELECT COUNT(*) FROM job WHERE state <> 'done'"
            ((left,),) = tables.execute(query).fetchall()
        if not left:
            return
        lead, late = self._start()
        began = time.perf_counter()
        while lead.poll() is None:
            late = max(late, self._find_most_memory())
            time.sleep(0.2)
        took = time.perf_counter() - began + EARLY
        _await_end(lead, COMPLETE)
        if (calls := len(self._server.bill().billed)) != CALLS * int(left):
            raise SystemExit(f"{calls:,} calls for {left:,} jobs")
        self._say(f"the last {left:,} jobs, each once, in {took:.0f} s; late {late} MB")

    def _start(self) -> tuple[subprocess.Popen[bytes], int]:
        """Start a lead, and say how it and its workers began; return it and their memory."""
        self._server.reset(AT_ONCE)
        command = [sys.executable, "-m", "afcost", "run", str(self._plan), *self._arguments]
        said = None if os.environ.get("SHOW") else subprocess.DEVNULL
        began = time.perf_counter()
        lead = subprocess.Popen(command, stdout=said, stderr=said)
        while not (workers := self._find_workers()):
            _refuse_end(lead, began)
        checked = time.perf_counter() - began - _age(workers[0])
        while not self._server.bill().billed:
            _refuse_end(lead, began)
        start, cpu = _age(workers[0]), _cpu(workers[0])
        self._say(
            f"lead {checked:.1f} s, {_memory(lead.pid)} MB; "
            f"join {start:.1f} s, {cpu:.1f} s of CPU; {_memory(workers[0])} MB"
        )
        time.sleep(EARLY)
        return lead, self._find_most_memory()

    def _find_workers(self) -> list[int]:
        with suppress(LedgerError):
            found = list_workers(self._location)
            return [each.process for each in found if each.process and each.state == "working"]
        return []

    def _find_most_memory(self) -> int:
        return max(map(_memory, self._find_workers()), default=0)

    def _say(self, text: str) -> None:
        print(f"{self._jobs:9,} jobs: {text}", flush=True)


def _refuse_end(lead: subprocess.Popen[bytes], began: float) -> None:
    if lead.poll() is not None or time.perf_counter() > began + PATIENCE:
        raise SystemExit(f"the lead ended, or is stuck: {lead.returncode}")
    time.sleep(0.05)


def _await_end(lead: subprocess.Popen[bytes], *codes: int) -> None:
    if lead.wait(PATIENCE) not in codes:
        raise SystemExit(f"the lead ended with {lead.returncode}")


def _read_stat(process: int) -> list[str]:
    """Return what the system says of a process, from its state on; see proc(5)."""
    return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()


def _age(process: int) -> float:
    """Return how many seconds ago a process began."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - int(_read_stat(process)[19]) / os.sysconf("SC_CLK_TCK")


def _cpu(process: int) -> float:
    """Return the CPU seconds that a process has taken."""
    return sum(map(int, _read_stat(process)[11:13])) / os.sysconf("SC_CLK_TCK")


def _memory(process: int) -> int:
    """Return the most memory that a process had resident, in MB; 0 where it has ended."""
    with suppress(OSError):
        for line in Path("/proc", str(process), "status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) // 1000
    return 0


if __name__ == "__main__":
    main()
