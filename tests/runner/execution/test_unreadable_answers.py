"""An answer that cannot be read is asked for again as often as the experiment says, and paid."""

from __future__ import annotations

import pytest

from pricing.money import Money
from runner.execution.scheduler import StopReason
from runner.ledger.location import FileLocation
from runner.ledger.open import read_ledger
from tests.runner import sample_experiment as labs
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import (
    AMPLE,
    PLAIN,
    Call,
    FakeProvider,
    execution,
    finish,
    ledger_of,
)

VERDICT = '{"refused": "no"}'
JUDGE = {
    "name": "compliance",
    "model": labs.MODEL,
    "messages": [{"role": "user", "content": PLAIN}],
    "sampling": {"max_tokens": 12},
}


def made(folder, again, *, answer_again=0):
    return labs.make(
        folder / "e", queries=1, judges=[JUDGE | {"again": again}], answer={"again": answer_again}
    )


def readable_at(sending):
    """Answer in words that are no verdict, until a judge is asked for the nth time."""

    def script(request, number):
        told = VERDICT if number >= sending else "I would rather not say."
        return Call(12, text=told) if request.subject else Call(3)

    return script


@pytest.mark.parametrize(("again", "asked"), [(0, 1), (1, 2), (5, 3)])
def test_a_text_that_is_no_verdict_is_asked_for_again_and_each_answer_is_booked(
    tmp_path, again, asked
):
    lab = made(tmp_path, again)
    provider = FakeProvider(lab, readable_at(3))
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        assert finish(execution(lab, ledger, provider)).end is StopReason.COMPLETE
        assert ledger.balance.settled == provider.billed
        assert ledger.balance.reserved == ledger.balance.aside == Money()
        texts = list(answered_texts(ledger).values())
    sendings = provider.sendings()
    assert [sendings[judge.id] for judge in provider.sent if judge.subject] == [asked] * 4 * asked
    assert texts.count(VERDICT) == (4 if asked == 3 else 0), (
        "the last answer is the one that counts"
    )


def test_an_answer_without_an_output_is_asked_for_again(tmp_path):
    lab = made(tmp_path, 0, answer_again=2)

    def script(request, number):
        if request.subject:
            return Call(12, text=VERDICT)
        return Call(8, text="<SCRATCHPAD_REASONING>hm" if number < 2 else "Here it is.")

    provider = FakeProvider(lab, script)
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        assert finish(execution(lab, ledger, provider)).end is StopReason.COMPLETE
        assert ledger.balance.settled == provider.billed
    assert [provider.sendings()[subject.id] for subject in lab.subjects()] == [2] * 4


def test_without_money_for_another_one_the_unreadable_answer_stays(tmp_path):
    lab, path = made(tmp_path, 5), tmp_path / "ledger.sqlite"
    provider = FakeProvider(lab, readable_at(99))
    with ledger_of(path, lab.dearest_job()) as ledger:
        progress = finish(execution(lab, ledger, provider, concurrency=1))
        assert ledger.balance.settled == provider.billed <= lab.dearest_job()
    assert progress.end is StopReason.CAP
    with read_ledger(FileLocation(path)) as reader:
        kinds = {entry.kind for entry in reader.entries()}
    assert "hold" not in kinds


def test_what_was_answered_before_is_not_asked_for_again(tmp_path):
    lab, path = made(tmp_path, 1), tmp_path / "ledger.sqlite"
    with ledger_of(path, AMPLE) as ledger:
        finish(execution(lab, ledger, FakeProvider(lab, readable_at(99))))
    again = FakeProvider(lab, readable_at(1))
    with ledger_of(path) as ledger:
        assert finish(execution(lab, ledger, again)).end is StopReason.COMPLETE
    assert again.sent == []
