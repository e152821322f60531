"""A program is run in the same terminal: its streams, its signals and its end are its own."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.gateway.program import GUARD_VARIABLE, run_program
from tests.support.waiting import wait_until

DRIVER = Path(__file__).with_name("driver.py")
ROOT = Path(__file__).parents[4]
# Takes signals one by one, and ends with 40 more than it got, once it is told to by a file.
COUNTER = """
import os, pathlib, signal, sys
folder, names = pathlib.Path(sys.argv[1]), sys.argv[2:]
signal.pthread_sigmask(signal.SIG_BLOCK, expected := {getattr(signal, name) for name in names})
senders, looks = [], 0
while not (folder / "end").exists():
    (folder / "new").write_text(" ".join(map(str, (looks, *senders))))
    (folder / "new").rename(folder / "got")
    looks += 1
    if (got := signal.sigtimedwait(expected, 0.01)) is not None:
        senders.append(got.si_pid)  # 0 where it was the terminal
sys.exit(40 + len(senders))
"""


def run(*command, **environment):
    environment = {"PATH": os.environ["PATH"]} | environment
    return asyncio.run(run_program(command, environment))


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)],
)
def test_the_exit_code_is_the_programs_own(script, code):
    end = run("sh", "-c", script)
    assert (end.code, end.problem, end.left_running) == (code, "", ())


def test_what_cannot_be_started_is_named_with_a_shells_exit_code(tmp_path):
    plain, broken, empty = (tmp_path / name for name in ("plain", "broken", "empty"))
    plain.write_text("echo")
    broken.write_text("#!/nowhere/interpreter\n")
    empty.write_text("echo no interpreter is named\n")
    for each in (broken, empty):
        each.chmod(0o755)
    found = {
        name: run(name)
        for name in ("no-such-command", "./no/such", *map(str, (plain, broken, empty, tmp_path)))
    }
    assert [each.code for each in found.values()] == [127, 127, 126, 126, 126, 126]
    problems = [each.problem for each in found.values()]
    assert problems[0] == "no-such-command: there is no such command, in no folder of PATH"
    assert problems[1] == "./no/such: there is no such command"
    assert "Permission denied" in problems[2]
    assert "first line names is not there" in problems[3]
    assert "#!/bin/sh" in problems[4]
    assert "it is a folder" in problems[5]


def test_the_program_is_found_by_its_own_path(tmp_path):
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\nexit 5\n")
    program.chmod(0o755)
    assert run("mine", PATH=str(tmp_path)).code == 5


def test_streams_and_environment_are_the_programs_own(tmp_path):
    told = tmp_path / "told"
    script = 'cat; echo "$WORD" >&2; exit 3'
    done = subprocess.run(
        [sys.executable, DRIVER, told, "sh", "-c", script],
        input="from outside\n",
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "WORD": "a word"},
        check=True,
    )
    assert (done.stdout, done.stderr) == ("from outside\n", "a word\n")
    assert json.loads(told.read_text())["code"] == 3


class Driven:
    """A driver with a program that counts its signals."""

    def __init__(self, folder: Path, process: int) -> None:
        self.folder, self.process = folder, process

    def looks(self) -> int:
        """Return how often the program has looked for signals."""
        return int((self.folder / "got").read_text().split()[0])

    def senders(self) -> list[int]:
        """Return who sent the program the signals that it got."""
        return [int(each) for each in (self.folder / "got").read_text().split()[1:]]

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process, number)

    def end(self) -> dict:
        (self.folder / "end").touch()
        wait_until((self.folder / "told").exists)
        wait_until((self.folder / "told").read_text)
        return json.loads((self.folder / "told").read_text())


def write_command(folder, *names):
    command = [sys.executable, "-c", COUNTER, str(folder), *names]
    return [sys.executable, str(DRIVER), str(folder / "told"), *command]


@pytest.fixture
def alone(tmp_path):
    """Run without a terminal, as a service or a batch job does."""
    command = write_command(tmp_path, "SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        wait_until((tmp_path / "got").exists)
        yield Driven(tmp_path, process.pid)
        (tmp_path / "end").touch()
        process.wait(30)


def test_what_is_sent_to_the_gateway_alone_is_passed_on_and_ends_only_the_program(alone):
    for n, name in enumerate(("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"), 1):
        alone.send(signal.Signals[name])
        wait_until(lambda n=n: len(alone.senders()) == n)
    end = alone.end()
    assert end["code"] == 44
    assert end["signals"] == ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"]


def test_a_gateway_that_is_asked_to_end_ends_as_its_program_does(tmp_path):
    told = tmp_path / "told"
    command = [sys.executable, str(DRIVER), str(told), "sh", "-c", "echo on; sleep 60"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        process.terminate()
        assert process.wait(30) == 0
        end = json.loads(told.read_text())
        for each in end["left_running"]:  # sh leaves its sleep
            os.kill(each["pid"], signal.SIGKILL)
    assert end["code"] == 143


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a program of this")
def test_a_program_whose_gateway_is_killed_is_asked_to_end(tmp_path):
    ready = tmp_path / "ready"
    command = [sys.executable, str(DRIVER), str(tmp_path / "told")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*command, sys.executable, "-c", OBEDIENT, str(ready)],
        env=environment,
        start_new_session=True,
    ) as process:
        wait_until(ready.exists)
        process.kill()
    wait_until((tmp_path / "ready.asked").exists)


# The first terminal that the leader of a session opens is its own.
IN_TERMINAL = ("sh", "-c", 'exec "$@" <>"$0" >&0 2>&0')


@pytest.fixture
def in_terminal(tmp_path):
    """Run as the foreground job of a terminal of its own; gives its other side, too."""
    terminal, side = pty.openpty()
    command = [*IN_TERMINAL, os.ttyname(side), *write_command(tmp_path, "SIGINT", "SIGQUIT")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        wait_until((tmp_path / "got").exists)
        yield Driven(tmp_path, process.pid), terminal
        (tmp_path / "end").touch()
        process.wait(30)
    os.close(terminal)
    os.close(side)


def test_ctrl_c_reaches_the_program_once_and_the_gateway_stays(in_terminal):
    driven, terminal = in_terminal
    os.write(terminal, b"\x03")
    wait_until((driven.folder / "told.SIGINT").exists)
    looks = driven.looks()
    wait_until(lambda: driven.looks() > looks + 3)
    assert driven.senders() == [0]
    end = driven.end()
    assert (end["code"], end["signals"]) == (41, ["SIGINT"])


def test_what_is_sent_again_in_a_terminal_is_passed_on(in_terminal):
    driven, _ = in_terminal

    def send_and_look():
        driven.send(signal.SIGINT)
        return driven.senders()

    wait_until(send_and_look)
    assert driven.end()["code"] > 40
    assert set(driven.senders()) == {driven.process}


def test_what_is_ignored_stays_ignored_here_and_in_the_program(tmp_path):
    told = tmp_path / "told"
    script = "kill -HUP $PPID; kill -HUP $$; exit 6"
    command = [sys.executable, str(DRIVER), str(told), "sh", "-c", script]
    subprocess.run(
        ["nohup", *command],  # noqa: S607 - POSIX has it
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    end = json.loads(told.read_text())
    assert (end["code"], end["signals"]) == (6, [])


def test_what_is_left_running_is_told_and_not_ended(tmp_path):
    door = f"http://127.0.0.1:1/{tmp_path.name}"
    script = "sleep 60 >/dev/null 2>&1 & echo $! > pid; exit 0"
    environment = {GUARD_VARIABLE: door}
    end = run("sh", "-c", f"cd {tmp_path}; {script}", **environment)
    pid = int((tmp_path / "pid").read_text())
    try:
        assert [(each.pid, each.command) for each in end.left_running] == [(pid, "sleep")]
        os.kill(pid, 0)
    finally:
        os.kill(pid, signal.SIGKILL)


OBEDIENT = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path(sys.argv[1] + ".asked").touch(), sys.exit()))
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""


def test_a_program_whose_runner_is_cancelled_is_asked_to_end(tmp_path):
    async def cancel():
        command = [sys.executable, "-c", OBEDIENT, str(tmp_path / "ready")]
        running = asyncio.create_task(run_program(command, os.environ))
        await asyncio.to_thread(wait_until, (tmp_path / "ready").exists)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel())
    assert (tmp_path / "ready.asked").exists()
