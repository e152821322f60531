"""A live watch follows a ledger, and says the same as one that reads it whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from experiment.analysis.sequential import Look, SequentialDesign
from pricing.money import Money
from runner.forecasting import LiveState, LiveWatch, read_status
from runner.results import build_report
from runner.sequential import record_looks
from tests.runner.judged_run import AMPLE, JUDGES, make_judged_run
from tests.runner.recorded_run import EACH, MODELS, make_run

LATER = datetime.now(UTC) + timedelta(days=1)
BILLED = EACH.pico // 10


def record(recorded, subjects, *, judged=True):
    with recorded.recording(AMPLE) as ledger:
        for subject in list(ledger.requests.all_subject_requests())[subjects]:
            said = ledger.answer(subject, "Here it is.")
            if judged:
                ledger.judge(subject, said, *["no"] * 4)


def test_what_is_new_in_the_ledger_gives_the_same_as_reading_it_whole(tmp_path):
    recorded = make_run(tmp_path, queries=10, judges=JUDGES)
    record(recorded, slice(0, 20))
    followed = LiveWatch(recorded.folder)
    followed.look(LATER)
    record(recorded, slice(20, 50))
    seen, whole = followed.look(LATER), LiveWatch(recorded.folder).look(LATER)
    assert seen.state is LiveState.HOLDS
    assert (seen.settled, seen.left) == (whole.settled, whole.left) == (50 * 5, 30 * 5)
    for name in ("likely", "q05", "q95", "q99"):
        assert getattr(seen, name) == pytest.approx(getattr(whole, name))


def test_what_is_in_flight_is_seen_and_the_plans_forecast_stands_meanwhile(tmp_path):
    recorded = make_run(tmp_path, queries=10, judges=JUDGES)
    record(recorded, slice(0, 1))
    watch = LiveWatch(recorded.folder)
    watch.look(LATER)
    with recorded.recording(AMPLE) as ledger:
        for subject in list(ledger.requests.all_subject_requests())[1:3]:
            ledger.reserve(subject)
        view = watch.look(LATER)
    assert (view.state, view.in_flight, view.settled) == (LiveState.EARLY, 2, 5)
    total = recorded.folder.plan.total
    assert (view.likely, view.q05, view.q95) == (total.mean, total.q05, total.q95)


def test_what_was_held_or_refused_is_still_left(tmp_path):
    recorded = make_run(tmp_path, queries=10, judges=JUDGES)
    watch = LiveWatch(recorded.folder)
    left = watch.look(LATER).left
    with recorded.recording(AMPLE) as ledger:
        first, second = list(ledger.requests.all_subject_requests())[:2]
        ledger.hold(first)
        ledger.release(second)
    view = watch.look(LATER)
    assert (view.left, view.in_flight, view.settled) == (left, 0, 0)


def test_a_complete_run_costs_what_was_paid(tmp_path):
    run = make_judged_run(tmp_path, queries=5)
    view = LiveWatch(run.recorded.folder).look(LATER)
    paid = Money(5 * 8 * 5 * BILLED).as_float
    assert (view.state, view.left) == (LiveState.DONE, 0)
    assert view.likely == view.q05 == view.q95 == pytest.approx(paid)


def test_models_whose_gaps_looks_showed_are_left_out_and_the_next_look_is_named(tmp_path):
    recorded = make_run(
        tmp_path, queries=10, judges=JUDGES, sequential={"looks": 5}, compare="tier"
    )
    watch, size = LiveWatch(recorded.folder), 10
    whole = watch.look(LATER)
    assert (whole.next_look, whole.not_asked) == (2, 0.0)
    design = SequentialDesign.of_experiment(recorded.folder.spec, size)
    with recorded.recording(AMPLE) as ledger:
        for number in range(1, 5):  # the first model's gap is shown at the second look
            open_ = MODELS if number < 3 else MODELS[1:]
            shown = {MODELS[0]} if number == 2 else set()
            looks = [
                Look(each, number, 2 * number, 2, 0.5, 9.0 if each in shown else 0.1, 2.0)
                for each in open_
            ]
            record_looks(ledger.ledger, design, looks)
            view = watch.look(LATER)
            assert view.next_look == (2 * number + 2 if number < 4 else None), (
                "the last ends it anyway"
            )
            assert view.not_asked == (number > 1) * whole.left / 2
            assert view.left == whole.left - view.not_asked


def test_the_status_counts_as_the_report_does(tmp_path):
    recorded = make_run(tmp_path, queries=10, judges=JUDGES)
    record(recorded, slice(0, 7))
    record(recorded, slice(7, 9), judged=False)
    with recorded.recording(AMPLE) as ledger:
        first, second, third = list(ledger.requests.all_subject_requests())[10:13]
        ledger.hold(first)
        ledger.release(second)
        ledger.answer(second, "At last.")
        ledger.reserve(third)
    status, report = read_status(recorded.folder), build_report(recorded.folder)
    for name in ("outcome", "end", "reason", "held_requests", "held_for_requests", "has_crashed"):
        assert getattr(status, name) == getattr(report, name), name
    assert status.balance == report.balance
    for (planned, mine), (_, theirs) in zip(status.strata, report.strata, strict=True):
        for name in ("requests", "cost", "in_flight", "failed", "turns"):
            assert getattr(mine, name) == getattr(theirs, name), (planned.key, name)
