"""Breakers by a clock of their own: what is sent to a model that is down, and what that holds."""

from itertools import pairwise

import pytest

from providers.failures import Billed, Failure, FailureMeaning, FailureScope
from providers.rate_limits import MAX_WAIT
from runner.execution.breaker import Breaker, Permit
from runner.execution.breakers import Breakers
from runner.execution.retry import RetryPolicy


def failed(meaning=FailureMeaning.OVERLOADED, wait=None, *, retries=True):
    return Failure("HTTP 503", meaning, FailureScope.MODEL, Billed.MAYBE, wait, retries=retries)


class Outage:
    """A model that is down until a time, asked whenever the breaker allows it."""

    def __init__(self, concurrency, **breaker):
        self.now = 0.0
        self.breaker = Breaker(RetryPolicy(), concurrency, clock=lambda: self.now, **breaker)
        self.sent = []
        self.numbers = iter(range(10**6))

    def permit(self):
        permit = Permit(str(next(self.numbers)))
        self.breaker.join(permit)
        return permit

    def fill(self, concurrency, failure, *, is_held):
        """Let as many as may be in flight fail at once."""
        for permit in [self.permit() for _ in range(concurrency)]:
            self.breaker.record_failure(permit, failure, is_held=is_held)
            self.sent.append(self.now)

    def probe_until(self, end, failure, *, is_held):
        """Send a probe whenever one may be sent, until one is answered."""
        while self.breaker.is_open and not self.breaker.has_given_up:
            self.now += self.breaker.seconds_left()
            permit = self.permit()
            assert self.breaker.seconds_left() == float("inf"), "one probe at a time"
            if self.now >= end:
                self.breaker.record_answer(permit)
                return
            self.sent.append(self.now)
            self.breaker.record_failure(permit, failure, is_held=is_held)


@pytest.mark.parametrize("concurrency", [1, 2, 3, 4, 10, 50, 200])
@pytest.mark.parametrize("seconds", [5, 20, 59, 60])
@pytest.mark.parametrize("wait", [None, 1.0, 20.0])
def test_an_outage_of_a_minute_holds_at_most_twice_the_concurrency(concurrency, seconds, wait):
    outage = Outage(concurrency)
    outage.fill(concurrency, failed(wait=wait), is_held=True)
    outage.probe_until(seconds, failed(wait=wait), is_held=True)
    assert not outage.breaker.is_open, "it ends by itself"
    assert len(outage.sent) <= 2 * concurrency
    assert outage.now <= 2 * 60 + 16
    probes = outage.sent[concurrency - 1 :]
    assert all(later - sooner >= max(1.0, wait or 0) for sooner, later in pairwise(probes))


@pytest.mark.parametrize("meaning", [FailureMeaning.RATE_LIMIT, FailureMeaning.UNSENT])
def test_what_holds_nothing_is_asked_again_soon_and_given_up_after_an_hour(meaning):
    outage = Outage(1)
    outage.fill(3, failed(meaning), is_held=False)
    outage.probe_until(float("inf"), failed(meaning), is_held=False)
    assert outage.breaker.has_given_up
    assert outage.sent[3] <= 4.0
    assert 3000 <= outage.now <= 4000
    assert "64 more times in 59 min" in outage.breaker.describe_failures()


def test_a_provider_is_never_asked_before_the_time_that_it_names():
    outage = Outage(10)
    outage.fill(1, failed(FailureMeaning.RATE_LIMIT, wait=7.5), is_held=False)
    assert (outage.breaker.is_open, outage.breaker.seconds_left()) == (False, 7.5)
    outage.fill(2, failed(FailureMeaning.RATE_LIMIT, wait=MAX_WAIT * 9), is_held=False)
    assert (outage.breaker.is_open, outage.breaker.seconds_left()) == (True, MAX_WAIT)


