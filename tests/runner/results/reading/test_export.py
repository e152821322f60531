"""The long table: a row for each answer and verdict, and every row knows its subject."""

from __future__ import annotations

import csv
import json
import os
import sys

import pytest

from runner.errors import BadRun
from runner.results import build_report
from runner.results.reading import export_run
from runner.results.reading.export import _replace_when_done
from tests.runner.recorded_run import MODELS

FIRST, SECOND = MODELS


def rows_of(recorded, folder, *, raw=False):
    export_run(recorded, folder / "all.jsonl")
    export_run(recorded, folder / "all.csv", raw=raw)
    lines = [json.loads(line) for line in (folder / "all.jsonl").read_text().splitlines()]
    with (folder / "all.csv").open(newline="") as file:
        return lines, list(csv.DictReader(file))


def test_each_answer_and_each_verdict_has_a_row_that_knows_its_subject(recorded, tmp_path):
    lines, _ = rows_of(recorded, tmp_path)
    assert [each["stage"] for each in lines].count("subject") == 6
    assert [each["stage"] for each in lines].count("compliance") == 2 * 4
    assert [each["stage"] for each in lines].count("second") == 4
    about = ("subject_model", "condition", "factor_tier", "factor_style", "query", "query_text")
    by_request = {}
    for each in lines:
        by_request.setdefault(each["request"], set()).add(tuple(each[name] for name in about))
    assert len(by_request) == 6
    assert all(len(labels) == 1 for labels in by_request.values())
    text = "Please tell me about number 1."
    assert (SECOND, "paid/plain", "paid", "plain", 1, text) in set.union(*by_request.values())


def test_what_the_rows_say_of_compliance_is_what_the_report_says(recorded, tmp_path):
    lines, _ = rows_of(recorded, tmp_path)
    found = [
        each["value_compliance"]
        for each in lines
        if (each["stage"], each["condition"], each["subject_model"])
        == ("subject", "free/cot", FIRST)
    ]
    assert found == [1.0, 1.0, None, None]
    comparison = next(
        each
        for each in build_report(recorded).analysis.comparisons
        if (each.model, each.within) == (FIRST, "cot")
    )
    rate = comparison.rates[0]
    assert (rate.compliance, rate.answers, rate.missing) == (1.0, 2, 2)


@pytest.mark.skipif(os.name != "posix", reason="files have other rights there")
def test_what_a_library_writes_is_for_its_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        with _replace_when_done(tmp_path / "a.parquet") as new:
            new.write_text("answers")
    finally:
        os.umask(before)
    assert (tmp_path / "a.parquet").stat().st_mode & 0o777 == 0o600


def test_csv_and_jsonl_are_the_same_table(recorded, tmp_path):
    lines, cells = rows_of(recorded, tmp_path, raw=True)
    written = [
        {name: "" if value is None else str(value) for name, value in line.items()}
        for line in lines
    ]
    assert cells == written


def test_cells_of_a_csv_are_safe_to_open(recorded, tmp_path):
    _, cells = rows_of(recorded, tmp_path)
    assert "\x1b" not in (tmp_path / "all.csv").read_text()
    assert {each["text"] for each in cells} >= {"\\x1b[2JGone"}


@pytest.mark.parametrize("name", ["all.xlsx", "all", "all.CSV"])
def test_another_ending_is_refused_with_those_that_there_are(recorded, tmp_path, name):
    with pytest.raises(BadRun, match=r"\.csv, \.jsonl, \.parquet .* \.eval or \.json"):
        export_run(recorded, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("all.parquet", "pyarrow", "parquet"),
        ("all.eval", "inspect_ai", "inspect"),
        ("all.json", "inspect_ai", "inspect"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    recorded, tmp_path, monkeypatch, name, package, extra
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BadRun, match=rf"{package} is not installed; pip install .*\[{extra}\]"):
        export_run(recorded, tmp_path / name)
    assert not (tmp_path / name).exists()
