"""A follower of a run says, entry by entry, the same as its status, which is read whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.errors import BadRun
from runner.forecasting import read_status
from runner.ledger import NEVER_SENT, read_ledger
from runner.watching import RunFollower
from tests.runner.judged_run import AMPLE, JUDGES
from tests.runner.recorded_run import EACH, MODELS, make_run


def look(follower):
    return follower.look(datetime.now(UTC))


def write_every_kind(ledger):
    """Do one thing after the other to a ledger, and pause after each."""
    subjects = list(ledger.requests.all_subject_requests())
    said = ledger.answer(subjects[0], "Here it is.")
    yield
    ledger.judge(subjects[0], said, *["no"] * 4)
    yield
    ledger.hold(subjects[1], "HTTP 503 from lab")
    ledger.answer(subjects[1], "It is here.")  # the same request again
    yield
    ledger.release(subjects[2], "HTTP 429 from lab: slow down")
    ledger.release(subjects[3], "HTTP 400 from lab: no")
    yield
    ledger.reserve(subjects[4])
    yield
    ahead = [ledger.reserve(subjects[n]) for n in (2, 5, 6)]
    yield
    for each in ahead:
        ledger.ledger.release(each, NEVER_SENT)  # of one that failed before, and of two others
    yield
    ledger.answer(subjects[6], "After a pause.")
    yield
    ledger.answer(subjects[0], "Once more.")  # of what was answered
    yield


def test_each_look_has_the_figures_of_the_status(tmp_path):
    recorded = make_run(tmp_path, queries=4, judges=JUDGES)
    follower = RunFollower(recorded.folder.path)
    assert look(follower).state == read_status(follower.run)
    with recorded.recording(AMPLE) as ledger:
        for _ in write_every_kind(ledger):
            assert look(follower).state == read_status(follower.run)
    seen = look(follower)
    assert seen.state == read_status(follower.run), "also once nothing runs it"
    assert seen.state.held_requests == 1
    assert sum(actual.failed for _, actual in seen.state.strata) == 2, "none that was never sent"
    with read_ledger(recorded.folder.ledger_location) as reader:
        assert seen.seq == reader.newest().seq


def test_an_end_and_an_attempt_that_was_cut_off_are_as_in_the_status(tmp_path):
    recorded = make_run(tmp_path, queries=4)
    follower = RunFollower(recorded.folder.path)
    with recorded.recording(AMPLE) as ledger:
        ledger.reserve(next(ledger.requests.all_subject_requests()))
    seen = look(follower).state  # without an end: it crashed
    assert seen == read_status(follower.run)
    assert sum(actual.in_flight for _, actual in seen.strata) == 1
    with recorded.recording(AMPLE) as ledger:
        ledger.ledger.record_end("interrupted", "by hand")
    seen = look(follower).state
    assert seen == read_status(follower.run)
    assert (seen.end, seen.reason) == ("interrupted", "by hand")


def test_calls_are_counted_by_model_with_what_went_wrong(tmp_path):
    recorded = make_run(tmp_path, queries=4, judges=JUDGES)
    with recorded.recording(AMPLE) as ledger:
        for _ in write_every_kind(ledger):
            pass
        seen = look(RunFollower(recorded.folder.path))
    first = next(each for each in seen.calls if each.model == MODELS[0])
    assert (first.limited, first.failed, first.held, first.in_flight) == (1, 1, 1, 1)
    assert first.answered == first.a_minute == 8, "the judge is this model, too"
    assert first.last_error == "HTTP 400 from lab: no"


def test_a_call_that_was_never_sent_is_neither_a_failure_nor_sent_again(tmp_path):
    recorded = make_run(tmp_path, queries=4)
    with recorded.recording(AMPLE) as ledger:
        subject, *_ = ledger.requests.all_subject_requests()
        ledger.ledger.release(ledger.reserve(subject), NEVER_SENT)
        ledger.answer(subject, "After a pause.")
        ledger.ledger.release(ledger.reserve(subject), NEVER_SENT)
        seen = look(RunFollower(recorded.folder.path))
    first = next(each for each in seen.calls if each.model == subject.model)
    assert (first.answered, first.again, first.failed, first.last_error) == (1, 0, 0, "")


def test_the_latest_answers_come_first_with_what_their_judges_say(tmp_path):
    recorded = make_run(tmp_path, queries=10, judges=JUDGES)
    with recorded.recording(AMPLE) as ledger:
        subjects = list(ledger.requests.all_subject_requests())
        for subject in subjects[:9]:
            said = ledger.answer(subject, f"Answer {subject.query}." + " and so on" * 1000)
        ledger.judge(subjects[8], said, *["no"] * 4)
        newest, *others = look(RunFollower(recorded.folder.path)).latest
    assert newest.request == subjects[8].id
    assert len(others) == 7
    assert newest.text.startswith("Answer ")
    assert len(newest.text) < 300
    assert "not judged yet" not in newest.labels.values()
    assert set(others[0].labels.values()) == {"not judged yet"}
    assert newest.cost.pico > others[0].cost.pico == EACH.pico // 10


def test_spending_ends_at_the_balance_however_many_entries_there_are(tmp_path):
    recorded = make_run(tmp_path, queries=200)
    follower = RunFollower(recorded.folder.path)
    with recorded.recording(AMPLE) as ledger:
        for subject in list(ledger.requests.all_subject_requests())[:300]:
            ledger.answer(subject, "yes")
        ledger.hold(subject)
        balance = look(follower).state.balance
        points = follower.list_spending()
    last = points[-1]
    assert (last.settled, last.held) == (balance.settled, balance.held)
    assert last.reserved == balance.reserved + balance.aside
    assert len(points) <= 240
    assert [each.seconds for each in points] == sorted(each.seconds for each in points)


def test_a_folder_that_is_none_is_refused_and_one_that_goes_away_is_said(tmp_path):
    with pytest.raises(BadRun, match="is not a run folder"):
        RunFollower(tmp_path)
    recorded = make_run(tmp_path)
    follower = RunFollower(recorded.folder.path)
    recorded.folder.path.rename(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="No such file"):
        look(follower)


def test_a_ledger_that_is_replaced_is_read_from_its_beginning(tmp_path):
    recorded, other = make_run(tmp_path), make_run(tmp_path / "b", tmp_path / "b" / "runs" / "b")
    follower, path = RunFollower(recorded.folder.path), recorded.folder.ledger_location.path
    with recorded.recording(AMPLE) as ledger:
        subjects = list(ledger.requests.all_subject_requests())
        ledger.answer(subjects[0], "one")
    older = path.read_bytes()
    with recorded.recording(AMPLE) as ledger:
        ledger.answer(subjects[1], "two")
    look(follower)
    with other.recording(AMPLE) as ledger:
        for subject in list(ledger.requests.all_subject_requests())[:4]:
            ledger.answer(subject, "three")
    for found in (older, other.folder.ledger_location.path.read_bytes()):
        path.unlink()
        path.write_bytes(found)
        assert look(follower).state == read_status(follower.run)
