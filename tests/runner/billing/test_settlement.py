"""What an answer cost: the provider's figures, unless what was counted here is more."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimator.counting.token_count import Exactness, TokenCount
from estimator.workload.planned_model import build_planned_model
from pricing.catalog.model_names import ModelName
from pricing.money import Money
from pricing.rates.offer import Offer
from pricing.rates.rate_card import Rate, RateCard
from pricing.rates.tariff import Period, Tariff
from pricing.usage import Usage
from providers.reply import ModelResponse
from runner.billing.settlement import applicable_card, compute_settlement
from tests.runner.sample_experiment import DAY, NOW, STEADY, words


def model(model_id, **changes):
    card = RateCard(
        "my-lab",
        model_id,
        input=Rate(Decimal("0.40")),
        output=Rate(Decimal("0.80")),
        cache_read=Rate(Decimal("0.10")),
    )
    name, offer = ModelName(model_id, "my-lab", model_id), Offer(Tariff.flat_rate(card))
    return build_planned_model(name, replace(offer, **changes), DAY, None, "continue")


EXACT, APPROXIMATE = model("llama-3.1-8b"), model("nobodys-model")
EXACT_100 = TokenCount(100, Exactness.EXACT, 100)
ABOUT_100 = TokenCount(100, Exactness.APPROXIMATE, 180)


def booked(usage, *, of=EXACT, count=EXACT_100, stated=None, text="", max_tokens=1000, tier=""):
    reply = ModelResponse(text, "", "stop", usage, stated, "m", "id", {}, tier)
    return compute_settlement(
        of, applicable_card(of, reply, NOW, NOW), count, reply, text, max_tokens
    )


def usd(inputs=0, output=0, cached=0):
    """Price by hand: pico-dollars are USD per million tokens times a million."""
    return Money(inputs * 400_000 + output * 800_000 + cached * 100_000)


def test_believable_usage_is_billed_by_the_pinned_card_without_a_note():
    booking = booked(Usage(70, 20, cache_read=30), text=words(20))
    assert (booking.billed, booking.note) == (usd(70, 20, 30), "")


def test_a_cache_write_for_an_hour_is_billed_at_its_own_price():
    own = EXACT.card.map_rates(lambda _, rate: rate)
    dear = replace(own, cache_write_1h=Rate(Decimal("2.00")))
    of = model("llama-3.1-8b", tariff=Tariff.flat_rate(dear))
    billed = booked(Usage(70, 0, cache_write_1h=30), of=of).billed
    assert billed == usd(70) + Money(30 * 2_000_000)


def times(factor):
    return Tariff.flat_rate(EXACT.card.scaled(Decimal(factor)))


def test_an_answer_is_billed_by_the_best_source_and_not_by_what_was_reserved():
    other = EXACT.card.scaled(Decimal(2))
    of = model("llama-3.1-8b", alternatives=(other,))
    assert of.reserve.has_same_price(other)
    assert booked(Usage(100, 20), of=of, text=words(20)).billed == usd(100, 20)


@pytest.mark.parametrize("tier", ["", "auto", "default", "standard", "standard_only", "on_demand"])
def test_an_answer_in_the_standard_tier_is_billed_by_the_card_without_a_note(tier):
    booking = booked(Usage(100, 20), text=words(20), tier=tier)
    assert (booking.billed, booking.note) == (usd(100, 20), "")


def test_an_answer_in_the_tier_that_was_asked_for_is_billed_by_its_price():
    asked = (("service_tier", "flex"),)
    of = model("llama-3.1-8b", tariff=times("0.5"), standard=times(1), options=asked)
    booking = booked(Usage(100, 20), of=of, text=words(20), tier="flex")
    assert (booking.billed * 2, booking.note) == (usd(100, 20), "")
    booking = booked(Usage(100, 20), of=of, text=words(20), tier="")
    assert booking.billed == usd(100, 20), "a discount that nobody confirms is not believed"
    assert booking.note == "the requested service tier is not confirmed"


def test_an_answer_in_another_tier_than_asked_is_billed_by_what_was_reserved_and_says_so():
    asked = (("service_tier", "flex"),)
    of = model("llama-3.1-8b", tariff=times("0.5"), standard=times(1), options=asked)
    booking = booked(Usage(100, 20), of=of, text=words(20), tier="default")
    assert (booking.billed, booking.note) == (usd(100, 20), "served as default, not as requested")
    of = model("llama-3.1-8b", alternatives=(EXACT.card.scaled(Decimal(2)),))
    booking = booked(Usage(100, 20), of=of, text=words(20), tier="priority")
    assert booking.billed == usd(100, 20) * 2
    assert booking.note == "served as priority, not as requested"


def test_a_price_that_changes_while_a_request_is_under_way_is_taken_at_its_dearer_side():
    rise = date(2026, 11, 21)
    risen = EXACT.card.scaled(Decimal(3))
    periods = (Period(EXACT.card), Period(risen, rise), Period(EXACT.card, date(2026, 11, 22)))
    of = model("llama-3.1-8b", tariff=Tariff(periods))
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    before, after = midnight - timedelta(seconds=1), midnight + timedelta(seconds=1)
    reply = ModelResponse("", "", "stop", Usage(1, 1), None, "m", "id", {})
    day = timedelta(days=1)
    assert applicable_card(of, reply, before, before).has_same_price(EXACT.card)
    assert applicable_card(of, reply, before, after).has_same_price(risen)
    assert applicable_card(of, reply, before + day, after + day).has_same_price(risen)
    assert applicable_card(of, reply, after + day, after + day).has_same_price(EXACT.card)


def test_an_exact_count_above_the_reported_prompt_is_booked():
    booking = booked(Usage(60, 20, cache_read=30), text=words(20))
    assert booking.billed == usd(70, 20, 30)
    assert booking.note == "usage reports 90 prompt tokens, counted 100"


def test_a_reported_prompt_above_the_exact_count_is_billed_as_reported():
    booking = booked(Usage(130, 20), text=words(20))
    assert (booking.billed, booking.note) == (usd(130, 20), "")


def test_an_approximate_count_is_no_reason_to_doubt_the_provider():
    booking = booked(Usage(1, 1), of=APPROXIMATE, count=ABOUT_100, text=words(50))
    assert (booking.billed, booking.note) == (usd(1, 1), "")


@pytest.mark.parametrize(
    ("reported", "billed"), [(1, 200), (100, 200), (199, 200), (200, 200), (300, 300)]
)
def test_a_visible_output_above_the_reported_one_is_booked(reported, billed):
    booking = booked(Usage(100, reported), text=words(200))
    assert booking.billed == usd(100, billed)
    assert bool(booking.note) == (reported < 200)


def test_a_recount_never_books_more_output_than_was_allowed():
    assert booked(Usage(100, 0), text=words(200), max_tokens=150).billed == usd(100, 150)


def test_hidden_reasoning_above_the_visible_text_is_billed():
    assert booked(Usage(100, 500, reasoning=480), text=words(20)).billed == usd(100, 500)


@pytest.mark.parametrize("of", [EXACT, APPROXIMATE])
def test_a_text_that_is_said_to_have_no_tokens_is_booked_at_the_most_that_it_can_have(of):
    """Nobody knows what was billed: reasoning that is not shown may have been, too."""
    booking = booked(Usage(100, 0), of=of, text=words(40), max_tokens=70)
    assert booking.billed == usd(100, 70)
    assert booking.note.startswith("usage reports 0 output tokens, counted")


def test_no_text_and_no_tokens_is_believed():
    assert booked(Usage(100, 0)).billed == usd(100)


@pytest.mark.parametrize("stated", [Money(1), Money.from_usd("0.7")])
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
        at_most = max(output, written) if output else 1000
        assert booking.billed <= max(usd(max(prompt, 100), at_most), stated or Money())
    else:
        assert booking.billed == (stated or usd(prompt, output))
        assert prompt >= 100


def test_an_answer_in_a_dearer_tier_that_nobody_asked_for_is_booked_at_its_price_and_a_breach():
    of = model("llama-3.1-8b")
    of = replace(of, offer=replace(of.offer, upgraded_tiers=(("priority", times("2.5")),)))
    booking = booked(Usage(100, 20), of=of, text=words(20), tier="priority")
    assert booking.billed * 2 == usd(100, 20) * 5
    assert "was served in the tier priority" in booking.breach
