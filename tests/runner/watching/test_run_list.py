"""A list of runs has all of them, whatever else stands in the folder."""

from __future__ import annotations

import os
import time

import pytest

from runner.coverage import keep_finished_run, read_kept_runs
from runner.errors import LedgerError
from runner.run_folder import open_run_folder
from runner.watching import RunList, list_finished_runs, run_list
from tests.runner.judged_run import AMPLE
from tests.runner.recorded_run import make_run


@pytest.fixture
def complete(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))
    recorded = make_run(tmp_path, tmp_path / "runs" / "done")
    with recorded.recording(AMPLE) as ledger:
        for subject in list(ledger.requests.all_subject_requests()):
            ledger.answer(subject, "yes")
        ledger.ledger.record_end("complete")
    return recorded.folder.path


def test_a_run_has_its_state_and_whether_its_range_held(complete):
    (listed,) = RunList(complete.parent).read()
    assert (listed.folder, listed.state.outcome, listed.error) == (complete, "complete", "")
    assert listed.outcome is not None
    assert listed.actual == listed.outcome.actual == listed.state.balance.settled
    assert listed.answered == 24


def test_what_is_broken_or_foreign_is_named_and_breaks_nothing(complete):
    runs = complete.parent
    for name, file, text in (
        ("empty", "ledger.sqlite", b""),
        ("garbage", "ledger.sqlite", b"SQLite format 3\0" + b"\xff" * 4096),
        ("no-json", "experiment.json", b"{"),
        ("deep", "experiment.json", b"[" * 100_000),
    ):
        (runs / name).mkdir()
        (runs / name / file).write_bytes(text)
        if file == "ledger.sqlite":
            (runs / name / "experiment.json").write_bytes(b"{}")
    os.mkfifo(runs / "fifo")
    (runs / "a-file").write_text("no run")
    (runs / "not-a-run").mkdir()
    (runs / "a-program").mkdir()
    for name in ("guard.json", "ledger.sqlite"):
        (runs / "a-program" / name).touch()
    listed = {each.folder.name: each for each in RunList(runs).read()}
    assert listed.keys() == {"done", "empty", "garbage", "no-json", "deep"}
    assert all(each.error for name, each in listed.items() if name != "done")
    assert not listed["done"].error


def test_databases_that_do_not_answer_hold_up_the_list_once(complete, monkeypatch):
    runs, asked = RunList(complete.parent), []

    def wait_in_vain(folder):
        asked.append(folder.name)
        time.sleep(0.2)
        raise LedgerError("x" * 290 + "no answer of postgresql://me:hunter22secret@h/x")

    monkeypatch.setattr(run_list, "open_run_folder", wait_in_vain)
    monkeypatch.setattr(run_list, "_SLOW", 0.1)
    names = [f"far-{number}" for number in range(8)]
    for name in names:
        (complete.parent / name).mkdir()
        (complete.parent / name / "ledger.url").write_text("postgresql://127.0.0.1:1/x")
    for _ in range(2):
        assert {each.error for each in runs.read()} == {"x" * 290 + "no answer "}
    assert sorted(asked) == ["done", *names]
    runs.end()
    runs._known.clear()
    assert {each.error for each in runs.read()} == {"not read"}


def test_what_changed_is_read_again(complete):
    runs = RunList(complete.parent)
    (first,) = runs.read()
    (same,) = runs.read()
    assert same is first
    (complete / "control.json").write_text('{"paused_at": "2026-11-27T12:00:00+00:00"}')
    (other,) = runs.read()
    assert other is not first


def test_runs_that_are_kept_are_listed_once_also_without_a_folder(complete, tmp_path):
    keep_finished_run_of(complete)
    (kept,) = read_kept_runs()
    assert list_finished_runs() == [kept]
    (listed,) = RunList(complete.parent).read([kept])
    assert listed.folder == complete
    (gone,) = RunList(tmp_path / "nothing").read([kept])
    assert (gone.folder, gone.state, gone.name) == (None, None, kept.study)
    assert gone.actual == kept.total.actual


def keep_finished_run_of(folder):
    assert keep_finished_run(open_run_folder(folder)) is not None
