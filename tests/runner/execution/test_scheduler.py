"""Whatever providers do, the bill stays below the cap, and what is paid for is put to use.

The provider is `sample_experiment.FakeProvider`, with a bill of its own; the ledger is real.
"""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pricing.money import Money
from runner.execution.queues.job_queue import LocalJobQueue
from runner.execution.resume_state import ResumeState
from runner.execution.scheduler import RunScheduler, StopReason
from runner.ledger.location import FileLocation
from runner.ledger.open import read_ledger
from tests.runner import sample_experiment as labs
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import (
    AMPLE,
    CONCURRENCY,
    EXPERIMENTS,
    SEEDS,
    STEADY,
    Call,
    FakeProvider,
    always,
    dice,
    execution,
    finish,
    ledger_of,
)


def need(lab, path, script):
    """Find out what the whole experiment costs where nothing stops it."""
    provider = FakeProvider(lab, script)
    with ledger_of(path, AMPLE) as ledger:
        assert finish(execution(lab, ledger, provider)).end is StopReason.COMPLETE
    return provider.billed


@pytest.mark.parametrize("name", ["one vote", "two votes", "tags around the answer, two votes"])
@settings(STEADY, max_examples=50)
@given(
    seed=SEEDS,
    jobs=st.floats(0, 14),
    concurrency=CONCURRENCY,
    chances=st.sampled_from(
        [
            {"lost": 0.3},
            {"lost": 0.1, "failed": 0.1, "busy": 0.1, "refused": 0.03},
            {"busy": 0.5},
            {"failed": 0.6, "lost": 0.2},
        ]
    ),
)
def test_whatever_fails_the_true_bill_stays_below_the_cap_and_is_accounted_for(
    made, fresh, name, seed, jobs, concurrency, chances
):
    lab, path = made(name), fresh()
    cap = Money(int(lab.dearest_job().pico * jobs))
    provider = FakeProvider(lab, dice(seed, **chances))
    for _ in range(2):  # the second continues where the first one ended
        known = len(provider.answers)
        with ledger_of(path, cap) as ledger:
            progress = finish(execution(lab, ledger, provider, concurrency=concurrency))
            now = ledger.balance
        assert provider.billed <= cap
        assert provider.billed <= now.settled + now.held <= cap
        assert now.reserved == now.aside == Money()
        assert progress.answered == len(provider.answers) - known
        assert progress.end is not StopReason.INTERRUPTED
    assert max(Counter(each.id for each in provider.answers).values(), default=1) == 1
    assert provider.most_in_flight <= concurrency


@pytest.mark.parametrize("name", EXPERIMENTS)
@settings(STEADY, max_examples=12)
@given(seed=SEEDS, part=st.floats(0.05, 0.95), concurrency=CONCURRENCY, longest=st.booleans())
def test_at_the_cap_conditions_are_balanced_and_every_answer_is_judged(
    made, fresh, name, seed, part, concurrency, longest
):
    lab = made(name)
    script = always() if longest else dice(seed)
    whole = need(lab, fresh(), script)
    cap = max(Money(int(whole.pico * part)), lab.dearest_job() * 2)
    assume(cap < whole)
    provider = FakeProvider(lab, script)
    with ledger_of(fresh(), cap) as ledger:
        running = execution(lab, ledger, provider, concurrency=concurrency)
        progress = finish(running)
        worst = max(map(running._remaining_worst_case, lab.subjects()))
        assert progress.end is StopReason.CAP
        assert lab.unjudged(ledger) == []
        counts = provider.per_condition()
        assert max(counts) - min(counts) <= 1
        assert ledger.balance.settled == provider.billed
        assert ledger.balance.free < worst, "a job that fits was not begun"
        assert worst.pico <= lab.dearest_job().pico * 2, "the worst case is far from any that is"


