"""A file is written whole or not at all."""

from __future__ import annotations

import pytest

from estimator.atomic_write import write_atomically, write_bytes_atomically


def test_a_file_is_replaced_and_its_folder_created(tmp_path):
    path = tmp_path / "deep" / "file.json"
    for text in ("old\r\n", "né\n"):
        write_atomically(path, text)
        assert path.read_bytes() == text.encode()
    write_bytes_atomically(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_atomically(tmp_path / "taken", "text")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]
