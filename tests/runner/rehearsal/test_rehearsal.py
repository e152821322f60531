"""A program is run twice, with answers of two lengths; each way to end is told of."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from runner.rehearsal import REHEARSAL_VARIABLE, rehearse
from tests.runner.rehearsal.opened import make_options

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
    found = run(tmp_path, 'call("one")\nimport time\ntime.sleep(600)', seconds=0.7)
    assert len(found.calls) == 1
    assert "ran past 0.7 s" in found.problems[0]


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
