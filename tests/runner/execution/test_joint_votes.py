"""Votes that one request asks for: each is an answer of its own, and the prompt is paid once.

The provider is `sample_experiment.FakeProvider`, which bills a prompt once for all answers; the
ledger is real. It may lose an answer, give fewer than were asked for, or break some of them off.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.prompts import join_votes
from pricing.money import Money
from runner.billing import WorstCaseCost
from runner.execution.progress import StopReason
from runner.execution.resume_state import ResumeState
from runner.ledger.location import FileLocation
from runner.ledger.open import read_ledger
from tests.runner import sample_experiment as lab
from tests.runner.sample_experiment import AMPLE, Call, FakeProvider, finish

VOTES, JOBS = 5, 8
FEW = settings(lab.STEADY, max_examples=15)


def provider_with(choices):
    server = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1"}
    return {"my-lab": server | {"capabilities": {"choices": choices}}}


def make(folder, choices=128, **changes):
    given = {"queries": 2, "votes": VOTES, "providers": provider_with(choices)}
    return lab.make(folder / f"e{choices}", **(given | changes))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("joint"))


@pytest.fixture
def fresh(tmp_path):
    numbers = iter(range(10**6))
    return lambda: tmp_path / str(next(numbers)) / "ledger.sqlite"


def unsteady(seed, **chances):
    """Draw how many answers come, how long each is, and which are broken off."""
    fates = lab.dice(seed, **chances)

    def draw(request, number):
        call, chance = fates(request, number), random.Random(f"{seed} {request.id} {number}")
        many = chance.choice([request.choices, chance.randint(1, request.choices)]) - 1
        others = tuple((chance.randint(1, request.max_tokens), None) for _ in range(many))
        cut = tuple(n for n in range(many + 1) if chance.random() < 0.2 and request.subject)
        return replace(call, others=others, cut=cut)

    return draw


def judge_calls(provider):
    return [each for each in provider.sent if each.subject is not None]


def records_of(path):
    with read_ledger(FileLocation(path)) as reader:
        return [each for job in reader.jobs() for each in job]


def run(made, path, provider, cap=AMPLE, **options):
    with lab.ledger_of(path, cap) as ledger:
        progress = finish(lab.execution(made, ledger, provider, **options))
        return progress, ledger.balance


def test_one_request_asks_for_all_votes_and_each_is_an_answer_of_its_own(made, fresh):
    provider, path = FakeProvider(made, lab.always()), fresh()
    progress, balance = run(made, path, provider)
    assert progress.end is StopReason.COMPLETE
    assert [each.choices for each in judge_calls(provider)] == [VOTES] * JOBS
    assert progress.answered == JOBS * (1 + VOTES)
    assert balance.settled == provider.billed

    verdicts = [each for each in records_of(path) if each.attempt.stage == "compliance"]
    assert Counter(each.attempt.vote for each in verdicts) == dict.fromkeys(range(VOTES), JOBS)
    first = [each for each in verdicts if each.attempt.vote == 0]
    others = [each for each in verdicts if each.attempt.vote > 0]
    assert all(each.attempt.counted == each.answer.prompt_tokens > 0 for each in first)
    assert not any(each.answer.prompt_tokens or each.attempt.counted for each in others)
    assert {each.answer.output for each in verdicts} == {8}
    assert all(each.settled.pico == 8 * 800_000 for each in others), "its own output, no more"


def test_votes_have_the_ids_that_they_have_one_by_one(made, fresh, tmp_path):
    apart, path = make(tmp_path, choices=1), fresh()
    one_by_one = FakeProvider(apart, lab.always())
    run(apart, path, one_by_one)
    assert all(each.choices == 1 for each in one_by_one.sent)
    paid = len(one_by_one.sent)

    together = FakeProvider(made, lab.always())
    progress, _ = run(made, path, together)
    assert progress.end is StopReason.COMPLETE
    assert (paid, together.sent) == (JOBS * (1 + VOTES), []), "nothing is asked again"


def test_only_the_votes_that_are_missing_are_asked_for(made, fresh, tmp_path):
    few, path = make(tmp_path, votes=2), fresh()
    run(few, path, FakeProvider(few, lab.always()))
    provider = FakeProvider(made, lab.always())
    progress, _ = run(made, path, provider)
    assert progress.end is StopReason.COMPLETE
    assert [each.choices for each in provider.sent] == [VOTES - 2] * JOBS
    assert [each.vote for each in provider.sent] == [2] * JOBS


@pytest.mark.parametrize(("most", "asked"), [(1, [1] * 5), (2, [2, 2, 1]), (4, [4, 1]), (5, [5])])
def test_no_more_are_asked_for_than_one_request_may(tmp_path, most, asked):
    several = make(tmp_path, choices=most)
    provider = FakeProvider(several, lab.always())
    progress, balance = run(several, tmp_path / "ledger.sqlite", provider)
    assert progress.end is StopReason.COMPLETE
    assert Counter(each.choices for each in judge_calls(provider)) == Counter(asked * JOBS)
    assert balance.settled == provider.billed


def test_a_judge_can_ask_for_each_vote_by_itself(tmp_path):
    judge = {
        "name": "compliance",
        "model": lab.MODEL,
        "samples": VOTES,
        "one_request": False,
        "messages": [{"role": "user", "content": lab.PLAIN}],
        "sampling": {"max_tokens": 8},
    }
    several = make(tmp_path, judges=[judge])
    provider = FakeProvider(several, lab.always())
    run(several, tmp_path / "ledger.sqlite", provider)
    assert {each.choices for each in provider.sent} == {1}


def test_a_vote_that_did_not_come_is_asked_for_again_and_the_others_are_not(made, fresh):
    def three_of_five(request, _):
        return Call(4, others=((4, None), (4, None)) if request.choices > 2 else None)

    provider, path = FakeProvider(made, three_of_five), fresh()
    progress, balance = run(made, path, provider)
    assert progress.end is StopReason.COMPLETE
    assert Counter(each.choices for each in judge_calls(provider)) == {5: JOBS, 2: JOBS}
    assert balance.settled == provider.billed
    assert balance.held == balance.reserved == balance.aside == Money()
    answered = Counter(each.attempt.request for each in records_of(path) if each.answer)
    assert set(answered.values()) == {1}


def test_a_server_that_gives_one_answer_is_asked_until_all_votes_are_there(made, fresh):
    provider = FakeProvider(made, lambda *_: Call(4, others=()))
    progress, balance = run(made, fresh(), provider)
    assert progress.end is StopReason.COMPLETE
    assert Counter(each.choices for each in judge_calls(provider)) == dict.fromkeys(
        range(1, 6), JOBS
    )
    assert balance.settled == provider.billed


def test_one_answer_that_is_broken_off_leaves_the_others_as_they_are(made, fresh):
    def second_is_cut(request, number):
        return Call(4, cut=(1,) if request.choices == VOTES and number == 1 else ())

    provider, path = FakeProvider(made, second_is_cut), fresh()
    progress, balance = run(made, path, provider)
    assert progress.end is StopReason.COMPLETE
    assert Counter(each.choices for each in judge_calls(provider)) == {5: JOBS, 1: JOBS}
    assert {each.vote for each in judge_calls(provider) if each.choices == 1} == {1}
    assert balance.settled == provider.billed


def test_a_lost_request_holds_what_all_of_its_votes_may_cost(made, fresh):
    def lose_a_verdict(request, number):
        lost = request.subject is not None and request.query == 1 and number == 1
        return Call(8, "lost" if lost else "answered")

    provider, path = FakeProvider(made, lose_a_verdict), fresh()
    progress, balance = run(made, path, provider)
    assert progress.end is StopReason.COMPLETE
    held = [each for each in records_of(path) if each.held]
    assert len(held) == VOTES * JOBS // 2
    worst = WorstCaseCost(made.requests, made.models, {})
    lost = {each.id: each for each in judge_calls(provider) if each.query == 1}
    assert balance.held == sum(map(worst.of_request, lost.values()), Money())
    assert balance.settled + balance.held >= provider.billed


class BillsEachPrompt(FakeProvider):
    """Bills the prompt for each of the answers that are asked for, against what is documented."""

    def _usage(self, request, call):
        usage = super()._usage(request, call)
        return replace(usage, input=usage.input * request.choices)


def longer_later(provider_calls):
    """Let the first answers be short, and all others long, so that a judge's prompts grow."""

    def draw(request, _):
        if request.stage != "subject":
            return Call(1, turns=3)
        provider_calls.append(request)
        return Call(2 if len(provider_calls) < 4 else 180, turns=3)

    return draw


