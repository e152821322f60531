"""The sessions that the pages of the gateway show are what the commands print."""

from __future__ import annotations

import json
import re
import shlex
import sys

import pytest

from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour
from tests.test_docs import ROOT, blocks

DOCS = ROOT / "docs"
PAGE = DOCS / "gateway.md"
AMOUNT = re.compile(r"\$?[\d][\d,.]*\b")
# What the pages' programs use of OpenAI's client, which is not installed here; `nox -s clients` has
# the real one come to the gateway.
STAND_IN = """
import json, os, sys, types, urllib.error, urllib.request

class OpenAI:
    def __init__(self, base_url=None):
        self.chat = self.completions = self
        self.url = (base_url or os.environ["OPENAI_BASE_URL"]) + "/chat/completions"

    def create(self, **body):
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer, object_hook=lambda each: types.SimpleNamespace(**each))
        except urllib.error.HTTPError as error:
            sys.exit(json.load(error)["error"]["message"])
"""


@pytest.fixture
def lab(server, tmp_path):
    server.reset(Behaviour(text="A city.", input_tokens=13, output_tokens=24))
    for page in (PAGE, DOCS / "addresses.md"):
        (script,) = blocks(page, "python")
        (tmp_path / script.split()[1]).write_text(script)  # its first line names it
    (tmp_path / "openai.py").write_text(STAND_IN)
    return Lab(tmp_path)


def run(lab: Lab, server, line: str, ends: int = 0) -> str:
    """Run a command line of a page against our provider; return what it prints."""
    line, _, is_quiet = line.partition(" 2>")
    words = shlex.split(line.replace(" python ", f" {sys.executable} "))[1:]
    if words[0] == "guard":
        words[1:1] = ["--upstream", f"openai={server.url}/v1"]
    done = lab.afcost(*words, ends=ends)
    said = done.stdout + ("" if is_quiet else done.stderr)
    return said.replace(sys.executable, "python")


def _steady(text: str) -> list[str]:
    """Return lines in an order of their own, without those that move with the price table."""
    lines = text.splitlines()
    return sorted(line for line in lines if not line.startswith(("price:", "openai/gpt-6", "  ")))


def _read_json(text: str):
    """Return a document without what differs from start to start."""
    document = json.loads(text)
    document.pop("request", None)
    if "approval" in document:
        document["approval"] = document["approval"]["cap_usd"]
    return document


@pytest.mark.parametrize("name", ["gateway", "rehearsal", "addresses", "agents"])
def test_the_session_is_what_the_commands_print(lab, server, name):
    if name == "addresses":
        pytest.importorskip("cryptography")
    (session,) = blocks(DOCS / f"{name}.md", "console")
    for part in re.split(r"^\$ (?=afcost )", session, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        shown, _, code = shown.partition("$ echo $?\n")
        printed = run(lab, server, command, ends=int(code or 0))
        if shown.startswith("{"):
            assert _read_json(printed) == _read_json(shown)
        elif "…" in shown:
            assert set(_steady(shown)) - {"…"} <= set(_steady(printed))
        else:
            assert _steady(printed) == _steady(shown)


def test_at_the_cap_it_says_what_the_page_shows(lab, server):
    shown = next(each for each in blocks(PAGE, "text") if "cap of" in each)
    said = run(lab, server, "afcost guard --cap 0.00004 -- python my_study.py", ends=4)
    assert AMOUNT.sub("N", shown.strip()) in [AMOUNT.sub("N", line) for line in said.splitlines()]
