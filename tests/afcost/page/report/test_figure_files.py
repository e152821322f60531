"""Figures as files: every chart of the page, under names that stay, with its data."""

from __future__ import annotations

import csv
import json
from decimal import Decimal

import pytest

from afcost.cli import run_cli
from afcost.page.charts.chart import Chart
from afcost.page.report.figure_files import _name_charts, format_rows
from tests.runner.recorded_run import make_run

USAGE = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run folder in which each condition has some answers."""
    recorded = make_run(tmp_path_factory.mktemp("run"), queries=4)
    with recorded.recording() as recorder:
        for request in recorder.requests.all_subject_requests():
            said = recorder.answer(request, "Sure.")
            recorder.judge(request, said, '{"refused": "no"}')
        recorder.ledger.record_end("complete")
    return recorded.folder.path


@pytest.fixture(scope="module")
def figures(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures") / "new" / "folder"
    assert run_cli(["report", str(run), "--figures", str(folder)]) == 0
    return folder


def read_rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_each_chart_is_there_three_times(figures):
    names = {path.stem for path in figures.iterdir()}
    assert {"spent-of-cap", "cost-by-stage", "projected-against-actual", "spending"} <= names
    assert {path.name for path in figures.iterdir()} == {
        f"{name}.{end}" for name in names for end in ("svg", "png", "csv")
    }
    for path in figures.glob("*.svg"):
        assert path.read_text().startswith("<svg")


def test_the_data_are_the_reports_figures(run, figures, capsys):
    assert run_cli(["report", str(run), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    stages = read_rows(figures / "cost-by-stage.csv")
    assert [each["billed_usd"] for each in stages] == [
        each["cost_usd"] for each in report["stages"]
    ]
    strata = read_rows(figures / "projected-against-actual.csv")
    assert sum(Decimal(each["billed_usd"]) for each in strata) == Decimal(report["spent_usd"])
    moments = read_rows(figures / "spending.csv")
    assert moments[-1]["settled_usd"] == report["spent_usd"]
    assert len(moments) == len(report["spending"]["moments"])


def test_it_says_what_it_wrote_and_writes_the_same_again(run, figures, tmp_path, capsys):
    assert run_cli(["report", str(run), "--figures", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert f"charts to {tmp_path}" in " ".join(told.err.split())
    for path in figures.glob("*.[cs][sv]*"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_file_in_the_folders_place_is_refused_and_left(run, tmp_path, capsys):
    file = tmp_path / "figures"
    file.write_text("mine")
    assert run_cli(["report", str(run), "--figures", str(file)]) == USAGE
    assert "is a file" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_names_are_those_of_files_and_each_is_there_once():
    names = ["lengths-org/model:7b", "lengths-org model 7b", "LENGTHS-org-model-7b", "../../x", ""]
    charts = [Chart(name, "", [], {}) for name in names]
    assert [name for name, _ in _name_charts(charts)] == [
        "lengths-org-model-7b",
        "lengths-org-model-7b-2",
        "LENGTHS-org-model-7b-3",
        "x",
        "chart",
    ]


def test_cells_that_look_like_formulas_are_escaped_unless_asked_for_raw():
    rows = [{"name": "=HYPERLINK(1)", "value": -1.5}, {"name": "plain", "held": None, "is": True}]
    assert format_rows(rows) == "name,value,held,is\n'=HYPERLINK(1),-1.5,,\nplain,,,yes\n"
    assert "\n=HYPERLINK(1)," in format_rows(rows, raw=True)
