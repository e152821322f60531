"""What an answer cost: the provider's figures, unless what was counted here is more."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimator.survey import PlannedModel
from estimator.tokens import Exactness, TokenCount
from pricing.card import Rate, RateCard
from pricing.money import Money
from pricing.names import ModelName
from pricing.usage import Usage
from runner.booking import book
from runner.wire import Reply
from tests.runner.lab import STEADY, words


def model(model_id):
    card = RateCard(
        "my-lab",
        model_id,
        input=Rate(Decimal("0.40")),
        output=Rate(Decimal("0.80")),
        cache_read=Rate(Decimal("0.10")),
    )
    return PlannedModel(ModelName(model_id, "my-lab", model_id), card, None, prefill=True)


EXACT, APPROXIMATE = model("llama-3.1-8b"), model("nobodys-model")
EXACT_100 = TokenCount(100, Exactness.EXACT, 100)
ABOUT_100 = TokenCount(100, Exactness.APPROXIMATE, 180)


def booked(usage, *, of=EXACT, count=EXACT_100, stated=None, text="", max_tokens=1000):
    reply = Reply(text, "", "stop", usage, stated, "m", "id", {})
    return book(of, count, reply, text, max_tokens)


def usd(inputs=0, output=0, cached=0):
    """Price by hand: pico-dollars are USD per million tokens times a million."""
    return Money(inputs * 400_000 + output * 800_000 + cached * 100_000)


def test_believable_usage_is_billed_by_the_pinned_card_without_a_note():
    booking = booked(Usage(70, 20, cache_read=30), text=words(20))
    assert (booking.billed, booking.note) == (usd(70, 20, 30), "")


def test_an_exact_count_above_the_reported_prompt_is_booked():
    booking = booked(Usage(60, 20, cache_read=30), text=words(20))
    assert booking.billed == usd(70, 20, 30)
    assert booking.note == "usage says 90 prompt tokens, counted 100"


def test_a_reported_prompt_above_the_exact_count_is_billed_as_reported():
    booking = booked(Usage(130, 20), text=words(20))
    assert (booking.billed, booking.note) == (usd(130, 20), "")


def test_an_approximate_count_is_no_reason_to_doubt_the_provider():
    booking = booked(Usage(1, 1), of=APPROXIMATE, count=ABOUT_100, text=words(50))
    assert (booking.billed, booking.note) == (usd(1, 1), "")


@pytest.mark.parametrize(
    ("reported", "billed"), [(0, 200), (1, 200), (141, 200), (142, 142), (200, 200), (300, 300)]
)
def test_a_visible_output_far_above_the_reported_one_is_booked(reported, billed):
    """A text need not be written in its fewest tokens: a few, and a quarter, are let pass."""
    booking = booked(Usage(100, reported), text=words(200))
    assert booking.billed == usd(100, billed)
    assert bool(booking.note) == (reported < 142)


def test_a_recount_never_books_more_output_than_was_allowed():
    assert booked(Usage(100, 0), text=words(200), max_tokens=150).billed == usd(100, 150)


def test_hidden_reasoning_above_the_visible_text_is_billed():
    assert booked(Usage(100, 500, reasoning=480), text=words(20)).billed == usd(100, 500)


@pytest.mark.parametrize("of", [EXACT, APPROXIMATE])
def test_a_text_that_is_said_to_have_no_tokens_is_booked_as_counted(of):
    booking = booked(Usage(100, 0), of=of, text=words(40))
    assert booking.billed >= usd(100, 40)
    assert booking.note.startswith("usage says 0 output tokens, counted")


def test_no_text_and_no_tokens_is_believed():
    assert booked(Usage(100, 0)).billed == usd(100)


@pytest.mark.parametrize("stated", [Money(1), Money.usd("0.7")])
def test_a_stated_cost_goes_before_the_card(stated):
    booking = booked(Usage(100, 20), stated=stated, text=words(20))
    assert (booking.billed, booking.note) == (stated, "")


def test_a_stated_cost_for_fewer_tokens_than_counted_is_not_believed():
    assert booked(Usage(10, 20), stated=Money(1), text=words(20)).billed == usd(100, 20)


def test_usage_that_is_not_believed_never_lowers_what_the_provider_says_it_billed():
    stated = usd(100, 20) + Money(1)
    assert booked(Usage(99, 20), stated=stated, text=words(20)).billed == stated


@settings(STEADY, max_examples=200)
@given(
    prompt=st.integers(0, 300),
    output=st.integers(0, 60),
    written=st.integers(0, 60),
    stated=st.none() | st.integers(1, 10**9).map(Money),
)
def test_nothing_is_booked_below_the_usage_or_the_exact_prompt(prompt, output, written, stated):
    booking = booked(Usage(prompt, output), stated=stated, text=words(written))
    if booking.note:
        assert booking.billed >= max(usd(max(prompt, 100), output), stated or Money())
        assert booking.billed <= max(usd(max(prompt, 100), max(output, written)), stated or Money())
    else:
        assert booking.billed == (stated or usd(prompt, output))
        assert prompt >= 100