def make_long(folder, **changes):
    judge = {
        "name": "compliance",
        "model": lab.MODEL,
        "samples": VOTES,
        "messages": [{"role": "user", "content": lab.PLAIN}],
        "sampling": {"max_tokens": 4},
    }
    return make(folder, queries=10, sampling={"max_tokens": 200}, judges=[judge], **changes)


@pytest.mark.parametrize("concurrency", [1, 20])
def test_a_prompt_that_is_billed_for_each_vote_stops_once_and_is_reserved_so_from_then_on(
    fresh, tmp_path, concurrency
):
    long, path = make_long(tmp_path), fresh()
    provider = BillsEachPrompt(long, longer_later([]))
    progress, balance = run(long, path, provider, concurrency=concurrency)
    assert progress.end is StopReason.STOPPED
    assert "The prompt is billed for each answer" in progress.reason
    assert "one_request: no" in progress.reason
    assert balance.settled == provider.billed, "it is booked in full"

    cap = provider.billed + long.dearest_job() * 6
    for _ in range(2):
        progress, balance = run(long, path, provider, cap, concurrency=concurrency)
        assert progress.end is StopReason.CAP, "no longer prompt is a second breach"
        assert provider.billed == balance.settled + balance.held <= cap
    with lab.ledger_of(path) as ledger:
        assert long.unjudged(ledger) == []


