"""How an execution ends before all is done: each end at once, and nothing of it paid twice."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pricing.money import Money
from providers.failures import Billed, FailureMeaning, FailureScope
from providers.reply import build_filtered_response
from runner.execution.retry import RetryPolicy
from runner.execution.scheduler import StopReason
from runner.ledger.location import FileLocation
from runner.ledger.open import read_ledger
from runner.transport.outcome import Answered, Unknown
from tests.runner import sample_experiment as labs
from tests.runner.ledger_texts import last_attempt_numbers
from tests.runner.sample_experiment import (
    AMPLE,
    CONCURRENCY,
    SEEDS,
    STEADY,
    STUCK,
    Call,
    FakeProvider,
    always,
    dice,
    execution,
    finish,
    ledger_of,
)


def jobs_begun(path):
    with read_ledger(FileLocation(path)) as reader:
        return {entry.job for entry in reader.entries() if entry.kind == "reserve"}


@pytest.mark.parametrize("beyond", [{"output": 1}, {"output": 5000}, {"prompt": 1}])
@pytest.mark.parametrize("name", ["one vote", "tags around the answer, two votes"])
@settings(STEADY, max_examples=25)
@given(seed=SEEDS, when=st.integers(1, 30), concurrency=CONCURRENCY, part=st.floats(0.3, 2))
def test_a_bill_above_its_reservation_is_booked_in_full_and_nothing_more_is_sent(
    made, fresh, name, beyond, seed, when, concurrency, part
):
    lab, calls = made(name), Counter()

    def breaks_its_word(request, number):
        calls["all"] += 1
        usual = dice(seed)(request, number)
        if calls["all"] != when:
            return usual
        calls["breach"] = len(provider.sent)
        output = request.max_tokens + beyond.get("output", 0)
        return Call(output, turns=usual.turns, extra_prompt=beyond.get("prompt", 0))

    provider = FakeProvider(lab, breaks_its_word)
    cap = Money(int(lab.dearest_job().pico * 12 * part))
    with ledger_of(fresh(), cap) as ledger:
        progress = finish(execution(lab, ledger, provider, concurrency=concurrency))
        assume(calls["breach"])
        assert progress.end is StopReason.STOPPED
        assert progress.reason.startswith("BREACH: my-lab/llama-3.1-8b billed 0.00")
        assert "It is booked in full." in progress.reason
        assert ledger.balance.settled == provider.billed
        assert ledger.balance.held == ledger.balance.aside == ledger.balance.reserved == Money()
    breach = provider.sent[when - 1]
    (sent_by_then,) = (sent for request, _, sent in provider.told if request is breach)
    assert len(provider.sent) == sent_by_then


@settings(STEADY, max_examples=40)
@given(seed=SEEDS, when=st.integers(1, 36), concurrency=CONCURRENCY, busy=st.booleans())
def test_an_interrupted_run_begins_no_job_and_continues_without_paying_twice(
    made, fresh, seed, when, concurrency, busy
):
    lab, path, begun = made("two votes"), fresh(), []
    fates = {"busy": 0.2} if busy else {}

    def interrupt(sent):
        if sent == when:
            begun.extend([set(running._ledger._own.list_jobs()), running.interrupt()])

    provider = FakeProvider(lab, dice(seed, **fates), on_call=interrupt)
    with ledger_of(path, AMPLE) as ledger:
        running = execution(lab, ledger, provider, concurrency=concurrency)
        progress = finish(running)
        assert ledger.balance.aside == ledger.balance.reserved == Money()
        if not busy:
            assert lab.unjudged(ledger) == []
    assert progress.end is StopReason.INTERRUPTED
    answered = len(provider.answers)
    with ledger_of(path) as ledger:
        assert finish(execution(lab, ledger, provider, concurrency=concurrency)).end in {
            StopReason.COMPLETE,
            StopReason.FAILED,
        }
        assert ledger.balance.settled == provider.billed
    assert max(Counter(each.id for each in provider.answers).values()) == 1
    assert len(provider.answers) >= answered


@pytest.mark.parametrize("concurrency", [1, 4, 20])
@pytest.mark.parametrize("when", [1, 5, 14])
def test_an_interrupt_lets_the_open_jobs_finish_and_no_other_begin(made, fresh, concurrency, when):
    lab, path, opened = made("two votes"), fresh(), set()

    def interrupt(sent):
        if sent == when:
            opened.update(ledger._own.list_jobs())
            opened.update(request.subject or request.id for request in provider.sent)
            running.interrupt()

    provider = FakeProvider(lab, always(turns=4), on_call=interrupt)
    with ledger_of(path, AMPLE) as ledger:
        running = execution(lab, ledger, provider, concurrency=concurrency)
        finish(running)
        assert lab.unjudged(ledger) == []
    assert jobs_begun(path) <= opened
    assert len(opened) <= concurrency + when


@pytest.mark.parametrize("concurrency", [1, 4, 20])
@pytest.mark.parametrize("when", [1, 5, 14])
def test_what_is_in_flight_when_a_run_is_cancelled_is_held_and_only_that_is_sent_again(
    made, fresh, concurrency, when
):
    lab, path = made("two votes"), fresh()

    async def cancelled():
        task = asyncio.create_task(running.run())
        provider.on_call = lambda sent: task.cancel() if sent == when else None
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, STUCK)

    provider = FakeProvider(lab, lambda request, _: Call(request.max_tokens, seconds=0.02))
    with ledger_of(path, AMPLE) as ledger:
        running = execution(lab, ledger, provider, concurrency=concurrency)
        asyncio.run(cancelled())
        now = ledger.balance
        assert now.reserved == now.aside == Money()
        assert now.settled + now.held >= provider.billed
        assert now.held > Money()
    told = {request.id for request, _, _ in provider.told}
    in_flight = {request.id for request in provider.sent} - told
    assert provider.in_flight == 0
    with ledger_of(path) as ledger:
        assert (
            finish(execution(lab, ledger, provider, concurrency=concurrency)).end
            is StopReason.COMPLETE
        )
        assert ledger.balance.settled + ledger.balance.held >= provider.billed
    assert {each for each, times in provider.sendings().items() if times > 1} == in_flight


def test_an_interrupt_does_not_sit_out_a_wait(made, fresh):
    lab = made("no judge")

    def interrupt_later(_):
        asyncio.get_running_loop().call_later(0.05, running.interrupt)

    provider = FakeProvider(lab, always(fate="busy"), on_call=interrupt_later)
    with ledger_of(fresh(), AMPLE) as ledger:
        running = execution(lab, ledger, provider, patience=RetryPolicy(base_delay=60.0))
        assert finish(running).end is StopReason.INTERRUPTED
        assert ledger.balance.aside == ledger.balance.reserved == Money()
    assert len(provider.sent) == 1, "all others wait for the model"


def test_a_halt_does_not_sit_out_a_wait(made, fresh):
    lab = made("no judge")

    def out_of_money(_, __):
        return Call(1, "failed" if len(provider.sent) < 3 else "stop", turns=len(provider.sent))

    provider = FakeProvider(lab, out_of_money)
    with ledger_of(fresh(), AMPLE) as ledger:
        progress = finish(execution(lab, ledger, provider, patience=RetryPolicy(base_delay=60.0)))
    assert (progress.end, progress.reason) == (StopReason.STOPPED, "HTTP 402")
    assert len(provider.sent) == 3


@pytest.mark.parametrize("concurrency", [1, 4, 20])
def test_a_provider_that_refuses_everyone_is_not_asked_again(made, fresh, concurrency):
    lab = made("two votes")

    def out_of_money(request, _):
        fate = "stop" if len(provider.sent) >= 6 else "answered"
        return Call(request.max_tokens, fate, turns=2)

    provider = FakeProvider(lab, out_of_money)
    with ledger_of(fresh(), AMPLE) as ledger:
        progress = finish(execution(lab, ledger, provider, concurrency=concurrency))
        assert ledger.balance.settled == provider.billed
        assert ledger.balance.free == AMPLE - provider.billed
    assert (progress.end, progress.reason) == (StopReason.STOPPED, "HTTP 402")
    first = next(
        sent
        for _, outcome, sent in provider.told
        if outcome.failure and outcome.failure.is_about_money
    )
    assert len(provider.sent) == first


@pytest.mark.parametrize("concurrency", [1, 4, 20])
def test_an_account_without_money_stops_the_run_also_where_the_refusal_may_be_billed(
    made, fresh, concurrency
):
    lab = made("two votes")
    spent = labs.failure("HTTP 402", FailureMeaning.OUT_OF_MONEY, FailureScope.ACCOUNT)
    provider = Replaced(lab, Unknown(replace(spent, billed=Billed.MAYBE)))
    with ledger_of(fresh(), AMPLE) as ledger:
        progress = finish(execution(lab, ledger, provider, concurrency=concurrency))
        assert len(ledger.held_attempts()) == len(provider.sent) == 1
    assert (progress.end, progress.reason) == (StopReason.STOPPED, "HTTP 402")


def test_an_answer_broken_off_that_is_billed_above_its_reservation_is_a_breach(made, fresh):
    lab = made("two votes")
    stated = Money.from_usd("0.5")
    response = replace(build_filtered_response(""), finish="error", stated_cost=stated)
    broken = labs.failure("broken off", FailureMeaning.SERVER, retries=True)
    provider = Replaced(lab, Answered(response, failure=broken))
    with ledger_of(fresh(), AMPLE) as ledger:
        progress = finish(execution(lab, ledger, provider))
        assert ledger.balance.settled == stated
    assert progress.end is StopReason.STOPPED
    assert progress.reason.startswith("BREACH: my-lab/llama-3.1-8b billed 0.50 USD")
    assert len(provider.sent) == 1


class Replaced(FakeProvider):
    """A provider that answers everything with one outcome."""

    def __init__(self, lab, outcome):
        super().__init__(lab, always())
        self.outcome = outcome

    async def send(self, name, request):
        await super().send(name, request)
        return self.outcome


@pytest.mark.parametrize("concurrency", [1, 4, 20])
def test_one_that_is_always_told_to_wait_keeps_no_other_from_its_answer(made, fresh, concurrency):
    lab = made("one vote")
    unlucky = list(lab.requests.in_work_order("a seed"))[1]

    def busy_for_one(request, _):
        return Call(3, "busy" if request.id == unlucky.id else "answered")

    provider = FakeProvider(lab, busy_for_one)
    with ledger_of(fresh(), AMPLE) as ledger:
        progress = finish(execution(lab, ledger, provider, concurrency=concurrency))
        assert ledger.balance.settled + ledger.balance.held == provider.billed
    assert len(provider.answers) == 11 * 2
    assert provider.sendings()[unlucky.id] > 8
    if progress.end is StopReason.FAILED:
        place = f"subject of {unlucky.condition}, query {unlucky.query}"
        assert progress.failed == [f"{place}: HTTP 429"]
    else:  # it is all that is left, so that nothing tells it from an outage
        assert progress.end is StopReason.STOPPED
        assert progress.reason.startswith(f"{labs.MODEL}: HTTP 429")


@pytest.mark.parametrize("fate", ["lost", "failed"])
def test_what_may_have_been_billed_is_sent_twice_at_most_and_each_time_held(made, fresh, fate):
    lab = made("one vote")
    unlucky = lab.subjects()[5]

    def fails_for_one(request, _):
        return Call(3, fate if request.id == unlucky.id else "answered")

    provider = FakeProvider(lab, fails_for_one)
    with ledger_of(fresh(), AMPLE) as ledger:
        progress = finish(execution(lab, ledger, provider))
        assert ledger.balance.held == lab.ceiling(unlucky) * 2
    assert progress.end is StopReason.FAILED
    assert provider.sendings()[unlucky.id] == 2


def test_a_request_that_is_refused_for_itself_is_not_sent_again_and_the_others_are(made, fresh):
    lab = made("one vote")
    unlucky = lab.subjects()[5]

    def refuses_one(request, _):
        return Call(3, "refused" if request.id == unlucky.id else "answered")

    provider = FakeProvider(lab, refuses_one)
    with ledger_of(fresh(), AMPLE) as ledger:
        progress = finish(execution(lab, ledger, provider))
        assert ledger.balance.held == Money()
    assert (progress.end, len(progress.failed)) == (StopReason.FAILED, 1)
    assert provider.sendings()[unlucky.id] == 1
    assert len(provider.answers) == 11 * 2


@pytest.mark.parametrize(
    ("fate", "requests", "reason"),
    [
        ("refused", 5, "HTTP 400; 5 requests in a row were refused"),
        ("failed", 4, "HTTP 500; it was asked 4 more times in 0 min"),
        ("busy", 2, "HTTP 429; it was asked 4 more times in 0 min"),
    ],
)
def test_a_model_that_only_fails_is_asked_nothing_more(made, fresh, fate, requests, reason):
    lab = made("one vote")
    provider = FakeProvider(lab, always(fate=fate))
    patience = replace(labs.HASTE, max_probes=4)
    with ledger_of(fresh(), AMPLE) as ledger:
        running = execution(lab, ledger, provider, concurrency=1, patience=patience)
        progress = finish(running)
        assert ledger.balance.settled + ledger.balance.held >= provider.billed
    assert progress.end is StopReason.STOPPED
    assert progress.reason.startswith(f"{labs.MODEL}: {reason}")
    assert len(provider.sendings()) == requests


def test_failed_requests_are_tried_again_by_the_next_run(made, fresh):
    lab, path = made("one vote"), fresh()
    unlucky = lab.subjects()[5]
    refuses = FakeProvider(
        lab, lambda request, _: Call(3, "lost" if request.id == unlucky.id else "answered")
    )
    with ledger_of(path, AMPLE) as ledger:
        finish(execution(lab, ledger, refuses))
        held = ledger.balance.held
    answers = FakeProvider(lab, always())
    with ledger_of(path) as ledger:
        assert finish(execution(lab, ledger, answers)).end is StopReason.COMPLETE
        assert ledger.balance.held == held, "what was held stays held"
        assert last_attempt_numbers(ledger)[unlucky.id] == 3
    assert [request.stage for request in answers.sent] == ["subject", "compliance"]


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1.0), (2, 2.0), (4, 8.0), (9, 60.0)])
def test_waits_double_up_to_a_minute_and_are_never_all_the_same(attempt, longest):
    waits = [RetryPolicy().wait_seconds(attempt, None) for _ in range(200)]
    assert longest / 2 <= min(waits) < max(waits) <= longest


def test_a_provider_that_asks_for_a_longer_wait_is_given_it():
    assert RetryPolicy().wait_seconds(1, 7.5) == 7.5
    assert RetryPolicy().wait_seconds(4, 0.1) >= 4.0


def test_the_same_experiment_is_asked_in_full_at_any_concurrency(tmp_path):
    lab = labs.make(tmp_path / "e", queries=2, votes=2, samples=2)
    asked = []
    for concurrency in (1, 3, 50):
        provider = FakeProvider(lab, dice(1))
        with ledger_of(tmp_path / f"{concurrency}.sqlite", AMPLE) as ledger:
            finish(execution(lab, ledger, provider, concurrency=concurrency))
        asked.append(provider.sendings())
    assert asked[0] == asked[1] == asked[2]
    assert len(asked[0]) == 2 * 2 * 4 * 3


def test_once_the_approval_has_ended_nothing_more_is_sent(made, fresh):
    lab = made("one vote")

    def script(_request, _number):
        if len(provider.sent) == 6:
            running.expire()
        return Call(3, seconds=0.005)

    provider = FakeProvider(lab, script)
    with ledger_of(fresh(), AMPLE) as ledger:
        running = execution(lab, ledger, provider, concurrency=4)
        assert finish(running).end is StopReason.EXPIRED
        assert ledger.balance.settled == provider.billed
        assert ledger.balance.reserved == ledger.balance.aside == Money()
    assert len(provider.sent) <= 6 + 4 < 24, "what was reserved by then"
    assert len(provider.answers) == len(provider.sent)
