"""Real clients, each kind in an environment of its own: they pin versions of each other.

The environments are made once, in the folder that AFCOST_CLIENTS names (`nox -s clients` sets it),
or in a temporary one, and made again when a version here changes. Versions are those with which
docs and tables of this repository were tried.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SCRIPTS = Path(__file__).with_name("scripts")
_QUIETLY = ("--ignore-scripts", "--omit=optional", "--no-fund", "--no-audit")


@dataclass(frozen=True)
class Clients:
    """Clients that are installed together.

    Attributes:
        name: of the environment.
        packages: with their versions.
        script: that uses them, or that their command is given.
        is_python: whether they are Python's; else Node's.
    """

    name: str
    packages: tuple[str, ...]
    script: str
    is_python: bool = True

    def install(self, folder: Path) -> Sequence[str]:
        """Install them below a folder, unless they are there; return the command of the script."""
        home = self._make(folder)
        if self.is_python:
            return [str(home / "bin" / "python"), str(SCRIPTS / self.script)]
        # Node looks for packages beside the script.
        shutil.copy(SCRIPTS / self.script, home / self.script)
        return ["node", str(home / self.script)]

    def install_command(self, folder: Path, name: str) -> str:
        """Install them below a folder, unless they are there; return one of their commands."""
        commands = "bin" if self.is_python else "node_modules/.bin"
        return str(self._make(folder) / commands / name)

    def _make(self, folder: Path) -> Path:
        home = folder / self.name
        stamp = home / "installed.json"
        if not stamp.exists() or json.loads(stamp.read_text()) != list(self.packages):
            shutil.rmtree(home, ignore_errors=True)
            (_install_python if self.is_python else _install_node)(home, self.packages)
            stamp.write_text(json.dumps(self.packages))
        return home


CLIENTS = (
    Clients(
        "official",
        ("openai==3.57.0", "anthropic==2.14.0", "google-genai==3.6.1"),
        "official.py",
    ),
    Clients("litellm", ("litellm==1.110.2",), "litellm_calls.py"),
    Clients(
        "langchain",
        (
            "langchain-openai==1.7.4",
            "langchain-anthropic==1.7.10",
            "langchain-google-genai==4.4.3",
        ),
        "langchain_calls.py",
    ),
    Clients(
        "frameworks",
        (
            "openai==2.54.0",
            "dspy==3.4.1",
            "llama-index-llms-openai==0.8.3",
            "instructor==1.17.0",
        ),
        "frameworks.py",
    ),
    Clients(
        "inspect",
        (
            *("inspect_ai==0.3.285", "openai==3.57.0", "anthropic==2.14.0", "google-genai==3.6.1"),
            *("groq==1.7.0", "together==3.1.1"),
        ),
        "inspect_task.py",
    ),
    Clients(
        "javascript",
        ("openai@6.49.0", "@anthropic-ai/sdk@1.14.0", "@google/genai@2.32.0"),
        "official.mjs",
        is_python=False,
    ),
)
# The same clients, with addresses in the code, and what reads no address from its environment.
_BY_NAME = {each.name: each for each in CLIENTS}
INTERCEPTED = (
    replace(_BY_NAME["official"], script="intercepted.py"),
    Clients("mistral", ("mistralai==3.7.0",), "mistral_calls.py"),
    replace(_BY_NAME["javascript"], script="intercepted.mjs"),
)

# Tools with a command of their own. Of what promptfoo can do without, it gets its database's part
# for this kind of machine alone: all of it is 1.9 GB.
PROMPTFOO = Clients(
    "promptfoo",
    ("promptfoo@0.121.20", "@libsql/linux-x64-gnu@0.5.29"),
    "promptfooconfig.yaml",
    is_python=False,
)
LM_EVAL = Clients("lm_eval", ("lm-eval[api]==0.4.13",), "sums.yaml")

# Scripts that only a rehearsal can answer, since what they ask for has a form.
STRUCTURED = (
    replace(CLIENTS[0], script="structured.py"),
    replace(CLIENTS[3], script="instructor_models.py"),
    replace(CLIENTS[4], script="inspect_graded.py"),
)
# Providers' own packages, which make batches at the test provider, and hold its forms to theirs.
BATCHES = Clients(
    "batches",
    (
        *("openai==3.57.0", "anthropic==2.14.0", "google-genai==3.6.1", "groq==1.7.0"),
        *("openrouter==1.3.84", "mistralai==3.7.0", "together==3.1.1"),
    ),
    "batches.py",
)


def _install_python(home: Path, packages: Sequence[str]) -> None:
    venv.create(home, with_pip=True)
    _run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages])


def _install_node(home: Path, packages: Sequence[str]) -> None:
    home.mkdir(parents=True)
    (home / "package.json").write_text("{}")
    _run(["npm", "install", *_QUIETLY, *packages], home)


def _run(command: Sequence[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)  # noqa: T201 - why it cannot be installed
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}")


def find_folder(temporary: Path) -> Path:
    """Return the folder of the environments."""
    return Path(os.environ.get("AFCOST_CLIENTS") or temporary)
