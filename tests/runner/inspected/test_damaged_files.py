"""What stands in the folder of an evaluation may be damaged: it is refused, or says nothing."""

from __future__ import annotations

import pytest

from runner.errors import BadRun
from runner.gateway import GuardFolder, open_guard_folder
from runner.inspected.evaluation_end import EvaluationEnd, read_evaluation_end
from tests.support.damage import choose_damaged, list_damaged, write

SCORES = [{"name": "judge", "metrics": {"accuracy": 0.5}}]
TASK = {"log": "file:///x", "task": "t", "model": "m", "status": "success", "error": ""} | {
    "total": 3,
    "completed": 2,
    "missing": [{"id": 1, "epoch": 1, "error": "x"}],
    "scores": SCORES,
}
ENDED = {"tasks": [TASK], "kept": [], "was_begun": True}
GUARD = {"schema": "afcost.guard/1", "study": "s", "command": ["a"], "models": {"a/b": {}}}


def test_a_damaged_end_of_an_evaluation_is_none(tmp_path):
    path = tmp_path / "ended.json"
    for _, damaged in choose_damaged(ENDED, 200):
        path.write_text(write(damaged))
        assert isinstance(read_evaluation_end(path), EvaluationEnd)


def test_a_damaged_folder_of_a_program_is_refused_or_can_be_used(tmp_path):
    refused = 0
    for _, damaged in list_damaged(GUARD):
        (tmp_path / "guard.json").write_text(write(damaged))
        try:
            folder = open_guard_folder(tmp_path)
        except BadRun:
            refused += 1
        else:
            assert isinstance(folder, GuardFolder)
            assert len(folder.work.digest) == 64
    assert refused > 20


def test_half_of_a_character_is_no_study(tmp_path):
    (tmp_path / "guard.json").write_text(write(GUARD | {"study": "\ud800"}))
    with pytest.raises(BadRun, match=r"guard\.json"):
        open_guard_folder(tmp_path)
