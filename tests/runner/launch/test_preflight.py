"""What is checked before a run begins, where no provider is needed for it."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from runner.errors import CannotSend
from runner.launch import preflight


def test_a_disk_that_cannot_hold_the_answers_stops_a_run(tmp_path, monkeypatch):
    free = SimpleNamespace(total=1 << 40, used=0, free=200 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    preflight.check_disk_space(tmp_path / "runs" / "new", 5_000)
    with pytest.raises(CannotSend, match=r"200 MiB free, but 50,000 requests may need 953 MiB"):
        preflight.check_disk_space(tmp_path / "runs" / "new", 50_000)


def test_a_folder_that_is_not_there_yet_is_judged_by_the_disk_that_it_will_be_on(tmp_path):
    preflight.check_disk_space(tmp_path / "a" / "b" / "c", 10)
