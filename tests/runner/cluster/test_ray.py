"""Workers that Ray starts on this machine, and what is killed under them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from runner.cluster import CrewOptions, execute_with_crew
from runner.control import list_workers
from runner.errors import LedgerError
from runner.execution import StopReason
from runner.launch import RunOptions
from runner.ledger import PostgresLocation, read_ledger
from tests.runner.cluster.crews import CALLS
from tests.runner.sample_experiment import NOW
from tests.runner.workers import Site, prepare
from tests.support.postgres.server import run_postgres

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]  # Ray's own


@pytest.fixture
def own_postgres():
    """Return a server of this test's own, which may be killed, and stop what was started again."""
    with run_postgres() as postgres:
        with psycopg.connect(postgres.url) as connection:
            ((folder,),) = connection.execute("SHOW data_directory")
        yield postgres
        os.kill(int(Path(folder, "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)


@pytest.fixture
def site(server, own_postgres, tmp_path, monkeypatch):
    if find_spec("ray") is None:  # not imported here: Ray reads its environment when it is
        pytest.skip("needs the extra cluster")
    root = Path(__file__).parents[3]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{os.environ.get('PYTHONPATH', '')}")
    return prepare(tmp_path, server, own_postgres.database(), queries=20, delay=0.2)


def find_processes(name: str) -> list[int]:
    """Return the numbers of the processes whose command line has a name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            told = path.read_bytes().decode(errors="replace")
            if name in told and "afcost-ray-" in told:
                found.append(int(path.parent.name))
    return found


def kill_worker(location: PostgresLocation) -> None:
    workers = [each for each in list_workers(location) if each.state == "working"]
    os.kill(workers[0].process, signal.SIGKILL)


def kill_head(_: PostgresLocation) -> None:
    for process in find_processes("gcs_server"):
        os.kill(process, signal.SIGKILL)


def kill_database(location: PostgresLocation) -> None:
    """Kill the database's server with all of its processes, and start it again."""
    with psycopg.connect(location.url) as connection:
        ((folder,),) = connection.execute("SHOW data_directory")
    lead = int(Path(folder, "postmaster.pid").read_text().split()[0])
    command = Path(f"/proc/{lead}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    user = Path(f"/proc/{lead}").stat().st_uid
    for process in (lead, *find_children(lead)):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        Path(folder, name).unlink()  # until it is waited for, it counts as running
    subprocess.Popen(command, user=user, cwd=folder, stdin=subprocess.DEVNULL)


def find_children(parent: int) -> list[int]:
    """Return the numbers of the processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found


def leave(_: PostgresLocation) -> None:
    """Kill nothing."""


@pytest.mark.parametrize("kill", [leave, kill_worker, kill_head, kill_database])
def test_the_work_is_finished_and_nothing_is_paid_twice(site: Site, kill):
    location = PostgresLocation(site.ledger, "small")

    def disturb():
        while len(site.server.bill().calls) < 3 * CALLS:
            time.sleep(0.1)
        while True:
            with suppress(LedgerError, IndexError):
                kill(location)
                return
            time.sleep(0.1)

    thread = threading.Thread(target=disturb)
    thread.start()
    options = RunOptions(folder=site.folder, ledger_url=site.ledger, concurrency=4)
    _, progress = execute_with_crew(site.plan, NOW, options, CrewOptions(3, "auto"))
    thread.join()
    assert progress.end is StopReason.COMPLETE
    with read_ledger(site.report().run_folder.ledger_location) as reader:
        assert reader.find_tampering() is None
        settled = [each.attempt for each in reader.entries() if each.kind == "settle"]
    assert len(settled) == len(set(settled)) == 20 * CALLS
    balance = site.report().balance
    assert balance.settled <= site.billed() <= balance.settled + balance.held <= site.cap
    assert not find_processes("raylet")
