"""A worker's folder is gone after it, also where it was killed; those of the living stay."""

from __future__ import annotations

import tempfile

import pytest

from runner.cluster.own_folders import open_own_folder, remove_left_folders

PREFIX = "afcost-test-"


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Return a folder for temporary files, of these tests alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_this_users_alone_and_removed_at_its_end(temporary):
    with open_own_folder(PREFIX) as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "plan.json").write_text("a plan")
    assert not list(temporary.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else(temporary):
    left, other = temporary / f"{PREFIX}left", temporary / f"{PREFIX}other"
    for folder in (left, other):
        folder.mkdir()
        (folder / "plan.json").write_text("a plan")
    (temporary / f"{PREFIX}left.lock").touch()  # that no process has: a kill releases it
    (temporary / "elsewhere").write_text("kept")
    (temporary / f"{PREFIX}link.lock").symlink_to(temporary / "elsewhere")
    with open_own_folder(PREFIX) as living:
        assert not left.exists()
        remove_left_folders(PREFIX)
        assert living.exists()
        assert other.exists(), "without a lock it is another program's"
        assert (temporary / "elsewhere").read_text() == "kept"
