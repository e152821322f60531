"""What came of an evaluation, as its logs say: Inspect itself ends with 0 where samples failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estimator.json_files import read_json_file

# What a file raises that is not as `inspect_child` writes it.
_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """What came of one task.

    Attributes:
        log: where its log is.
        task, model: of it.
        status: as Inspect has it: success, error, cancelled, started.
        total: samples, each as often as it has epochs.
        completed: how many of them have all of their answers.
        missing: why each of the others is not complete.
        scores: scorer and metric -> value, over what is complete.
        error: why the task ended; empty where it did not end early.
    """

    log: Path
    task: str
    model: str
    status: str
    total: int
    completed: int
    missing: tuple[str, ...]
    scores: Mapping[str, float]
    error: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is missing."""
        return self.status == "success" and self.completed >= self.total


@dataclass(frozen=True, slots=True)
class EvaluationEnd:
    """What came of an evaluation.

    Attributes:
        tasks: of it; none where Inspect ended before a log was written.
        kept: how many samples went on after a refusal and have a score, which is no result.
        was_begun: whether anything was left to do.
    """

    tasks: tuple[TaskEnd, ...] = ()
    kept: int = 0
    was_begun: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return bool(self.tasks) and all(each.is_whole for each in self.tasks) and not self.kept


def read_evaluation_end(path: Path) -> EvaluationEnd:
    """Read what `inspect_child` wrote; nothing where it was ended before that."""
    try:
        document = read_json_file(path)
        tasks = tuple(map(_read_task, document["tasks"]))
        return EvaluationEnd(tasks, len(document["kept"]), bool(document["was_begun"]))
    except (OSError, *_DAMAGED):
        return EvaluationEnd()


def _read_task(told: Mapping[str, Any]) -> TaskEnd:
    scores = {
        f"{score['name']} {name}": float(value)
        for score in told["scores"]
        for name, value in score["metrics"].items()
        if isinstance(value, int | float)
    }
    return TaskEnd(
        Path(str(told["log"]).removeprefix("file://")),
        str(told["task"]),
        str(told["model"]),
        str(told["status"]),
        int(told["total"]),
        int(told["completed"]),
        tuple(str(each["error"]) for each in told["missing"]),
        scores,
        str(told["error"]),
    )
