"""A file is whole or as before, private whatever the umask, and written through no link."""

from __future__ import annotations

import os
import stat

import pytest

from estimator.atomic_write import make_private_folder, open_atomically, write_atomically


@pytest.fixture(autouse=True, params=[0o000, 0o022, 0o077], ids=oct)
def _umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_and_the_folders_made_for_it_are_private(tmp_path):
    path = tmp_path / "a" / "b" / "plan.json"
    write_atomically(path, "one")
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    path.chmod(0o666)
    write_atomically(path, "two")
    assert (mode(path), path.read_text()) == (0o600, "two")
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_there_stays_as_it_is(tmp_path):
    tmp_path.chmod(0o755)
    make_private_folder(tmp_path)
    write_atomically(tmp_path / "plan.json", "")
    assert mode(tmp_path) == 0o755


def test_a_link_is_replaced_and_not_written_through(tmp_path):
    (tmp_path / "other").write_text("kept")
    (tmp_path / "plan.json").symlink_to(tmp_path / "other")
    write_atomically(tmp_path / "plan.json", "new")
    assert (tmp_path / "other").read_text() == "kept"
    assert not (tmp_path / "plan.json").is_symlink()


def test_a_link_planted_under_a_name_that_could_be_guessed_is_not_written_through(tmp_path):
    (tmp_path / "other").write_text("kept")
    (tmp_path / f".plan.json.{os.getpid()}").symlink_to(tmp_path / "other")
    write_atomically(tmp_path / "plan.json", "new")
    assert (tmp_path / "other").read_text() == "kept"


def test_a_file_whose_writing_fails_is_as_before(tmp_path):
    path = tmp_path / "answers.csv"
    write_atomically(path, "before")

    def fail() -> None:
        with open_atomically(path) as file:
            file.write("half")
            raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_atomically(tmp_path / "file" / "plan.json", "")
