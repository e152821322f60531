"""Verdicts of before: what an earlier version paid for under other ids is not paid again."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest

from experiment.prompts.request_builder import RequestBuilder
from experiment.scoring.completion import Completion
from runner.execution.queues.earlier_verdicts import rename_verdicts
from runner.execution.queues.shared_job_queue import SharedJobQueue
from runner.execution.scheduler import StopReason
from runner.ledger.records import EarlierAttempt
from tests.runner import sample_experiment as lab
from tests.runner.ledger_texts import answered_completions


@pytest.fixture(autouse=True)
def ids_of_before():
    """Let subjects have the ids of before, as they have wherever verdicts were named so."""
    build = RequestBuilder._build_subject

    def name_as_before(self, *args):
        request = build(self, *args)
        return replace(request, id=self._name_as_before(request))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestBuilder, "_build_subject", name_as_before)
        yield


@pytest.fixture
def made(tmp_path):
    return lab.make(tmp_path, votes=2)


@pytest.fixture
def as_before(monkeypatch):
    """Let verdicts be named as an earlier version did where a template rendered at random."""

    def begin():
        drawn = count()
        named = {}

        def name(_self, job, stage, vote, *_):
            return named.setdefault((job, stage, vote), f"{next(drawn):024x}")

        monkeypatch.setattr(RequestBuilder, "verdict_id", name)

    return begin, monkeypatch.undo


def test_verdicts_that_an_earlier_version_named_otherwise_are_not_paid_again(
    made, tmp_path, as_before
):
    begin, end = as_before
    with lab.ledger_of(tmp_path / "ledger.sqlite", lab.AMPLE) as ledger:
        begin()
        first = lab.FakeProvider(made, lab.always())
        assert lab.finish(lab.execution(made, ledger, first)).end is StopReason.COMPLETE
        end()
        settled = ledger.balance.settled
        again = lab.FakeProvider(made, lab.always())
        assert lab.finish(lab.execution(made, ledger, again)).end is StopReason.COMPLETE
        assert Counter(each.stage for each in again.sent) == {}
        assert ledger.balance.settled == settled == first.billed


def test_only_the_votes_that_are_missing_are_asked_for(made, tmp_path, as_before):
    begin, end = as_before
    with lab.ledger_of(tmp_path / "ledger.sqlite", lab.AMPLE) as ledger:
        begin()

        def refuse_second_votes(request, number):
            usual = lab.always()(request, number)
            return replace(usual, fate="refused") if request.vote == 1 else usual

        first = lab.FakeProvider(made, refuse_second_votes)
        lab.finish(lab.execution(made, ledger, first))
        end()
        again = lab.FakeProvider(made, lab.always())
        assert lab.finish(lab.execution(made, ledger, again)).end is StopReason.COMPLETE
        assert {each.vote for each in again.sent} == {1}
        assert len(again.sent) == len(made.subjects())


def test_a_later_execution_sends_nothing_twice_under_the_new_ids(made, tmp_path):
    with lab.ledger_of(tmp_path / "ledger.sqlite", lab.AMPLE) as ledger:
        for calls in (len(made.subjects()) * 3, 0):
            provider = lab.FakeProvider(made, lab.always())
            assert lab.finish(lab.execution(made, ledger, provider)).end is StopReason.COMPLETE
            assert len(provider.sent) == calls


def test_what_is_no_verdict_of_an_answered_job_has_no_new_name(made):
    subject = made.subjects()[0]
    judge = made.experiment.spec.judges[0].name
    vote = EarlierAttempt(subject.id, "0" * 24, 1, Completion('{"refused": "no"}'), judge, 0)
    answer = EarlierAttempt(
        subject.id, subject.id, 1, Completion("yes"), "subject", 0, subject.prefill
    )
    unanswered = EarlierAttempt(subject.id, subject.id, 1, None, "subject", 0)
    gone = EarlierAttempt(subject.id, "1" * 24, 1, Completion("text"), "a judge that is gone", 0)
    named = rename_verdicts(made.requests, [answer, vote, gone])
    assert [earlier for _, earlier in named] == [vote]
    (expected, *_) = made.judges_of(subject, "yes")
    assert [name for name, _ in named] == [expected.id]
    assert rename_verdicts(made.requests, [unanswered, vote]) == []


@pytest.mark.parametrize("text", ["yes", "<think>hm</think>yes", "hm</think>yes"])
def test_verdicts_on_answers_of_before_with_reasoning_are_not_paid_again(made, tmp_path, text):
    with lab.ledger_of(tmp_path / "ledger.sqlite", lab.AMPLE) as ledger:

        def think(request, number):
            usual = lab.always()(request, number)
            return replace(usual, text=text) if request.subject is None else usual

        first = lab.FakeProvider(made, think)
        assert lab.finish(lab.execution(made, ledger, first)).end is StopReason.COMPLETE
        # As an earlier version stored it, when verdicts were named without the reasoning.
        ledger.store.execute("UPDATE answer SET reasoning = 'apart', reasoning_form = NULL")
        again = lab.FakeProvider(made, think)
        assert lab.finish(lab.execution(made, ledger, again)).end is StopReason.COMPLETE
        assert again.sent == []
        subject = made.subjects()[0]
        stored = answered_completions(ledger)[subject.id]
        assert made.requests.read_subject_answer(subject, stored).reasoning.startswith("apart")


def test_names_are_asked_for_in_the_thread_that_renders_requests(made, monkeypatch):
    """Of a shared ledger the attempts are read in another one meanwhile."""
    (subject, *_), judge = made.subjects(), made.experiment.spec.judges[0].name
    earlier = [
        EarlierAttempt(subject.id, subject.id, 1, Completion("yes"), "subject", 0),
        EarlierAttempt(subject.id, "0" * 24, 1, Completion("no"), judge, 0),
    ]
    asked, name = [], RequestBuilder.verdict_id
    monkeypatch.setattr(
        RequestBuilder,
        "verdict_id",
        lambda *args: (asked.append(threading.current_thread()), name(*args))[1],
    )
    table = SimpleNamespace(
        count_living=lambda: 1, take=lambda *_: [0], earlier_attempts=lambda _: earlier
    )
    queue = SharedJobQueue(table, made.requests, "a seed", 60.0)
    asyncio.run(queue.take(1))
    assert set(asked) == {threading.main_thread()}
