"""A program is run twice, with answers of two lengths; each way to end is told of."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runner.rehearsal import REHEARSAL_VARIABLE, rehearse
from tests.runner.rehearsal.opened import make_options
from tests.support.waiting import wait_until

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
REAL_KEY = "sk-real-0123456789abcdef"
CALLS = """
import json, os, sys, urllib.request

def call(text, **fields):
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]} | fields
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]

"""


def run(folder, script, *, environment=None, **options):
    study = folder / "study.py"
    study.write_text(CALLS + script)
    base = {"PATH": os.environ["PATH"]} | (environment or {})
    command = [sys.executable, str(study)]
    return rehearse(command, make_options(**{"shows_output": False} | options), base)


@pytest.fixture
def connected(monkeypatch):
    """Return a list of the addresses that this process connects to."""
    addresses = []

    def connect(_, address):
        addresses.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    return addresses


def test_a_prompt_that_holds_an_answer_is_longer_in_the_second_run(tmp_path, connected):
    told, notes = tmp_path / "told", []
    script = f"""
first = call("Describe a city.")
call("Is this good? " + first)
with open({str(told)!r}, "a") as file:
    names = ("OPENAI_API_KEY", "{REHEARSAL_VARIABLE}")
    print(json.dumps([os.environ[name] for name in names]), file=file)
"""
    found = run(tmp_path, script, environment={"OPENAI_API_KEY": REAL_KEY}, note=notes.append)
    assert found.problems == ()
    assert [call.answer_tokens for call in found.calls] == [40, 40]
    assert [call.answer_tokens for call in found.longer] == [240, 240]
    (first, judge), (same, longer) = found.calls, found.longer
    assert first.body == same.body
    assert len(longer.body) > 3 * len(judge.body)
    rows = [json.loads(line) for line in told.read_text().splitlines()]
    assert rows == [["afcost", "1"]] * 2  # twice, and never with the real key
    assert "writes twice" in notes[0]
    assert not connected


def test_a_program_that_fails_gives_what_it_called_until_then(tmp_path):
    found = run(tmp_path, 'call("one")\nsys.exit("no such column: x")')
    assert len(found.calls) == len(found.longer) == 1
    assert found.problems == ("the program failed with exit code 1: no such column: x",)


def test_a_program_that_runs_past_its_time_is_ended(tmp_path):
    found = run(tmp_path, 'call("one")\nimport time\ntime.sleep(600)', seconds=5.0)
    assert len(found.calls) == 1
    assert "ran past 5 s" in found.problems[0]


# It and its child go on when they are asked to end, and the child has left its group.
STUBBORN = """
import pathlib, signal, subprocess, time
call("one")
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
sleeper = "import time; time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", sleeper], start_new_session=True)
pathlib.Path({place!r}).write_text(str(child.pid))
{then}
"""


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_program_started_is_ended_with_it(tmp_path, monkeypatch):
    for module in ("runner.gateway.program.family", "runner.rehearsal.rehearsed_program"):
        monkeypatch.setattr(f"{module}._PATIENCE", 0.2)
    place = tmp_path / "pid"
    stop = f"os.kill(os.getppid(), {signal.SIGTERM.value})\ntime.sleep(600)"
    found = run(tmp_path, STUBBORN.format(place=str(place), then=stop))
    assert found.problems == ("the program was stopped (SIGTERM)",)
    assert not lives(int(place.read_text()))


def test_ctrl_c_ends_a_rehearsal_and_all_that_it_started(tmp_path):
    """The command ends as a shell expects, and leaves no plan and no process."""
    place, script = tmp_path / "pid", tmp_path / "study.py"
    study = STUBBORN.format(place=str(place), then="time.sleep(600)")
    script.write_text(CALLS + study.replace("SIG_IGN", "SIG_DFL"))
    command = [sys.executable, "-m", "afcost", "estimate", "-o", "plan.json"]
    base = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    rehearsal = subprocess.Popen(
        [*command, "--", sys.executable, str(script)],
        cwd=tmp_path,
        env=base | {"AFCOST_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: place.exists() and place.read_text())
    rehearsal.send_signal(signal.SIGINT)
    said, _ = rehearsal.communicate(timeout=60)
    assert (rehearsal.returncode, said) == (130, "")
    assert not lives(int(place.read_text()))
    assert not list(tmp_path.glob("plan*"))


def test_calls_beyond_what_is_kept_are_answered_and_said_to_be_missing(tmp_path):
    script = 'for n in range(6):\n    call("one " * 100 * (n // 2))'
    found = run(tmp_path, script, most_bytes=1_200, once=True)
    assert len(found.calls) == 4  # equal ones are kept once
    (problem,) = found.problems
    assert problem.startswith("2 calls were answered and not recorded")


def test_refused_calls_and_none_at_all_are_told_of(tmp_path):
    refused = run(tmp_path, 'call("one", model="no-such-model")')
    assert refused.calls == refused.longer == ()
    assert any("1 call was refused: openai/no-such-model is unpr" in p for p in refused.problems)
    assert run(tmp_path, "").problems[0].startswith("no call of the program came here")
    none = rehearse(["no-such-program"], make_options(), {"PATH": os.environ["PATH"]})
    assert len(none.problems) == 1
    assert "no such command" in none.problems[0]


def test_the_output_of_the_first_run_goes_to_standard_error(tmp_path, capfd):
    run(tmp_path, "print('shown')", shows_output=True)
    assert capfd.readouterr() == ("", "shown\n")
    run(tmp_path, 'call("one")\nprint("hidden")\nprint("hidden", file=sys.stderr)')
    assert capfd.readouterr() == ("", "")


def test_a_program_that_is_stopped_is_not_run_again(tmp_path):
    script = (
        f'call("one")\nos.kill(os.getppid(), {signal.SIGTERM.value})\nimport time\ntime.sleep(9)'
    )
    found = run(tmp_path, script)
    assert (len(found.calls), len(found.longer)) == (1, 0)
    assert found.problems == ("the program was stopped (SIGTERM)",)


def test_an_experiment_as_a_plain_script_is_rehearsed_to_its_end(tmp_path):
    folder = ROOT / "experiment" / "builtin" / "alignment-faking"
    told = tmp_path / "answers.jsonl"
    script = HERE / "scripts" / "alignment_faking.py"
    command = [sys.executable, str(script), str(folder), "1", str(told)]
    found = rehearse(command, make_options(shows_output=False), {"PATH": os.environ["PATH"]})
    assert found.problems == ()
    assert len(found.calls) == len(found.longer) == 8
    rows = [json.loads(line) for line in told.read_text().splitlines()]
    assert {row["verdict"]["refused"] for row in rows} == {"yes"}
