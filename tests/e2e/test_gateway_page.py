"""The session that docs/gateway.md shows is what the commands print."""

from __future__ import annotations

import re
import shlex
import sys

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour
from tests.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "gateway.md"
AMOUNT = re.compile(r"\$?[\d][\d,.]*\b")
# What the page's program uses of OpenAI's client, which is not installed here; `nox -s clients` has
# the real one come to the gateway.
STAND_IN = """
import json, os, sys, types, urllib.error, urllib.request

class OpenAI:
    def __init__(self):
        self.chat = self.completions = self

    def create(self, **body):
        url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer, object_hook=lambda each: types.SimpleNamespace(**each))
        except urllib.error.HTTPError as error:
            sys.exit(json.load(error)["error"]["message"])
"""


@pytest.fixture
def lab(server, tmp_path):
    server.reset(Behaviour(text="A city.", input_tokens=13, output_tokens=24))
    (script,) = blocks(PAGE, "python")
    (tmp_path / "my_study.py").write_text(script)
    (tmp_path / "openai.py").write_text(STAND_IN)
    return Lab(tmp_path)


def run(lab: Lab, server, line: str, ends: int = 0) -> list[str]:
    """Run a command line of the page against our provider; return its lines, in no order."""
    line, _, is_quiet = line.partition(" 2>")
    words = shlex.split(line.replace(" python ", f" {sys.executable} "))[1:]
    if words[0] == "guard":
        words[1:1] = ["--upstream", f"openai={server.url}/v1"]
    done = lab.afcost(*words, ends=ends)
    said = done.stdout + ("" if is_quiet else done.stderr)
    return _steady(said.replace(sys.executable, "python").splitlines())


def _steady(lines: list[str]) -> list[str]:
    """Return lines in an order of their own, without those that move with the price table."""
    return sorted(line for line in lines if not line.startswith(("price:", "openai/gpt-6", "  ")))


@pytest.mark.parametrize("number", [0, 1])
def test_the_session_is_what_the_commands_print(lab, server, number):
    session = blocks(PAGE, "console")[number]
    for part in session.split("$ afcost ")[1:]:
        command, _, shown = part.partition("\n")
        printed = run(lab, server, f"afcost {command}")
        wanted = _steady(shown.splitlines())
        if "…" in wanted:
            assert set(wanted) - {"…"} <= set(printed)
        else:
            assert printed == wanted


def test_at_the_cap_it_says_what_the_page_shows(lab, server):
    shown = next(each for each in blocks(PAGE, "text") if "cap of" in each)
    said = run(lab, server, "afcost guard --cap 0.00004 -- python my_study.py", ends=4)
    assert AMOUNT.sub("N", shown.strip()) in [AMOUNT.sub("N", line) for line in said]
