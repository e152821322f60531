"""Workers that Ray starts on this machine, and what is killed under them."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

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

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]  # Ray's own


@pytest.fixture
def site(server, postgres, tmp_path, monkeypatch):
    if find_spec("ray") is None:  # not imported here: Ray reads its environment when it is
        pytest.skip("needs the extra cluster")
    root = Path(__file__).parents[3]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{os.environ.get('PYTHONPATH', '')}")
    return prepare(tmp_path, server, postgres.database(), queries=20, delay=0.2)


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


def leave(_: PostgresLocation) -> None:
    """Kill nothing."""


@pytest.mark.parametrize("kill", [leave, kill_worker, kill_head])
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
