"""JSON files of afcost's own: whatever stands in their place ends in an error, at once."""

import os

import pytest

from estimator.counting.calibration import load_calibration
from estimator.errors import BadHistory, BadPlan
from estimator.forecast.history_file import read_history
from estimator.json_files import read_json_file
from estimator.plan.plan_file import read_plan

DEEP = "[" * 100_000 + "]" * 100_000


def make_fifo(path):
    os.mkfifo(path)


def link_device(path):
    path.symlink_to("/dev/zero")


def write_deep(path):
    path.write_text(DEEP)


def write_large(path):
    path.write_text(f'"{"a" * (9 << 20)}"')


def write_binary(path):
    path.write_bytes(b"\xff\xfe\0")


@pytest.mark.parametrize("make", [make_fifo, link_device, write_deep, write_large, write_binary])
def test_what_is_no_json_file_is_an_error_that_callers_know(tmp_path, make):
    path = tmp_path / "plan.json"
    make(path)
    with pytest.raises(ValueError):  # noqa: PT011 - those of json, too
        read_json_file(path)
    with pytest.raises(BadPlan, match=r"plan\.json"):
        read_plan(path)
    assert load_calibration(path) == {}


def test_a_file_behind_a_link_is_read(tmp_path):
    (tmp_path / "real.json").write_text('{"a": "\u00e9"}', encoding="utf-8")
    (tmp_path / "link.json").symlink_to("real.json")
    assert read_json_file(tmp_path / "link.json") == {"a": "\u00e9"}


@pytest.mark.parametrize("make", [make_fifo, link_device, write_binary])
def test_a_history_that_is_no_table_is_named(tmp_path, make):
    path = tmp_path / "h.csv"
    make(path)
    with pytest.raises(BadHistory, match=r"h\.csv"):
        read_history(path)
