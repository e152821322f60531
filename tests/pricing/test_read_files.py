"""What was read from installed files, kept as JSON: the same as the files, or nothing."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path

import pytest

from pricing import data_files, read_files
from pricing.cache_folder import cache_folder

ROOT = Path(__file__).parents[2]
CONTENT = {"rows": [{"day": date(2026, 1, 2), "rate": 0.25, "on": True, "no": None}], "ß": "\u2028"}
NOT_KEPT = {"numbers as names": {1: "a"}, "a tuple": {"a": (1, 2)}, "a set": {"a": {1}}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder for a home of its own."""
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def data(folder):
    """Return a copy of a data file."""
    return Path(shutil.copy(ROOT / "pricing/catalog/retirements.yaml", folder))


@pytest.mark.usefixtures("folder")
def test_every_data_file_is_read_the_same_from_what_was_kept():
    files = [
        each
        for room in ("pricing", "providers", "estimator")
        for each in ROOT.glob(f"{room}/**/*.yaml")
    ]
    assert len({each.name for each in files}) == len(files) > 5, "one name, one kept file"
    for file in files:
        first = data_files.read_data_file(file)
        assert repr(data_files.read_data_file(file)) == repr(first) == repr(parse(file)), file


def parse(file):
    return data_files._parse_yaml(file.read_bytes())


def test_a_changed_file_is_read_again(data):
    rows = data_files.read_data_file(data)
    data.write_text(data.read_text().replace("2027", "2028"))
    assert data_files.read_data_file(data) == parse(data) != rows


DAMAGES = {
    "empty": lambda _: b"",
    "cut": lambda kept: kept[:-9],
    "another figure": lambda kept: kept.replace(b"2027", b"2029"),
    "another head": lambda kept: b"0" + kept[1:],
    "no text": lambda _: b"\xff\xfe\n\x00",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_read_again_and_mended(data, damage):
    before = data_files.read_data_file(data)
    (kept,) = (cache_folder() / "read").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(DAMAGES[damage](whole))
    assert data_files.read_data_file(data) == before
    assert kept.read_bytes() == whole


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("what", NOT_KEPT)
def test_what_json_would_change_is_not_kept(what):
    read_files.keep_read_file("x", "digest", NOT_KEPT[what])
    assert read_files.find_read_file("x", "digest") is None


@pytest.mark.usefixtures("folder")
def test_what_was_kept_is_private_and_for_one_digest():
    read_files.keep_read_file("x", "digest", CONTENT)
    assert read_files.find_read_file("x", "digest") == CONTENT
    assert read_files.find_read_file("x", "another") is None
    if os.name == "posix":
        (kept,) = (cache_folder() / "read").iterdir()
        assert kept.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_done_without(data):
    cache_folder().parent.write_text("a file in its place")
    assert data_files.read_data_file(data) == parse(data)
