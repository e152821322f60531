"""The audit finds what it looks for: books that lack something, or say too much, do not pass."""

from dataclasses import replace

import pytest

from pricing.money import Money
from tests.faults.audit import Books, audit, vanished
from tests.faults.campaign import Campaign, perform
from tests.faults.launcher import Ended, Job
from tests.support.provider.behaviour import Behaviour, Fault
from tests.support.provider.bill import Bill

PENNY = Money(1)


@pytest.fixture(scope="module")
def honest(place):
    """Return the plan, the provider's bill, the books and the end of a run where nothing failed."""
    planned = place.plan(jobs=8, queries=8, votes=1, max_tokens=24)
    place.provider.reset(Behaviour(wordy=True, input_tokens="counted", output_tokens=(1, 24)))
    folder, home = str(planned.ledger.parent), str(planned.folder / "home")
    place.launch.start(Job(str(planned.path), folder, home, concurrency=4, timeout=30))
    ended = place.launch.ended(within=60)
    return planned, place.provider.bill(), Books.read(planned.ledger), ended


def flaws(honest, **changes):
    planned, bill, books, ended = honest
    bill, ended = changes.pop("bill", bill), changes.pop("ended", ended)
    return {flaw.split(":")[0] for flaw in audit(planned, bill, replace(books, **changes), [ended])}


def test_an_honest_run_has_no_flaw(honest):
    assert flaws(honest) == set()


def test_money_that_is_missing_or_too_much_or_idle(honest):
    planned, bill, books, _ = honest
    first = next(call for call in bill.calls if call.delivered)
    dearer = replace(first, output_tokens=planned.cap.pico)
    assert flaws(honest, bill=Bill((dearer, *bill.calls[1:]))) == {"BREACH", "UNBOOKED"}
    assert flaws(honest, settled=books.settled - PENNY) == {"UNBOOKED"}
    assert flaws(honest, settled=planned.cap + PENNY) == {"OVERBOOKED"}
    assert flaws(honest, held=books.held + PENNY) == set()
    assert flaws(honest, open=PENNY) == {"STUCK"}
    assert flaws(honest, settled=books.settled - planned.job * 2) == {"UNBOOKED", "IDLE"}


def test_answers_that_are_lost_or_false_or_paid_twice(honest):
    _, bill, books, _ = honest
    (first, number), (second, _), *_ = books.answers.items()
    without = {attempt: each for attempt, each in books.answers.items() if attempt != first}
    assert flaws(honest, answers=without) == {"LOST"}
    assert flaws(honest, answers=books.answers | {second: number}) == {"FALSE"}
    again = (*books.story, ("reserve", first, ""))
    assert flaws(honest, story=again) == {"PAID TWICE"}
    twice = Bill((*bill.calls, replace(bill.calls[0], n=999, delivered=None, billed=False)))
    assert flaws(honest, bill=twice) == {"UNKNOWN"}
    assert vanished(books, books) == []
    assert len(vanished(books, replace(books, texts=books.texts | {first: "another"}))) == 1


def test_a_chain_that_does_not_hold_and_an_end_that_is_none(honest):
    assert flaws(honest, flaw="entry 3 was changed") == {"CHAIN"}
    assert flaws(honest, ended=Ended("LedgerError", "is damaged")) == {"END"}


def test_what_the_provider_broke_off_may_be_asked_for_again(honest):
    books = honest[2]
    calls = {number: attempt for attempt, number in books.answers.items()}
    judged = next(calls[n] for n in sorted(calls) if n not in books.subjects)
    completion = books.completions[judged]._replace(finish="error")
    again = (*books.story, ("reserve", judged, ""))
    assert flaws(honest, story=again) == {"PAID TWICE"}
    broke_off = books.completions | {judged: completion}
    assert flaws(honest, story=again, completions=broke_off) == set()


def test_refusals_of_each_form_are_stored_and_not_asked_for_again(place):
    kinds = ("refusal", "content_filter", "truncated", "filter_400", "filter_400_billed")
    faults = tuple(Fault(kind, calls=(3 + n,)) for n, kind in enumerate(kinds))
    outcome = perform(Campaign(Behaviour(faults=faults), jobs=40, queries=4), place)
    assert outcome.flaws == ()
    assert {call.fault for call in place.provider.bill().calls} >= set(kinds)
    assert [run.end for run in outcome.runs] == ["complete"]
    assert outcome.calls == outcome.answers
