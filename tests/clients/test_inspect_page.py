"""The session that docs/inspect.md shows is what the commands print, where Inspect is installed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.clients.environments import CLIENTS, find_folder
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider
from tests.test_docs import ROOT, blocks

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
NUMBER = re.compile(r"\$?[\d][\d,.]*\b")  # how many samples fit depends on which ran together
PAGE = ROOT / "docs" / "inspect.md"
USUAL = Behaviour(text="GRADE: C", tier="default", input_tokens="counted", output_tokens=4)


def steady(line: str) -> str:
    return " ".join(NUMBER.sub("N", line).split())


def test_the_session_is_what_the_commands_print(tmp_path, tmp_path_factory):
    (script,), session = blocks(PAGE, "python"), "\n".join(blocks(PAGE, "console"))
    (tmp_path / "arithmetic.py").write_text(script)
    (clients,) = (each for each in CLIENTS if each.name == "inspect")
    python = clients.install(find_folder(tmp_path_factory.mktemp("clients")))[0]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    environment = kept | {"AFCOST_HOME": str(tmp_path / "home")}
    with run_provider(USUAL) as provider:
        for part in session.split("$ afcost ")[1:]:
            line, _, shown = part.partition("\n")
            words = shlex.split(line)
            if words[0] == "inspect":
                words += ["--python", python]
            if words[:2] == ["inspect", "run"]:
                words += ["--upstream", f"openai={provider.url}/v1", "--log-level", "error"]
            done = subprocess.run(
                [sys.executable, "-m", "afcost", *words],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            said = (done.stdout + done.stderr).replace(f"{tmp_path}/", "")
            for word in (f" --python {python}", " --log-level error"):
                said = said.replace(word, "")
            told = {steady(each) for each in said.splitlines()}
            for each in shown.splitlines():
                assert steady(each) in told or each == "…", said