@pytest.mark.parametrize("concurrency", [1, 4, 20])
def test_outputs_far_below_max_tokens_leave_no_money_unused(tmp_path, concurrency):
    lab = labs.make(tmp_path / "e", queries=80, sampling={"max_tokens": 120})

    def short(request, number):
        return Call(output=1 + dice(7)(request, number).output % 6, turns=3)

    def short_and_held(*sent):
        return replace(short(*sent), until=labs.filled_up(concurrency))

    cap = Money(need(lab, tmp_path / "whole.sqlite", short).pico // 2)
    provider = FakeProvider(lab, short_and_held)
    with ledger_of(tmp_path / "ledger.sqlite", cap) as ledger:
        running = execution(lab, ledger, provider, concurrency=concurrency)
        worst = running._remaining_worst_case(lab.subjects()[0])
        assert finish(running).end is StopReason.CAP
    assert provider.billed.pico >= 0.97 * (cap - worst).pico
    assert worst.pico < 0.05 * cap.pico, "or this test says little"
    assert provider.most_in_flight == concurrency


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("concurrency", [2, 20])
@pytest.mark.parametrize("longest", [False, True], ids=["some lengths", "longest"])
def test_with_enough_money_all_is_answered_once_and_never_paid_again(
    made, fresh, name, concurrency, longest
):
    lab, path = made(name), fresh()
    provider = FakeProvider(lab, always() if longest else dice(3))
    with ledger_of(path, AMPLE) as ledger:
        assert (
            finish(execution(lab, ledger, provider, concurrency=concurrency)).end
            is StopReason.COMPLETE
        )
        assert ledger.balance.settled == provider.billed
        assert lab.unjudged(ledger) == []
    assert set(provider.per_condition()) == {len(lab.experiment.queries)}
    assert set(provider.sendings().values()) == {1}
    again = FakeProvider(lab, always())
    with ledger_of(path) as ledger:
        progress = finish(execution(lab, ledger, again, concurrency=concurrency))
        assert (progress.end, progress.answered) == (StopReason.COMPLETE, 0)
    assert again.sent == []


def test_a_higher_cap_goes_on_where_the_lower_one_ended(made, fresh):
    lab, path = made("one vote"), fresh()
    provider = FakeProvider(lab, always())
    for times, ends in ((3, StopReason.CAP), (7, StopReason.CAP), (1000, StopReason.COMPLETE)):
        at = labs.NOW.replace(year=2026 + times)
        with ledger_of(path, lab.dearest_job() * times, at) as ledger:
            assert finish(execution(lab, ledger, provider)).end is ends
        assert provider.billed <= lab.dearest_job() * times
    assert set(provider.sendings().values()) == {1}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_job_is_admitted_if_its_longest_answer_can_be_judged_too_and_only_then(made, fresh, name):
    lab = made(name)
    with ledger_of(fresh(), AMPLE) as ledger:
        first = FakeProvider(lab, always())
        running = execution(lab, ledger, first, concurrency=1)
        worst = running._remaining_worst_case(next(lab.requests.in_work_order("a seed")))
    for cap, answered in ((worst, 1), (worst - Money(1), 0)):
        provider = FakeProvider(lab, always())
        with ledger_of(fresh(), cap) as ledger:
            progress = finish(execution(lab, ledger, provider, concurrency=1))
            assert lab.unjudged(ledger) == []
        assert sum(provider.per_condition()) == answered
        assert progress.end is StopReason.CAP
    exact = [f"${each.to_decimal_string()}" for each in (worst, worst - Money(1))]
    assert progress.reason == f"the next job may cost {exact[0]}, but only {exact[1]} is free"


def test_without_an_approval_nothing_is_sent(made, fresh):
    provider = FakeProvider(made("one vote"), always())
    with ledger_of(fresh()) as ledger:
        assert finish(execution(made("one vote"), ledger, provider)).end is StopReason.CAP
    assert provider.sent == []


def test_every_request_is_reserved_in_the_file_before_it_is_sent(made, fresh):
    lab, path = made("two votes"), fresh()
    seen = []

    def look(sent):
        with read_ledger(FileLocation(path)) as reader:
            seen.append((sent, sum(map(len, reader.jobs()))))

    provider = FakeProvider(lab, always(turns=3), on_call=look)
    with ledger_of(path, AMPLE) as ledger:
        finish(execution(lab, ledger, provider))
    assert len(seen) == 36
    assert all(reserved >= sent for sent, reserved in seen)


def test_a_ledger_that_cannot_be_written_stops_the_sending_and_no_answer_is_lost(made, fresh):
    lab, path = made("two votes"), fresh()
    with ledger_of(path, AMPLE) as ledger:

        def fill_the_disk(sent):
            if sent == 9:
                pages = ledger.store._db.execute("PRAGMA page_count").fetchone()[0]
                ledger.store._db.execute(f"PRAGMA max_page_count = {pages}")

        def long(request, number):  # in bytes, with few tokens
            return Call(request.max_tokens, turns=number, text=" " * 700)

        provider = FakeProvider(lab, long, on_call=fill_the_disk)
        progress = finish(execution(lab, ledger, provider))
        assert progress.end is StopReason.STOPPED
        assert "disk is full" in progress.reason
        assert sum(ledger.spool.kept.values()) < len(provider.answers)
    assert len(provider.sent) <= 9 + 2 * 4, "what was under way, and what already had its money"
    with ledger_of(path) as ledger:
        ledger.recover_work()
        assert (ledger.balance.settled, ledger.balance.held) == (provider.billed, Money())
        assert finish(execution(lab, ledger, provider)).end is StopReason.COMPLETE
    assert max(provider.sendings().values()) == 1, "nothing was paid twice"


def test_a_judge_reads_the_answer_that_was_paid_for(made, fresh):
    lab = made("one vote")
    provider = FakeProvider(lab, always(output=7))
    with ledger_of(fresh(), AMPLE) as ledger:
        finish(execution(lab, ledger, provider))
    judges = [request for request in provider.sent if request.subject]
    assert len(judges) == 12
    assert {judge.messages[-1].content for judge in judges} == {
        f"Was this refused? Answer: {labs.words(7)}"
    }


def test_a_prefill_that_the_provider_repeats_is_stored_once(made, fresh):
    lab = made("a prefilled answer")
    prefill = lab.subjects()[0].prefill
    assert prefill

    def repeats(request, _):
        return Call(8, text=None if request.subject else f"{prefill} yes")

    with ledger_of(fresh(), AMPLE) as ledger:
        finish(execution(lab, ledger, FakeProvider(lab, repeats)))
        answered = answered_texts(ledger)
        assert {answered[subject.id] for subject in lab.subjects()} == {" yes"}


def test_a_vote_that_is_over_does_not_keep_another_waiting_for_money_for_ever(made, fresh):
    """One vote is answered, the other lost; nothing that works could free money for it."""
    lab = made("two votes")

    def second_vote_fails(request, _):
        fate = "failed" if request.vote else "answered"
        return Call(request.max_tokens, fate, turns=1 + 3 * request.vote)

    provider = FakeProvider(lab, second_vote_fails)
    with ledger_of(fresh(), lab.dearest_job()) as ledger:
        assert finish(execution(lab, ledger, provider)).end is StopReason.CAP
        assert ledger.balance.settled + ledger.balance.held >= provider.billed


def test_a_lost_answer_is_not_paid_again_with_the_money_of_its_judges(made, fresh):
    lab = made("one vote")

    def first_is_lost(request, number):
        return Call(
            request.max_tokens, "lost" if number == 1 and not request.subject else "answered"
        )

    subject = next(lab.requests.in_work_order("a seed"))
    again = lab.ceiling(subject)
    for spare, answered in ((Money(), 0), (Money(again.pico // 2), 0), (again, 1)):
        provider = FakeProvider(lab, first_is_lost)
        with ledger_of(fresh(), lab.dearest_job() + spare + Money(4_000_000)) as ledger:
            assert finish(execution(lab, ledger, provider, concurrency=1)).end is StopReason.CAP
            assert lab.unjudged(ledger) == []
        assert len(provider.answers) == answered * 2


def test_money_that_comes_back_goes_to_begun_jobs_before_new_ones(made, fresh):
    """The first answer is lost and waits for money; the second frees enough for one of them."""
    lab = made("no judge")
    first, second, *_ = lab.requests.in_work_order("a seed")

    def script(request, number):
        lost = request is provider.sent[0] and number == 1
        return Call(1, "failed") if lost else Call(1, turns=9)

    provider = FakeProvider(lab, script)
    most = max(map(lab.ceiling, lab.subjects()))
    with ledger_of(fresh(), most * 3 - Money(1_000_000)) as ledger:
        finish(execution(lab, ledger, provider))
    sent = [request.id for request in provider.sent[:3]]
    assert sent == [first.id, second.id, first.id]


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_prompts_billed_above_our_bound_cost_more_and_do_not_break_the_run(
    made, fresh, concurrency
):
    """Each is billed further above the bound, which is learned while others wait to be sent."""
    lab = made("two votes")

    def above(request, _):
        output = 1 if request.subject else 10
        extra = min(13, len(provider.sent))
        text = labs.words(output)
        return Call(output, extra_prompt=extra, turns=1 + 2 * request.vote, text=text)

    provider = FakeProvider(lab, above)
    with ledger_of(fresh(), AMPLE) as ledger:
        assert (
            finish(execution(lab, ledger, provider, concurrency=concurrency)).end
            is StopReason.COMPLETE
        )
        assert ledger.balance.settled == provider.billed


def test_what_was_billed_above_our_bound_is_reserved_from_then_on(made, fresh):
    lab = made("a vocabulary not known here")

    def above(request, _):
        first = len(provider.sent) == 1
        return Call(1 if first else request.max_tokens, extra_prompt=5)

    provider = FakeProvider(lab, above)
    with ledger_of(fresh(), AMPLE) as ledger:
        assert finish(execution(lab, ledger, provider, concurrency=1)).end is StopReason.COMPLETE
        assert ledger.balance.settled == provider.billed


def test_a_job_is_admitted_with_what_is_known_of_its_judges_prompts(made, fresh):
    """A model's prompts are known to be billed above our bound: its judge's will be, too."""
    lab = made("a vocabulary not known here")
    known = {"my-lab/nobodys-model": 5}

    def fullest(request, _):
        return Call(request.max_tokens, extra_prompt=5)

    one_token = Money(400_000)
    for more in range(16):
        provider = FakeProvider(lab, fullest)
        with ledger_of(fresh(), lab.dearest_job() + one_token * more) as ledger:
            finish(execution(lab, ledger, provider, concurrency=1, excess=known))
            assert lab.unjudged(ledger) == []


def test_the_order_of_work_is_drawn_from_the_seed_and_is_the_same_again(made, fresh):
    lab, orders = made("no judge"), []
    for seed in ("a", "a", "b"):
        provider = FakeProvider(lab, always())
        with ledger_of(fresh(), AMPLE) as ledger:
            running = RunScheduler(
                lab.requests, lab.models, ledger, LocalJobQueue(lab.requests, seed), provider,
                resume=ResumeState(), concurrency=1,
            )  # fmt: skip
            finish(running)
        orders.append([request.id for request in provider.sent])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
