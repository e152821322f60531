"""Finished runs are kept: none is lost, deleted ones still count, and foreign files are refused."""

from __future__ import annotations

import json
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from estimator.forecast import RangeOutcome
from pricing.money import Money
from runner.coverage import (
    FinishedRun,
    StratumOutcome,
    find_finished_runs,
    keep_finished_run,
    keep_run,
    kept_runs_path,
    read_finished_run,
    read_kept_runs,
)
from runner.errors import BadKeptRuns
from runner.ledger import read_ledger
from runner.run_folder import open_run_folder
from tests.runner.recorded_run import EACH, MODELS, make_run
from tests.support.forks import FORKS

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SECOND = MODELS[1]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))


def outcome(actual="1.00", basis="pilot", low=0.8, high=1.2):
    quantiles = {"q05": low, "q50": (low + high) / 2, "q95": high}
    return RangeOutcome(basis, quantiles, Money.from_usd(actual))


def make_finished(number=0, **changes):
    total = outcome(**changes)
    strata = (StratumOutcome("subject", "lab/m", "free/cot", total),)
    return FinishedRun(f"{number:032x}", "p" * 64, "a study", NOW, total, strata)


def use_home(folder):
    """Use a home in a process of its own, which has the environment of the one that forked it."""
    os.environ["AFCOST_HOME"] = folder


def keep_many(first):
    for number in range(first, first + 20):
        keep_run(make_finished(number))


def complete(recorded):
    with recorded.recording() as ledger:
        for subject in ledger.subjects(SECOND, "paid/cot"):
            ledger.answer(subject, "Sure.")
        ledger.ledger.record_end("complete")


def test_what_is_kept_is_read_again():
    run = make_finished(actual="0.123456789012", low=0.0, high=0.000001)
    keep_run(run)
    assert read_kept_runs() == [run]


def test_the_mean_of_a_forecast_is_kept_and_may_be_missing_as_in_earlier_versions():
    run = make_finished()
    known = replace(run, total=replace(run.total, mean=1.1))
    assert FinishedRun.from_line(known.to_line().decode()).total.likely == 1.1
    assert FinishedRun.from_line(run.to_line().decode()).total.likely == 1.0


def test_processes_that_finish_together_lose_nothing():
    home = (os.environ["AFCOST_HOME"],)
    with ProcessPoolExecutor(4, FORKS, initializer=use_home, initargs=home) as pool:
        list(pool.map(keep_many, range(0, 160, 20)))
    assert {run.ledger for run in read_kept_runs()} == {f"{n:032x}" for n in range(160)}


def test_the_last_line_of_a_run_counts():
    keep_run(make_finished(actual="1.00"))
    keep_run(make_finished(actual="1.50"))
    assert [run.total.actual for run in read_kept_runs()] == [Money.from_usd("1.50")]


def test_a_line_that_a_crash_cut_off_costs_no_other():
    keep_run(make_finished(1))
    whole = make_finished(2).to_line()
    for cut in (5, 30, len(whole) // 2, len(whole) - 2):
        with kept_runs_path().open("ab") as file:
            file.write(whole[:cut])
        keep_run(make_finished(3))
    assert [run.ledger[-1] for run in read_kept_runs()] == ["1", "3"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": "afcost.plan/1"}, "not of the schema afcost.finished_run/1"),
        ({"plan": 7}, "plan: not a text"),
        ({"study": "x" * 5_000}, "study: not a text of at most 1,000 characters"),
        ({"finished": "yesterday"}, "Invalid isoformat string"),
        ({"finished": "2026-11-27T12:00:00"}, "names no time zone"),
        ({"strata": 5}, "strata: not a list of objects"),
        ({"total": {}}, "forecast_usd: not an object of quantiles"),
        ({"total": {"basis": "the stars", "forecast_usd": {}}}, "'the stars' is not a word"),
        ({"total": {"basis": "pilot", "forecast_usd": {"q05": "1"}}}, "q50 is missing"),
    ],
)
def test_a_line_of_something_else_is_refused_with_its_place(change, why):
    keep_run(make_finished(1))
    content = json.loads(make_finished(2).to_line()) | change
    with kept_runs_path().open("a") as file:
        file.write(json.dumps(content) + "\n")
    with pytest.raises(BadKeptRuns, match=why) as refused:
        read_kept_runs()
    assert f"{kept_runs_path()}, line 2: " in str(refused.value)
    assert "move it away" in str(refused.value)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-1", "1e300", "a lot", "9" * 2_000])