def test_what_is_billed_for_each_vote_is_no_longer_prompt(fresh, tmp_path):
    long, path = make_long(tmp_path), fresh()
    run(long, path, BillsEachPrompt(long, longer_later([])))
    with lab.ledger_of(path) as ledger:
        resume = ResumeState.from_ledger(ledger)
        with read_ledger(FileLocation(path)) as reader:
            assert resume == ResumeState.from_ledger(reader)
    assert (resume.bound_excess, resume.repeats) == ({lab.MODEL: 0}, {lab.MODEL})
    worst = WorstCaseCost(long.requests, long.models, resume.bound_excess, resume.repeats)
    subject = long.subjects()[0]
    assert worst.of_request(subject) == long.ceiling(subject), "of one answer, it is billed once"
    votes = long.judges_of(subject, "yes")
    apart = [long.ceiling(each) for each in votes]
    assert worst.of_votes(votes) == apart
    assert worst.of_request(join_votes(votes)) == sum(apart, Money())


def test_a_prompt_that_is_longer_than_counted_is_not_one_that_is_billed_for_each(made, fresh):
    path = fresh()
    provider = FakeProvider(made, lambda *_: Call(4, extra_prompt=3))
    progress, balance = run(made, path, provider)
    assert progress.end in (StopReason.COMPLETE, StopReason.STOPPED)
    with lab.ledger_of(path) as ledger:
        resume = ResumeState.from_ledger(ledger)
    assert (resume.bound_excess, resume.repeats) == ({lab.MODEL: 3}, frozenset())
    assert balance.settled == provider.billed


