"""The scene of an input: a user's desk, a stranger's folder on it, and secrets all around.

    desk/                    where the commands run, with the user's own prices
    desk/stranger/           the experiment that came from somebody else
    outside/secret.txt       a file that no experiment may read
    home/                    what afcost itself keeps
    said/                    what the commands print

Every secret holds a canary of its own, a text that occurs nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.hostile.hostile_input import OWN_KEY, HostileInput, expand

ROOT = Path(__file__).resolve().parents[2]
_OTHER_SECRETS = (
    OWN_KEY,
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_CLIENT_SECRET",
    "GITHUB_TOKEN",
    "HF_TOKEN",
    "PGPASSWORD",
    "MY_BANK_PIN",
)
EXPERIMENT: dict[str, Any] = {
    "name": "hostile",
    "models": ["lab/llama-3.1-8b"],
    "queries": {"file": "queries.txt"},
    "messages": [{"role": "user", "content": "{{ query }}"}],
    "sampling": {"max_tokens": 24},
    "judges": [
        {
            "name": "checker",
            "model": "lab/llama-3.1-8b",
            "messages": [{"role": "user", "content": "JUDGE THIS: {{ output }} {{ query }}"}],
            "sampling": {"max_tokens": 24},
        }
    ],
    "providers": {"lab": {"kind": "openai", "base_url": "${URL}/v1", "api_key_env": OWN_KEY}},
}
PRICES = "prices:\n  lab/llama-3.1-8b: {input: 1, output: 1, source: my contract}\n"


def canary(name: str) -> str:
    """Return the secret that stands in a variable or a file."""
    return f"sk-{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def key_variables() -> tuple[str, ...]:
    """Return every variable that holds a secret: of all providers, and of others."""
    providers = yaml.safe_load((ROOT / "providers" / "providers.yaml").read_text(encoding="utf-8"))
    named = {name for each in providers.values() for name in each.get("api_key_env", ())}
    return tuple(sorted(named | set(_OTHER_SECRETS)))


@dataclass(frozen=True)
class Scene:
    """Where an input is tried, with the server that listens."""

    folder: Path
    url: str

    @property
    def desk(self) -> Path:
        """Where the commands run."""
        return self.folder / "desk"

    @property
    def said(self) -> Path:
        """Where their output goes."""
        return self.folder / "said"

    @property
    def secrets(self) -> dict[str, str]:
        """What no file and no output may hold, by where it stands."""
        variables = {name: canary(name) for name in key_variables()}
        return variables | {"the secret file": canary("file"), "a password": canary("password")}

    def names(self) -> dict[str, str]:
        """Return what `${NAME}` stands for in a table."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return {
            "URL": self.url,
            "HOST": host,
            "PORT": port,
            "SCENE": str(self.folder),
            "OUTSIDE": str(self.folder / "outside"),
            "FOLDER": str(self.desk / "stranger"),
            "PASSWORD": canary("password"),
        }

    def build(self, given: HostileInput) -> None:
        """Make all files of an input."""
        for name in ("desk/stranger", "outside", "home", "said"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "outside" / "secret.txt").write_text(f"{canary('file')}\nand more\n")
        (self.folder / "outside" / "secret.csv").write_text(f"q\n{canary('file')}\n")
        (self.desk / "afcost.prices.yaml").write_text(PRICES)
        (self.desk / "stranger" / "queries.txt").write_text("What is a mole?\n")
        self._write("experiment.yaml", self._experiment_text(given))
        for path, content in given.files.items():
            self._write(expand(path, self.names()), expand(content, self.names()))

    def edit(self, edits: Mapping[str, Any]) -> None:
        """Change files as somebody does who gets at them between two commands."""
        for path, content in edits.get("files", {}).items():
            self._write(path, expand(content, self.names()))
        for path, patch in edits.get("json", {}).items():
            target = self.desk / "stranger" / path
            changed = merge(yaml.safe_load(target.read_text()), expand(patch, self.names()))
            target.write_text(json.dumps(changed))
        for path, statements in edits.get("sql", {}).items():
            with sqlite3.connect(self.desk / "stranger" / path) as database:
                for statement in statements:
                    database.execute(expand(statement, self.names()))
            database.close()

    def environment(self, given: HostileInput) -> dict[str, str]:
        """Return the environment of a user who has many secrets."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        secrets = {name: canary(name) for name in key_variables()}
        own = {"AFCOST_HOME": str(self.folder / "home"), "COLUMNS": "120", "PYTHONUTF8": "1"}
        return kept | secrets | own | expand(given.environment, self.names())

    def _experiment_text(self, given: HostileInput) -> str | bytes:
        names = self.names()
        if given.text is not None:
            text: str | bytes = expand(given.text, names)
            return text
        fields = merge(expand(EXPERIMENT, names), expand(given.experiment or {}, names))
        return yaml.safe_dump(fields, sort_keys=False) + expand(given.append or "", names)

    def _write(self, path: str, content: Any) -> None:
        target = self.desk / "stranger" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or target.is_file():
            target.unlink()
        match content:
            case bytes():
                target.write_bytes(content)
            case str():
                target.write_bytes(content.encode("utf-8", "surrogatepass"))
            case _:
                _make(target, content)


def _make(target: Path, how: Mapping[str, Any]) -> None:
    """Make what is no plain file."""
    if "link" in how:
        target.symlink_to(how["link"])
    elif "fifo" in how:
        os.mkfifo(target)
    elif "socket" in how:
        _make_socket(target)
    elif "folder" in how:
        target.mkdir(parents=True, exist_ok=True)
    elif "size" in how:
        with target.open("wb") as file:
            file.truncate(how["size"])
    if "mode" in how:
        target.chmod(how["mode"])


def _make_socket(target: Path) -> None:
    """Leave a socket's name in the file system; a long path is reached from its folder."""
    here = Path.cwd()
    os.chdir(target.parent)
    try:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(target.name)
    finally:
        os.chdir(here)


def merge(fields: Any, changes: Any) -> Any:
    """Change fields, those of mappings one by one; None removes one, `index: value` of a list."""
    if isinstance(fields, list) and isinstance(changes, dict):
        return [merge(each, changes[n]) if n in changes else each for n, each in enumerate(fields)]
    if not isinstance(fields, dict) or not isinstance(changes, dict):
        return changes
    merged = dict(fields)
    for key, change in changes.items():
        if change is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), change)
    return merged