def test_an_amount_that_is_none_is_refused(amount):
    content = json.loads(make_finished().to_line())
    content["total"]["actual_usd"] = amount
    with pytest.raises(ValueError, match=r"actual_usd|could not convert"):
        FinishedRun.from_line(json.dumps(content))


@pytest.mark.parametrize("text", ["hello\n", "[" * 100_000 + "\n", "{}\n", "\0\0\0\n"])
def test_a_file_of_something_else_is_refused(text):
    kept_runs_path().parent.mkdir(parents=True)
    kept_runs_path().write_text(text)
    with pytest.raises(BadKeptRuns, match="line 1"):
        read_kept_runs()


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")
def test_a_link_to_another_file_is_not_followed(tmp_path):
    (tmp_path / "theirs.jsonl").write_bytes(make_finished().to_line())
    kept_runs_path().parent.mkdir(parents=True, mode=0o700)
    kept_runs_path().symlink_to(tmp_path / "theirs.jsonl")
    with pytest.raises(BadKeptRuns, match="cannot read"):
        read_kept_runs()
    with pytest.raises(OSError, match=r".+"):
        keep_run(make_finished(1))


def test_a_complete_run_is_kept_once_with_what_each_stratum_came_to(tmp_path):
    recorded = make_run(tmp_path, tmp_path / "runs" / "small", queries=6)
    complete(recorded)
    run = keep_finished_run(recorded.folder)
    assert keep_finished_run(recorded.folder) is not None
    assert read_kept_runs() == [run]
    assert len(kept_runs_path().read_text().splitlines()) == 1
    came_to = {(s.model, s.condition): s.outcome.actual for s in run.strata if s.stage == "subject"}
    assert came_to.pop((SECOND, "paid/cot")) == Money(6 * EACH.pico // 10)
    assert set(came_to.values()) == {Money()}
    assert run.total.actual == Money(6 * EACH.pico // 10)
    planned = recorded.folder.plan.total
    assert run.total.quantiles["q05"] == pytest.approx(planned.q05)
    assert run.total.is_inside(90) is (planned.q05 <= run.total.actual.as_float <= planned.q95)


@pytest.mark.parametrize("end", ["cap", "interrupted", "failed"])
def test_a_run_that_is_not_complete_says_nothing(tmp_path, end):
    recorded = make_run(tmp_path, tmp_path / "runs" / "small", queries=6)
    with recorded.recording() as ledger:
        ledger.answer(ledger.subjects(SECOND, "paid/cot")[0], "Sure.")
        ledger.ledger.record_end(end)
    assert read_finished_run(recorded.folder) is None


def test_a_run_that_no_line_can_hold_says_nothing(tmp_path):
    recorded = make_run(tmp_path, tmp_path / "runs" / "small", queries=6)
    complete(recorded)
    plan = replace(recorded.folder.plan, study="x" * 1_001)
    assert read_finished_run(replace(recorded.folder, plan=plan)) is None


def test_a_deleted_run_still_counts_and_one_of_before_is_found(tmp_path):
    folder = tmp_path / "runs" / "small"
    recorded = make_run(tmp_path, folder, queries=6)
    complete(recorded)
    plan = recorded.folder.plan
    with recorded.recording() as ledger:
        ledger.ledger.witness.remember(plan.study, plan.digest, "")
        ledger.ledger.record_end("complete")
    (found,) = find_finished_runs([])  # of a version that kept none
    assert found.plan == plan.digest
    keep_run(found)
    assert list(find_finished_runs(read_kept_runs())) == []
    shutil.rmtree(folder)
    assert list(find_finished_runs([])) == []
    assert read_kept_runs() == [found]


def test_another_ledger_in_the_place_of_a_known_one_is_not_taken_for_it(tmp_path):
    folder = tmp_path / "runs" / "small"
    recorded = make_run(tmp_path, folder, queries=6)
    complete(recorded)
    plan = recorded.folder.plan
    with recorded.recording() as ledger:
        ledger.ledger.witness.remember(plan.study, plan.digest, "")
        ledger.ledger.record_end("complete")
    other = make_run(tmp_path, tmp_path / "elsewhere", queries=6)
    complete(other)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "elsewhere", folder)
    assert open_run_folder(folder).plan.digest == plan.digest
    with read_ledger(other.folder.ledger_location) as reader:
        own = reader.identity()
    assert [run.ledger for run in find_finished_runs([])] == [own]
