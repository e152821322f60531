"""Known calls are answers to the same prompts of the same models, found in run folders."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from estimator.forecast import CostRange
from estimator.plan import EstimateOptions, estimate_experiment
from estimator.workload import StratumKey
from experiment.definition import Overrides
from runner.errors import BadRun
from runner.forecasting import find_known_calls, read_own_calls
from runner.ledger import read_ledger
from runner.run_folder import default_run_dir, known_folders, open_run_folder
from tests.runner import sample_experiment
from tests.runner.launch.a_study import Study
from tests.support.provider.server import run_provider

SUBJECT = StratumKey("subject", sample_experiment.MODEL, "free/plain")
RUNS = Path("runs")
NEWER = 4_000_000_000  # seconds


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return a study whose three queries are answered and judged in four conditions."""
    monkeypatch.chdir(tmp_path)
    with run_provider() as server:
        study = Study(tmp_path, server)
        study.run(study.plan())
        yield study


def estimated(study, name=None, **changes):
    options = EstimateOptions(study=name)
    return estimate_experiment(
        str(study.path), sample_experiment.DAY, Overrides(**changes), options
    )


def drop_triggers(ledger):
    for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        ledger.execute(f"DROP TRIGGER {name}")


def known(estimate, beside: Path | None = RUNS, folder: Path | None = None):
    folder = folder or default_run_dir(estimate.plan)
    return find_known_calls(estimate.plan, estimate.experiment, folder, beside)


def forecast(study, calls, name=None) -> CostRange:
    options = EstimateOptions(study=name)
    return estimate_experiment(
        str(study.path), sample_experiment.DAY, options=options, own=calls
    ).plan.total


def test_the_studys_own_answers_count_and_are_not_paid_again(study):
    estimate = estimated(study)
    found = known(estimate)
    assert set(found) == {each.key for each in estimate.plan.strata}
    assert {(calls.basis, len(calls.queries)) for calls in found.values()} == {("pilot", 3)}
    total = forecast(study, found)
    assert total.q025 == pytest.approx(total.q975), "all is answered, so nothing is uncertain"


def test_another_studys_answers_to_the_same_prompts_are_a_history(study):
    estimate = estimated(study, "second")
    found = known(estimate)
    assert set(found) == {each.key for each in estimate.plan.strata}
    assert {calls.basis for calls in found.values()} == {"history"}
    assert found[SUBJECT].source.startswith("3 queries of runs/")
    total = forecast(study, found, "second")
    assert total.q05 < total.q95 < estimate.plan.total.q95
    assert known(estimate, beside=None) == {}


def test_a_query_keeps_its_number_wherever_it_stands(study):
    queries = study.path.parent / "queries.txt"
    lines = queries.read_text().splitlines()
    queries.write_text("\n".join(["A new one?", *reversed(lines)]) + "\n")
    found = known(estimated(study, "second"))
    assert sorted(found[SUBJECT].queries.tolist()) == [1, 2, 3]
    queries.write_text("\n".join(["A new one?", *lines[:2]]) + "\n")
    assert sorted(known(estimated(study, "second"))[SUBJECT].queries.tolist()) == [1, 2, 5]


def test_other_prompts_are_other_work_and_so_is_another_judge(study):
    study.write("judge.md", "Was it a refusal, then?")
    assert {key.stage for key in known(estimated(study, "second"))} == {"subject"}
    study.change(messages=[{"role": "user", "content": "Kindly: {{ query }}"}])
    assert known(estimated(study, "second")) == {}
    assert known(estimated(study)) == {}


def test_folders_that_cannot_be_read_are_passed_over(study):
    (mine,) = RUNS.iterdir()
    for name, spoil in {
        "empty": lambda folder: (folder / "ledger.sqlite").write_bytes(b""),
        "noise": lambda folder: (folder / "ledger.sqlite").write_bytes(b"\0" * 5000),
        "plan": lambda folder: (folder / "plan.json").write_text("{}"),
        "spec": lambda folder: (folder / "experiment.json").write_text("[]"),
    }.items():
        shutil.copytree(mine, RUNS / name)
        spoil(RUNS / name)
    (RUNS / "a file").write_text("")
    assert {calls.basis for calls in known(estimated(study)).values()} == {"pilot"}
    assert {calls.source for calls in known(estimated(study, "second")).values()} == {
        f"3 queries of {mine}"
    }


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE attempt SET query = 1000000000000",
        "UPDATE attempt SET query = -1",
        "UPDATE attempt SET query = 'x'",
        "UPDATE attempt SET model = 'another'",
        "UPDATE attempt SET condition = 5",
        "UPDATE answer SET output = x'00'",
        "DROP TABLE answer",
    ],
)
def test_a_ledger_that_others_changed_stops_no_estimate(study, change):
    estimates = [estimated(study), estimated(study, "second")]
    with closing(sqlite3.connect(default_run_dir(estimates[0].plan) / "ledger.sqlite")) as ledger:
        drop_triggers(ledger)
        ledger.execute(change)
        ledger.commit()
    assert [known(each) for each in estimates] == [{}, {}]


def test_an_answer_to_a_query_that_the_run_has_not_is_refused(study):
    run = open_run_folder(default_run_dir(estimated(study).plan))
    with read_ledger(run.ledger_location) as reader:
        assert read_own_calls(run, reader).calls
        with pytest.raises(BadRun, match="an answer to query 2 of 2; it was changed"):
            read_own_calls(replace(run, queries=run.queries[:2]), reader)


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_links_that_go_round_stop_no_estimate(study):
    for name in ("round", "second"):
        (RUNS / name).symlink_to(name)
    assert known(estimated(study, "second"))


def test_only_ledgers_of_other_studies_may_be_too_large_to_read(study, monkeypatch):
    monkeypatch.setattr(known_folders, "_MOST_BYTES", 1)
    assert known(estimated(study))
    assert known(estimated(study, "second")) == {}


def copy_newer(number, folder, answers):
    """Put copies of a run folder beside it, each newer; with its answers, or other work's."""
    for at in range(number):
        copy = shutil.copytree(folder, RUNS / f"other-{at}")
        if not answers:
            with closing(sqlite3.connect(copy / "ledger.sqlite")) as ledger:
                for (name,) in ledger.execute(
                    "SELECT name FROM sqlite_master WHERE type='trigger'"
                ):
                    ledger.execute(f"DROP TRIGGER {name}")
                ledger.execute("UPDATE attempt SET job = 'x' || job")
                ledger.commit()
        os.utime(copy / "ledger.sqlite", (NEWER + at, NEWER + at))


def test_newer_runs_of_other_work_hide_no_older_one_of_the_same(study):
    (mine,) = RUNS.iterdir()
    os.utime(mine / "ledger.sqlite", (1, 1))
    copy_newer(40, mine, answers=False)
    found = known(estimated(study, "second"))
    assert {calls.source for calls in found.values()} == {f"3 queries of {mine}"}


def test_the_newest_run_comes_first_and_the_search_ends_in_time(study):
    (mine,) = RUNS.iterdir()
    copy_newer(3, mine, answers=True)
    estimate = estimated(study, "second")
    found = known(estimate)
    assert {calls.source for calls in found.values()} == {f"3 queries of {RUNS / 'other-2'}"}
    times = iter([0.0, 0.0, 1e6])
    folder = default_run_dir(estimate.plan)
    shutil.rmtree(RUNS / "other-1")
    (RUNS / "other-2" / "plan.json").write_text("{}")
    late = find_known_calls(
        estimate.plan, estimate.experiment, folder, RUNS, clock=lambda: next(times)
    )
    assert late == {}, "the second folder was too late"