@FEW
@given(
    seed=lab.SEEDS,
    jobs=st.floats(0, 10),
    concurrency=lab.CONCURRENCY,
    chances=st.sampled_from(
        [
            {},
            {"lost": 0.3},
            {"lost": 0.1, "failed": 0.1, "busy": 0.1, "refused": 0.03},
            {"busy": 0.5},
        ]
    ),
)
def test_whatever_comes_back_the_bill_stays_below_the_cap_and_is_accounted_for(
    made, fresh, seed, jobs, concurrency, chances
):
    path, cap = fresh(), Money(int(made.dearest_job().pico * jobs))
    provider = FakeProvider(made, unsteady(seed, **chances))
    for _ in range(2):  # the second continues where the first one ended
        _, now = run(made, path, provider, cap, concurrency=concurrency)
        assert provider.billed <= now.settled + now.held <= cap
        assert now.reserved == now.aside == Money()
    answered = Counter(
        each.attempt.request
        for each in records_of(path)
        if each.answer and not each.answer.has_failed
    )
    assert max(answered.values(), default=1) == 1, "nothing is paid twice"


def answered_often(path):
    """Count the answers of each request, without those that were broken off."""
    found = (each for each in records_of(path) if each.answer and not each.answer.has_failed)
    return Counter(each.attempt.request for each in found)


@pytest.mark.parametrize("how", ["interrupt", "stop", "cancel"])
@FEW
@given(seed=lab.SEEDS, after=st.integers(1, 24), concurrency=lab.CONCURRENCY)
def test_ended_in_between_nothing_is_paid_twice_or_past_the_cap(
    made, fresh, how, seed, after, concurrency
):
    path, cap = fresh(), made.dearest_job() * 20
    provider = FakeProvider(made, unsteady(seed))
    with lab.ledger_of(path, cap) as ledger:
        running = lab.execution(made, ledger, provider, concurrency=concurrency)
        asyncio.run(asyncio.wait_for(end_after(provider, running, after, how), lab.STUCK))
    provider.on_call = lambda _: None
    progress, balance = run(made, path, provider, cap, concurrency=concurrency)
    assert provider.billed <= balance.settled + balance.held <= cap
    assert progress.end in (StopReason.COMPLETE, StopReason.FAILED)
    assert max(answered_often(path).values()) == 1


async def end_after(provider, running, calls, how):
    """Run until so many calls have come, then end it in one of the ways that there are."""
    working = asyncio.create_task(running.run())
    ends = {
        "interrupt": running.interrupt,
        "stop": lambda: running.stop("a test"),
        "cancel": working.cancel,
    }
    provider.on_call = lambda sent: ends[how]() if sent == calls else None
    with suppress(asyncio.CancelledError):
        await working


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_at_the_cap_every_paid_answer_has_all_of_its_votes(made, fresh, part):
    whole = FakeProvider(made, lab.always())
    run(made, fresh(), whole)
    cap, provider, path = (
        Money(int(whole.billed.pico * part)),
        FakeProvider(made, lab.always()),
        fresh(),
    )
    with lab.ledger_of(path, cap) as ledger:
        running = lab.execution(made, ledger, provider)
        progress = finish(running)
        worst = max(map(running._remaining_worst_case, made.subjects()))
        assert progress.end is StopReason.CAP
        assert made.unjudged(ledger) == []
        assert ledger.balance.settled == provider.billed <= cap
        assert ledger.balance.free < worst, "a job that fits was not begun"


def test_the_reservation_is_the_prompt_once_and_the_output_of_each(made, tmp_path):
    subject = made.subjects()[0]
    votes = made.judges_of(subject, "yes")
    request = join_votes(votes)
    model, worst = made.models[request.model], WorstCaseCost(made.requests, made.models, {})
    bound = model.count_request(request).bound
    amounts = worst.of_votes(votes)
    assert sum(amounts, Money()) == model.reserve.worst_case_cost(bound, VOTES * 8)
    assert amounts[0] == model.reserve.worst_case_cost(bound, 8)

    apart = make(tmp_path, choices=1)
    one_by_one = WorstCaseCost(apart.requests, apart.models, {}).of_job(subject)
    together = worst.of_job(subject)
    prompts = model.reserve.worst_case_cost(bound, 0)
    assert (one_by_one - together).pico >= 4 * prompts.pico
