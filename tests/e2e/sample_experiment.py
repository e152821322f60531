"""A researcher's folder: an experiment, her prices, and the real `afcost` command run in it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from afcost.cli import run_cli
from experiment.definition import builtin_folder
from tests.support.forks import ForkedCommand, run_forked

QUICK = {"approve", "estimate", "report", "status", "ledger"}
KEYS = {"LAB_KEY": "sk-lab-1f0c", "DEEPINFRA_API_KEY": "sk-di-77aa", "OPENAI_API_KEY": "sk-oa-5c1e"}


@dataclass(frozen=True)
class Lab:
    """A folder to work in, and `afcost` to work with."""

    folder: Path

    def afcost(
        self, *arguments: str, ends: int = 0, apart: bool | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command, off a terminal, and see that it ends with this exit code.

        What spends nothing runs in this process, the rest in one of its own that is forked, unless
        it is said: with `apart` it is started as users start it, without it here.
        """
        if apart is None and arguments[0] not in QUICK:
            done = run_forked(arguments, self.folder, self.environment())
        else:
            done = self._apart(arguments) if apart else self._here(arguments)
        assert done.returncode == ends, (
            f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        assert "Traceback" not in done.stderr
        for key in filter(None, KEYS.values()):
            assert key not in done.stdout + done.stderr
        return done

    def _apart(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "afcost", *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _here(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        told, said = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment(), clear=True),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(said),
        ):
            code = run_cli(list(arguments))
        return subprocess.CompletedProcess(arguments, code, told.getvalue(), said.getvalue())

    def afcost_without(
        self, modules: tuple[str, ...], *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that must import none of these modules; those it does are its error."""
        code = (
            f"import sys; from afcost.cli import run_cli; run_cli({list(arguments)!r}); "
            f"sys.exit(','.join(m for m in {modules!r} if m in sys.modules) or 0)"
        )
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str) -> ForkedCommand:
        """Start the command and leave it running."""
        return ForkedCommand(arguments, self.folder, self.environment())

    def environment(self) -> dict[str, str]:
        """Return the environment of a researcher with keys, and nothing that steers afcost."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AFCOST_")}
        home = str(self.folder / ".home")
        return kept | KEYS | {"COLUMNS": "120", "AFCOST_HOME": home}

    def copy(self) -> Path:
        """Copy the built-in experiment as `afcost init af` does, and give its file."""
        shutil.copytree(builtin_folder(), self.folder / "af")
        return self.folder / "af" / "experiment.yaml"

    def init(self, **providers: str) -> Path:
        """Copy the built-in experiment, with these providers added as flow mappings."""
        path = self.copy()
        if providers:
            lines = "".join(f"  {name}: {fields}\n" for name, fields in providers.items())
            path.write_text(f"{path.read_text()}\nproviders:\n{lines}")
        return path

    def prices(self, **prices: str) -> None:
        """Write the researcher's own prices; `__` in a name stands for `/`."""
        rows = "".join(f"  {name.replace('__', '/')}: {row}\n" for name, row in prices.items())
        (self.folder / "afcost.prices.yaml").write_text(f"prices:\n{rows}")

    def plan(self, *arguments: str) -> dict[str, Any]:
        """Estimate, save plan.json, and give the estimate."""
        done = self.afcost("estimate", *arguments, "-o", "plan.json", "--format", "json")
        estimate: dict[str, Any] = json.loads(done.stdout)
        return estimate

    def report(self, run: str | None = None) -> dict[str, Any]:
        """Return the report of a run as JSON."""
        done = self.afcost("report", run or str(self.run_folder()), "--format", "json")
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def run_folder(self) -> Path:
        """Return the only run folder."""
        (folder,) = (self.folder / "runs").iterdir()
        return folder

    def answers(self, run: Path | None = None) -> list[dict[str, Any]]:
        """Return every answered attempt in the ledger."""
        connection = sqlite3.connect((run or self.run_folder()) / "ledger.sqlite")
        connection.row_factory = sqlite3.Row
        rows = connection.execute(
            "SELECT attempt.*, answer.*, attempt.model AS written FROM answer "
            "JOIN attempt ON attempt.id = answer.attempt"
        ).fetchall()
        connection.close()
        return [dict(row) for row in rows]


def planned(folder: Path, url: str, price: str, *, limit: int, kind: str = "openai") -> Lab:
    """Plan the built-in experiment at a provider of one's own, its judge there as well.

    Args:
        folder: an empty one.
        url: of the provider.
        price: of both models, as in a price file.
        limit: queries, of each of four conditions.
        kind: the API that it speaks.
    """
    lab = Lab(folder)
    experiment = lab.init(lab=f'{{kind: {kind}, base_url: "{url}/v1", api_key_env: LAB_KEY}}')
    experiment.write_text(experiment.read_text().replace("openai/gpt-4o-mini", "lab/judge"))
    lab.prices(lab__model=price, lab__judge=price)
    arguments = ("-m", "lab/model", "--limit", str(limit), "--max-tokens", "400")
    lab.plan("af/experiment.yaml", *arguments)
    return lab


def answered_by_condition(answers: list[dict[str, Any]], stage: str = "subject") -> list[int]:
    """Count the answers of each condition, also of those without any."""
    counts = Counter(row["condition"] for row in answers if row["stage"] == stage)
    conditions = ["free/cot", "free/no-cot", "paid/cot", "paid/no-cot"]
    return [counts[condition] for condition in conditions]
