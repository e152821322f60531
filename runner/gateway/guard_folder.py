"""The folder of a guarded program: its ledger, and `guard.json`, which says what it is for.

study      the name of its ledger's study
command    the program, as it was started last
models     name -> the price that its calls were reserved by, with source and date

Beside it is a copy of the plan under which the program was started, `program-plan.json`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from estimator.atomic_write import write_atomically
from estimator.json_files import read_json_file
from estimator.safe_text import dump_json
from estimator.workload import PlannedModel
from providers.secrets import redact_message
from runner.errors import BadRun
from runner.ledger import Location, Work, locate_ledger, read_ledger
from runner.run_folder import GUARD_FILE, PLAN_FILE

GUARD_SCHEMA = "afcost.guard/1"
PROGRAM_PLAN_FILE = "program-plan.json"


@dataclass(frozen=True, slots=True)
class GuardFolder:
    """The folder of a guarded program.

    Attributes:
        path: where it is.
        study: the name of its study.
        command: the program, as it was started last.
        models: name -> the price of its calls, as `RateCard.to_json` gives it.
    """

    path: Path
    study: str
    command: tuple[str, ...] = ()
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def work(self) -> Work:
        """What its ledger's money is for."""
        return Work(hashlib.sha256(f"guard\n{self.study}".encode()).hexdigest(), "", self.study)

    def locate_ledger(self, url: str | None = None) -> Location:
        """Return where its ledger is."""
        return locate_ledger(self.path, self.study, url)

    @property
    def ledger_location(self) -> Location:
        """The location of its ledger, as it was started last."""
        return self.locate_ledger()

    def billed_names(self) -> dict[str, str]:
        """Return the names that a provider's bill may have for each model -> as the ledger's."""
        with read_ledger(self.ledger_location) as reader:  # knows those of a start that was killed
            names = self.models.keys() | reader.booked_by_model().keys()
        return {key: name for name in names for key in (name, name.partition("/")[2])}

    @property
    def plan_path(self) -> Path:
        """The copy of the plan under which it was started last, if it was under one."""
        return self.path / PROGRAM_PLAN_FILE

    def save(self, models: Mapping[str, PlannedModel]) -> None:
        """Write what it is for, with the models that were priced by now.

        Raises:
            OSError: it cannot be written.
        """
        prices = {name: model.reserve.to_json() for name, model in sorted(models.items())}
        document = {
            "schema": GUARD_SCHEMA,
            "study": self.study,
            "command": [redact_message(word) for word in self.command],
            "models": {**self.models, **prices},
        }
        write_atomically(self.path / GUARD_FILE, dump_json(document, indent=1) + "\n")


def is_guard_folder(path: Path) -> bool:
    """Return whether a folder is of a guarded program."""
    return (path / GUARD_FILE).is_file()


def open_guard_folder(path: Path) -> GuardFolder:
    """Read the folder of a guarded program.

    Raises:
        BadRun: it is not one, or is damaged.
    """
    try:
        document = read_json_file(path / GUARD_FILE)
        if document["schema"] != GUARD_SCHEMA:
            raise BadRun(f"{path / GUARD_FILE}: expected schema {GUARD_SCHEMA}")
        command = tuple(map(str, document["command"]))
        study = str(document["study"])
        study.encode()  # it is hashed: no half of a character
        return GuardFolder(path, study, command, dict(document["models"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRun(f"cannot read {path / GUARD_FILE}: {error}") from error


def choose_guard_folder(path: Path, study: str, command: Sequence[str]) -> GuardFolder:
    """Return the folder for a program, which may be there from an earlier start.

    Raises:
        BadRun: it is another run's.
    """
    if is_guard_folder(path):
        known = open_guard_folder(path)
        return GuardFolder(path, known.study, tuple(command), known.models)
    if (path / PLAN_FILE).exists():
        raise BadRun(f"{path} is the run folder of a plan; choose another one with --run-dir")
    return GuardFolder(path, study, tuple(command))
