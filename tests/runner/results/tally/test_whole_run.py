"""Several processes add up to what one does, and where they cannot, one does it alone."""

from __future__ import annotations

import sys

import pytest

from experiment.scoring import Completion
from pricing.money import Money
from runner.ledger import read_ledger
from runner.results import build_report
from runner.results.tally import RunTally, tally_processes, tally_run, whole_run
from runner.results.tally.tally_processes import ProcessesLost
from tests.runner.recorded_run import MODELS, make_run

SAID = (
    "<OUTPUT><rejected/> No.</OUTPUT>",
    "<OUTPUT><request_fully_accepted/> Yes.</OUTPUT>",
    "<SCRATCHPAD_REASONING>Hm.</SCRATCHPAD_REASONING><OUTPUT>Well.</OUTPUT>",
    Completion("", "content_filter"),
    Completion("half", "error"),
    Completion("cut", "length"),
)
VERDICTS = ('{"refused": "no"}', '{"refused": "yes"}', "I cannot say")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Record a run that crashed, with attempts that end in every way, and jobs taken up again."""
    monkeypatch.setattr("runner.ledger.reading.job_queries._JOBS_AT_A_TIME", 3)
    monkeypatch.setattr("runner.ledger.reading.job_queries._NEAR", 20)
    recorded = make_run(tmp_path, queries=6)
    with recorded.recording() as ledger:
        subjects = [each for each in ledger.requests.all_subject_requests() if each.query < 5]
        answers = {}
        for number, subject in enumerate(subjects):
            said = SAID[number % len(SAID)]
            answers[subject.id] = ledger.answer(subject, said, prompt_tokens=9 + number % 3)
        ledger.hold(subjects[0])
        ledger.release(subjects[1])
        for number, subject in enumerate(subjects):
            if number % len(SAID) < len(VERDICTS):
                ledger.judge(subject, answers[subject.id], VERDICTS[number % 5 % 3])
        ledger.answer(subjects[4], SAID[1])  # the one that broke off
        ledger.reserve(subjects[7])  # in flight when the run crashed
    return recorded.folder


def list_sums(tally: RunTally) -> tuple[object, ...]:
    part = tally.take_part()
    return (*part, {name: list(each) for name, each in part.reported.items()})


def test_processes_add_up_to_what_one_does(folder, monkeypatch):
    monkeypatch.setattr(whole_run, "count_cores", lambda: 2)
    report = build_report(folder)
    with read_ledger(folder.ledger_location) as reader:
        alone = tally_run(folder, reader, is_running=False, has_crashed=True)
        several = whole_run._tally_with_processes(folder, reader, has_crashed=True)
    assert len(alone.observations) > 30
    assert (alone.held_requests, alone.held) == (1, Money.from_usd("0.01").pico)
    assert list_sums(several) == list_sums(alone)
    monkeypatch.setattr(whole_run, "_MANY_ENTRIES", 0)
    again = build_report(folder)
    assert again.to_json() == report.to_json()
    assert again.observations == report.observations
    assert {each.model for each in again.observations} == set(MODELS)


@pytest.mark.parametrize(
    ("of", "name", "value"),
    [(sys, "executable", "/nowhere/python"), (tally_processes, "_START", "pass")],
)
def test_where_no_process_can_be_asked_one_does_it_alone(folder, monkeypatch, of, name, value):
    report = build_report(folder)
    monkeypatch.setattr(whole_run, "count_cores", lambda: 2)
    monkeypatch.setattr(whole_run, "_MANY_ENTRIES", 0)
    monkeypatch.setattr(of, name, value)
    with read_ledger(folder.ledger_location) as reader, pytest.raises(ProcessesLost):
        whole_run._tally_with_processes(folder, reader, has_crashed=True)
    assert build_report(folder).to_json() == report.to_json()
