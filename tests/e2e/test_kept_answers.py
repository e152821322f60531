"""What arrived is kept: over a suspension, a full disk, a removed lock, a ledger that is gone."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from runner.ledger import FileLocation, read_ledger
from tests.e2e.sample_experiment import Lab
from tests.e2e.sample_experiment import planned as planned_at
from tests.support.provider.behaviour import Behaviour
from tests.support.waiting import wait_until

IN, OUT = Decimal("0.50"), Decimal("2.00")
USUAL = Behaviour(answer="by-tier", output_tokens=(20, 300))
CALLS = 12 * 4 * 2  # queries, conditions, the answer and its judge
RAMP, IN_FLIGHT = 60, 16  # calls after which answers are held, and calls that then wait for one
SOON = 25.0  # seconds, after which a process is taken to be stuck


@pytest.fixture(scope="module")
def planned_once(server, tmp_path_factory):
    price = f'{{input: "{IN}", output: "{OUT}", source: "the lab"}}'
    return planned_at(tmp_path_factory.mktemp("lab"), server.url, price, limit=12)


@pytest.fixture
def planned(planned_once, server, tmp_path):
    server.reset(USUAL)
    server.hold_after(RAMP)
    shutil.copytree(planned_once.folder, tmp_path, dirs_exist_ok=True)
    lab = Lab(tmp_path)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    yield lab
    server.release()


@contextlib.contextmanager
def running(lab: Lab, server, *arguments: str):
    """Run until all calls in flight wait for their answers, and the others are settled."""
    arguments = ("run", "plan.json", "--concurrency", str(IN_FLIGHT), *arguments)
    with lab.start(*arguments) as process:
        try:
            assert server.arrived(RAMP + IN_FLIGHT, SOON) == RAMP + IN_FLIGHT
            wait_until(lambda: count_settled(lab) == RAMP)  # a place is free before that
            yield process
        finally:
            process.kill()


def count_settled(lab: Lab) -> int:
    with read_ledger(FileLocation(lab.run_folder() / "ledger.sqlite")) as reader:
        return reader.count_answered()


def end(process: subprocess.Popen[str]) -> str:
    """Wait for its end, and return what it said."""
    _, said = process.communicate(timeout=SOON)
    assert "Traceback" not in said
    return said


def check_nothing_paid_twice(lab: Lab, server) -> None:
    """See that all is answered, and that each answer was paid for once."""
    assert len(server.bill().calls) == CALLS
    answers = lab.answers()
    assert len(answers) == CALLS
    assert max(Counter(row["request"] for row in answers).values()) == 1
    bill = server.bill()
    report = lab.report()
    assert report["outcome"] == "complete"
    assert Decimal(report["held_usd"]) == 0
    dollars = (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000
    assert Decimal(report["spent_usd"]) == dollars


def count_kept(server) -> int:
    """Return how many answers came after the ledger could not be written.

    Those in flight, and those whose money was reserved ahead for the next places.
    """
    kept = len(server.bill().calls) - RAMP
    assert IN_FLIGHT <= kept <= IN_FLIGHT + IN_FLIGHT // 4
    return kept


def spools(folder: Path) -> list[Path]:
    return list(folder.rglob("answers-*.jsonl"))


# --- a suspension


def test_answers_that_came_while_it_was_suspended_beyond_its_time_limit_are_kept(planned, server):
    with running(planned, server, "--timeout", "3") as process:
        process.send_signal(signal.SIGSTOP)
        server.release()
        time.sleep(4)  # longer than the limit: all timers have run out when it goes on
        process.send_signal(signal.SIGCONT)
        end(process)
    assert process.returncode == 0
    check_nothing_paid_twice(planned, server)


# --- a disk


@contextlib.contextmanager
def small_disk(folder: Path):
    """Mount a file system of 64 MiB, where that is allowed."""
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("only root mounts a file system")
    options = ["-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", str(folder)]
    done = subprocess.run([mount, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run([umount, "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Fill a disk to its last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65536)
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x")
    return filler


def test_a_disk_that_fills_up_loses_no_answer(planned, server):
    with small_disk(planned.folder / "runs"):
        with running(planned, server) as process:
            filler = fill(planned.run_folder())
            server.release()
            said = end(process)
        assert process.returncode == 1
        sent = len(server.bill().calls)
        assert sent < CALLS, "nothing more was sent"
        (kept,) = spools(planned.folder)
        assert kept.stat().st_mode & 0o077 == 0
        assert kept.parent == planned.run_folder(), "there was space for them"
        assert f"answers that arrived: kept in {kept.relative_to(planned.folder)}" in said
        assert "disk is full" in said
        assert "run the plan again" in said
        filler.unlink()
        again = planned.afcost("run", "plan.json")
        assert "were kept" in again.stderr
        check_nothing_paid_twice(planned, server)
        assert not spools(planned.folder), "they are in the ledger"
        assert not list(planned.run_folder().glob("*.reserve"))


def test_a_disk_that_is_full_of_answers_takes_none_and_the_state_folder_does(planned, server):
    """A limit on the size of files fails as a disk does, where nothing can be mounted."""
    lab = planned
    with running(lab, server) as process:
        folder = lab.run_folder()
        ledger = folder / "ledger.sqlite-wal"
        (folder / "answers.reserve").unlink()
        limit = ledger.stat().st_size + 1
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        server.release()
        said = end(process)
    assert process.returncode == 1
    assert "could not be written" in said
    kept = sum(len(path.read_text().splitlines()) for path in spools(lab.folder))
    assert kept == count_kept(server)
    lab.afcost("run", "plan.json")
    check_nothing_paid_twice(lab, server)


# --- files that are removed


def test_without_its_lock_file_a_run_goes_on_and_a_second_is_refused(planned, server):
    with running(planned, server) as process:
        (planned.run_folder() / "ledger.lock").unlink()
        second = planned.afcost("run", "plan.json", ends=1)
        assert "another process is running this plan" in second.stderr
        assert "running" in planned.afcost("status", str(planned.run_folder())).stdout
        server.release()
        end(process)
    assert process.returncode == 0
    check_nothing_paid_twice(planned, server)


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal"])
def test_a_ledger_that_is_moved_away_stops_the_run_and_takes_the_answers_later(
    planned, server, name
):
    with running(planned, server) as process:
        folder = planned.run_folder()
        (folder / name).rename(folder / "elsewhere")
        server.release()
        said = end(process)
    assert process.returncode == 1
    assert f"{name} was removed or replaced" in said
    assert f"{count_kept(server)} answers that arrived: kept in" in said
    if name == "ledger.sqlite":
        refused = planned.afcost("run", "plan.json", ends=3)
        assert "answers" not in refused.stdout
        (folder / "elsewhere").rename(folder / name)
    planned.afcost("run", "plan.json")
    check_nothing_paid_twice(planned, server)