def test_an_answer_between_failures_keeps_it_closed_and_one_of_before_does_not_close_it():
    outage, server = Outage(10), failed(FailureMeaning.SERVER)
    earlier = outage.permit()
    for _ in range(5):
        outage.fill(2, server, is_held=True)
        outage.breaker.record_answer(outage.permit())
    assert not outage.breaker.is_open
    outage.fill(3, server, is_held=True)
    assert outage.breaker.is_open
    assert not earlier.is_valid
    outage.breaker.record_answer(earlier)
    assert outage.breaker.is_open


@pytest.mark.parametrize(("has_answered", "asked"), [(False, 5), (True, 10)])
def test_refusals_for_good_of_five_jobs_are_given_up_at_once_only_without_an_answer(
    has_answered, asked
):
    outage = Outage(1, has_answered=has_answered)
    refused = failed(FailureMeaning.REFUSED, retries=False)
    one = outage.permit()
    for _ in range(9):  # several votes about one answer
        outage.breaker.record_failure(one, refused, is_held=False)
    assert not outage.breaker.is_open
    outage.fill(4, refused, is_held=False)
    outage.probe_until(float("inf"), refused, is_held=False)
    assert outage.breaker.has_given_up
    assert len(outage.sent) + 1 == asked


def test_a_prompt_that_is_too_long_says_nothing_of_a_model_that_has_answered():
    outage = Outage(1, has_answered=True)
    outage.fill(50, failed(FailureMeaning.CONTEXT, retries=False), is_held=False)
    assert not outage.breaker.is_open


def test_a_pause_is_no_time_in_which_a_model_was_asked():
    meaning = FailureMeaning.RATE_LIMIT
    outage, night = Outage(1, has_answered=True), 12 * 3600.0
    outage.fill(3, failed(meaning), is_held=False)
    outage.now += night
    outage.breaker.leave_out(night)
    outage.breaker.record_failure(outage.permit(), failed(meaning), is_held=False)
    assert not outage.breaker.has_given_up
    outage.probe_until(float("inf"), failed(meaning), is_held=False)
    assert 3000 <= outage.now - night <= 4000


def test_one_that_opened_in_a_pause_was_asked_since_its_end():
    outage = Outage(1)
    outage.now = 100.0
    outage.fill(3, failed(), is_held=False)  # they were in flight
    outage.now = 160.0
    outage.breaker.leave_out(90.0)
    assert "in 0 min" in outage.breaker.describe_failures()
    outage.now = 280.0
    assert "in 2 min" in outage.breaker.describe_failures()


def test_the_breakers_of_all_models_leave_a_pause_out():
    now = [0.0]
    breakers = Breakers(
        {}, RetryPolicy(), 1, has_answers=True, on_stop=print, on_recovery=print,
        clock=lambda: now[0],
    )  # fmt: skip
    breakers.pause()
    now[0] = 50.0
    breakers.pause()  # it is one already
    now[0] = 200.0
    outage = Outage(1)
    outage.fill(3, failed(), is_held=False)
    breakers._all[("m", "")] = outage.breaker
    outage.now = 200.0
    breakers.resume()
    breakers.resume()
    outage.now = 260.0
    assert "in 1 min" in outage.breaker.describe_failures()


def test_what_waits_or_is_stopped_is_listed_with_why():
    breakers = Breakers(
        {}, RetryPolicy(), 1, has_answers=True, on_stop=print, on_recovery=print,
        clock=lambda: 0.0,
    )  # fmt: skip
    down, _ = breakers._find("lab/down", "subject")
    permit = Permit("job")
    down.join(permit)
    down.record_failure(permit, failed(wait=30.0), is_held=False)
    breakers._find("lab/up", "subject")
    breakers.stopped["lab/gone", ""] = "no such model"
    gone, waiting = breakers.list_waits()
    assert (gone.model, gone.seconds, gone.why) == ("lab/gone", None, "no such model")
    assert (waiting.model, waiting.stage, waiting.why) == ("lab/down", "", "HTTP 503")
    assert waiting.seconds == pytest.approx(30.0)
