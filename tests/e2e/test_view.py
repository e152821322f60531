"""`afcost view` beside a run: its figures are the status's, its buttons work, it ends cleanly."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from afcost.page.live.control import control_run
from runner.forecasting import read_status
from runner.watching import RunFollower, RunList
from tests.e2e.sample_experiment import planned
from tests.e2e.test_pausing import IN_FLIGHT, USUAL, obeyed, status
from tests.runner.workers import prepare
from tests.support.waiting import wait_until, wait_until_billed

HELD = 5
SHORT = aiohttp.ClientTimeout(60)


@pytest.fixture
def lab(server, tmp_path):
    server.reset(USUAL)
    lab = planned(tmp_path, server.url, '{input: "0.50", output: "2.00"}', limit=6)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    return lab


def find_address(view):
    """Return the address that the command has printed."""
    out = Path(view._said.name, "out")
    wait_until(lambda: out.exists() and "secret=" in out.read_text())
    return re.search(r"http://\S+", out.read_text())[0]


class Watcher:
    """A page that is open, without a browser."""

    def __init__(self, address):
        self.base, self.secret = address.split("/?secret=")
        port = self.base.rpartition(":")[2]
        self.headers = {
            "Cookie": f"afcost-{port}={self.secret}",
            "X-Afcost-Secret": self.secret,
            "Origin": self.base,
        }

    def ask(self, path, method="GET"):
        async def ask():
            async with (
                aiohttp.ClientSession(timeout=SHORT, headers=self.headers) as session,
                session.request(method, self.base + path) as response,
            ):
                return response.status, await response.text()

        return asyncio.run(ask())

    def find_run(self):
        return re.search(r'data-address="([^"]*)"', self.ask("/")[1])[1]

    def wait_for(self, run, is_told):
        """Return the figures of the first update that says what is waited for."""

        async def listen():
            async with (
                aiohttp.ClientSession(timeout=SHORT, headers=self.headers) as session,
                session.get(f"{self.base}{run}/events") as response,
            ):
                async for line in response.content:
                    if line.startswith(b'data: {"version"'):
                        figures = json.loads(line[6:])["figures"]
                        if is_told(figures):
                            return figures
            raise AssertionError("the stream ended")

        return asyncio.run(listen())


def test_a_run_is_paused_and_resumed_from_the_page_and_seen_to_its_end(lab, server):
    server.hold_after(HELD)
    with lab.start("run", "plan.json", "--concurrency", str(IN_FLIGHT)) as process:
        wait_until(lambda: len(server.bill().calls) >= HELD + IN_FLIGHT)
        folder = lab.run_folder()
        with lab.start("view", str(folder)) as view:
            watcher = Watcher(find_address(view))
            run = watcher.find_run()
            assert watcher.ask(f"{run}/pause", "POST")[0] == 200
            wait_until(lambda: obeyed(folder).is_paused)
            calls = len(server.bill().calls)
            server.release()
            told = watcher.wait_for(
                run,
                lambda each: each["paused_at"] and not any(s["in_flight"] for s in each["strata"]),
            )
            found = status(lab)
            for name in ("spent_usd", "held_usd", "reserved_usd", "remaining_usd", "strata"):
                assert told[name] == found[name]
            assert len(server.bill().calls) == calls, "nothing is sent in a pause"
            assert "paused since" in watcher.ask("/")[1]
            assert watcher.ask(f"{run}/resume", "POST")[0] == 200
            process.communicate(timeout=60)
            told = watcher.wait_for(run, lambda each: each["outcome"] == "complete")
            assert told == status(lab)
            assert watcher.ask(f"{run}/report")[0] == 200
            view.send_signal(signal.SIGINT)
            view.wait(30)
            assert view.returncode == 0
    assert process.returncode == 0


def test_a_run_is_stopped_from_the_page(lab, server):
    server.hold_after(HELD)
    with lab.start("run", "plan.json", "--concurrency", str(IN_FLIGHT)) as process:
        wait_until(lambda: len(server.bill().calls) >= HELD + IN_FLIGHT)
        with lab.start("view") as view:
            watcher = Watcher(find_address(view))
            run = re.search(r'href="(/runs/\w+)"', watcher.ask("/")[1])[1]
            assert watcher.ask(f"{run}/stop", "POST")[0] == 200
            wait_until(lambda: obeyed(lab.run_folder()).stop)
            server.release()
            process.communicate(timeout=60)
            view.send_signal(signal.SIGTERM)
            view.wait(30)
    assert (process.returncode, view.returncode) == (130, 0)


def test_what_is_no_run_folder_or_no_free_port_is_said(lab):
    assert "is not a run folder" in lab.afcost("view", ".", ends=1).stderr
    with lab.start("view") as view:
        port = find_address(view).split("/?")[0].rpartition(":")[2]
        said = lab.afcost("view", "--port", port, ends=1).stderr
        assert f"cannot listen on 127.0.0.1:{port}" in said
        view.send_signal(signal.SIGINT)
        view.wait(30)
    assert view.returncode == 0


def test_watching_writes_nothing_to_a_run_folder(lab):
    lab.afcost("run", "plan.json")
    folder = lab.run_folder()
    kept = {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.endswith(("-wal", "-shm"))
    }
    with lab.start("view", str(folder)) as view:
        watcher = Watcher(find_address(view))
        run = watcher.find_run()
        for path in (f"{run}/report", f"{run}/parts", "/runs"):
            assert watcher.ask(path)[0] == 200
        watcher.wait_for(run, bool)
        view.send_signal(signal.SIGINT)
        view.wait(30)
    now = {path.name: path for path in folder.iterdir()}
    assert {name: now[name].read_bytes() for name in kept} == kept
    assert {name for name in now if not name.endswith(("-wal", "-shm"))} == kept.keys()


def test_a_run_on_a_shared_ledger_is_followed_and_controlled(server, postgres, tmp_path):
    server.reset(USUAL)
    site = prepare(tmp_path, server, postgres.database(), queries=20)
    server.hold_after(4)
    workers = site.start(2)
    wait_until(lambda: len(server.bill().calls) >= 4 + 2)
    folder = site.report().run_folder.path
    follower = RunFollower(folder)
    assert follower.look(datetime.now(UTC)).state.outcome == "running"
    control_run(folder, "pause")
    wait_until(lambda: obeyed(folder).is_paused)
    server.release()
    assert follower.look(datetime.now(UTC)).wishes.is_paused
    control_run(folder, "resume")
    wait_until_billed(server, 8)
    control_run(folder, "stop")
    assert {worker.end().end for worker in workers} <= {"interrupted", "complete"}
    seen = follower.look(datetime.now(UTC))
    assert seen.state == read_status(follower.run)
    assert seen.state.balance.settled == site.billed()
    (listed,) = RunList(folder.parent).read()
    assert listed.state.balance == seen.state.balance
