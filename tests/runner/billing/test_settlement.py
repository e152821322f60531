"""What an answer cost: the provider's figures, unless what was counted here is more."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimator.counting.token_count import Exactness, TokenCount
from estimator.counting.tokenizer import CountingMethod
from estimator.workload.planned_model import build_planned_model
from experiment.prompts.request import Message, Request
from pricing.catalog.model_names import ModelName
from pricing.money import Money
from pricing.rates.offer import Offer
from pricing.rates.rate_card import Rate, RateCard
from pricing.rates.tariff import Period, Tariff
from pricing.usage import Usage
from providers.registry import builtin_providers
from providers.reply import ModelResponse
from runner.billing.served_as import applicable_card
from runner.billing.settlement import compute_settlement
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
    return build_planned_model(
        name, replace(offer, **changes), DAY, None, builtin_providers()["deepinfra"]
    )


EXACT, APPROXIMATE = model("llama-3.1-8b"), model("nobodys-model")
NOTHING = Money()
SHORT = (Message("user", "Hello!"),)
EXACT_100 = TokenCount(100, Exactness.EXACT, 100)
ABOUT_100 = TokenCount(100, Exactness.APPROXIMATE, 180)


def booked(
    usage,
    *,
    of=EXACT,
    count=EXACT_100,
    stated=None,
    text="",
    max_tokens=1000,
    tier="",
    prompt="Hello!",
    reserved=NOTHING,
    **reply,
):
    """Book an answer to a prompt that has `count` tokens, most of them of its frame."""
    reply = {"model": of.name.id} | reply
    reply = ModelResponse(
        text,
        finish="stop",
        usage=usage,
        stated_cost=stated,
        id="id",
        raw_usage={},
        tier=tier,
        **{"reasoning": ""} | reply,
    )
    request = Request(
        "id", "subject", "m", "all", 0, 0, (Message("user", prompt),), {"max_tokens": max_tokens}
    )
    card = applicable_card(of, reply, NOW, NOW)
    return compute_settlement(of, card, count, request, reply, text, reserved)


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
    billed = booked(Usage(70, 5, cache_write_1h=30), of=of).billed
    assert billed == usd(70, 5) + Money(30 * 2_000_000)


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


@pytest.mark.parametrize(("prompt", "output"), [(70, 40), (100, 50), (180, 90)])
def test_an_approximate_count_is_no_reason_to_doubt_what_its_error_allows(prompt, output):
    usage, text = Usage(prompt, output), words(50)
    booking = booked(usage, of=APPROXIMATE, count=ABOUT_100, prompt=words(80), text=text)
    assert (booking.billed, booking.note) == (usd(prompt, output), "")


def test_a_prompt_below_the_error_of_an_approximate_count_is_booked_at_its_bound():
    booking = booked(Usage(40, 50), of=APPROXIMATE, count=ABOUT_100, prompt=words(80), text="yes")
    assert booking.billed == usd(180, 1000), "and what else it says is not believed"


def test_a_visible_output_below_the_error_of_an_approximate_count_is_booked_as_max_tokens():
    booking = booked(Usage(100, 10), of=APPROXIMATE, count=ABOUT_100, text=words(50))
    assert booking.billed == usd(100, 1000)


@pytest.mark.parametrize(
    ("reported", "billed"),
    [
        (0, 1000),
        (1, 1000),
        (100, 1000),
        (145, 1000),
        (146, 200),
        (199, 200),
        (200, 200),
        (300, 300),
    ],
)
def test_a_visible_output_above_the_reported_one_is_booked(reported, billed):
    """A recount may differ by a few tokens; with a larger gap nothing is known of the rest."""
    booking = booked(Usage(100, reported), text=words(200))
    assert booking.billed == usd(100, billed)
    assert bool(booking.note) == (reported < 200)


@pytest.mark.parametrize(("written", "billed"), [(150, 150), (155, 150), (200, 200)])
def test_a_recount_alone_books_no_more_output_than_was_allowed(written, billed):
    for reported in (0, 150):
        booking = booked(Usage(100, reported), text=words(written), max_tokens=150)
        assert booking.billed == usd(100, billed)


@pytest.mark.parametrize("where", ["reasoning", "other_texts", "least_output"])
def test_whatever_is_visible_is_the_least_that_was_billed(where):
    shown = {"reasoning": words(99), "other_texts": (words(50), words(49)), "least_output": 99}
    booking = booked(Usage(100, 1), text="", max_tokens=120, **{where: shown[where]})
    assert (booking.billed, booking.note) == (
        usd(100, 120),
        "usage reports 1 output tokens, counted 99; booked as max_tokens",
    )
    assert booked(Usage(100, 99), text="", **{where: shown[where]}).billed == usd(100, 99)


def test_more_choices_than_were_asked_for_are_booked_beyond_max_tokens():
    others = (words(40),) * 7
    assert booked(Usage(100, 1), text=words(40), other_texts=others, max_tokens=50).billed == usd(
        100, 320
    )


@pytest.mark.parametrize(
    ("reasoning", "summary", "output"),
    [
        (30, 90, 50),  # a summary of short reasoning
        (0, 90, 1000),  # the usage does not know of any
        (1, 900, 1000),  # no summary of one token
    ],
)
def test_a_summary_is_no_measure_of_reasoning_that_the_usage_states(reasoning, summary, output):
    usage = Usage(100, 50, reasoning=reasoning)
    booking = booked(usage, text=words(20), reasoning=words(summary), is_summary=True)
    assert booking.billed == usd(100, output)
    full = booked(usage, text=words(20), reasoning=words(summary))
    assert full.billed == usd(100, 1000), "reasoning in full is counted as the answer is"


def test_reasoning_that_the_visible_text_has_no_room_for_is_booked_beside_it():
    booking = booked(Usage(100, 60, reasoning=50), text=words(55))
    assert booking.billed == usd(100, 105)
    assert booking.note == "usage reports 60 output tokens, counted 55 and 50 of reasoning"


@pytest.mark.parametrize("offset", [-90, -3, 0, 5])
def test_a_learned_offset_never_moves_what_a_bill_is_compared_with(offset):
    """A provider that always says too little would teach that its word is right."""
    plain = Request(
        "id", "subject", "m", "all", 0, 0, (Message("user", words(200)),), {"max_tokens": 9}
    )
    learned = replace(EXACT, counting=CountingMethod(offset=offset))
    true, count = EXACT.tokenizer.count(plain.messages), learned.tokenizer.count(plain.messages)
    assert count.bound >= true.bound
    for reported, output in ((true.tokens + offset, 9), (40, 9)):
        booking = booked(Usage(reported, output), of=learned, count=count, prompt=words(200))
        assert booking.billed >= usd(true.tokens, output)
    booking = booked(Usage(count.tokens, 1), of=learned, count=count, text=words(9), max_tokens=9)
    assert booking.billed == usd(max(count.tokens, EXACT.tokenizer.count(SHORT).tokens), 9)


def test_a_prompt_below_its_own_texts_is_no_usage_so_nothing_else_of_it_is_believed():
    booking = booked(Usage(40, 0), count=EXACT_100, prompt=words(80), max_tokens=24)
    assert booking.billed == usd(100, 24)
    booking = booked(Usage(85, 9), count=EXACT_100, prompt=words(80), text=words(9), max_tokens=24)
    assert booking.billed == usd(100, 9), "another frame than ours may be shorter"


def test_a_provider_that_counted_more_than_it_bills_contradicts_itself():
    own = replace(APPROXIMATE, counting=CountingMethod(endpoint="http://127.0.0.1:9/v1"))
    count = TokenCount(440, Exactness.PROVIDER, 465)
    assert booked(Usage(420, 5), of=own, count=count).billed == usd(420, 5)
    assert booked(Usage(400, 5), of=own, count=count).billed == usd(440, 5)


def test_hidden_reasoning_above_the_visible_text_is_billed():
    assert booked(Usage(100, 500, reasoning=480), text=words(20)).billed == usd(100, 500)


@pytest.mark.parametrize("of", [EXACT, APPROXIMATE])
def test_a_text_that_is_said_to_have_no_tokens_is_booked_at_the_most_that_it_can_have(of):
    """Nobody knows what was billed: reasoning that is not shown may have been, too."""
    booking = booked(Usage(100, 0), of=of, text=words(40), max_tokens=70)
    assert booking.billed == usd(100, 70)
    assert booking.note.startswith("usage reports 0 output tokens, counted")


def test_an_answer_without_a_token_is_no_usage():
    """Even an empty text has an end, and reasoning that is not shown may come before it."""
    assert booked(Usage(100, 0), max_tokens=24).billed == usd(100, 24)


def test_a_stated_cost_is_believed_only_upwards():
    assert booked(Usage(100, 20), stated=Money(1), text=words(20)).billed == usd(100, 20)
    dearer = usd(100, 20) + Money(500_000)
    booking = booked(Usage(100, 20), stated=dearer, text=words(20))
    assert (booking.billed, booking.note, booking.breach) == (dearer, "", "")


STATED = [("cost", 2), ("total_cost", 2), ("estimated_cost", 2), ("cost_in_usd_ticks", 1.1)]


@pytest.mark.parametrize(("name", "times"), STATED)
def test_a_stated_cost_above_the_planned_price_is_booked_and_a_breach(name, times):
    stated = Money(int(usd(10_000, 20).pico * times))
    count = TokenCount(10_000, Exactness.EXACT, 10_000)
    reply = {"text": words(20), "count": count, "costs": ((name, stated),)}
    booking = booked(Usage(10_000, 20), **reply)
    assert booking.billed == stated
    assert f"states {name} {stated.to_decimal_string()} USD" in booking.breach


def test_an_estimate_within_its_tolerance_is_only_compared():
    count = TokenCount(10_000, Exactness.EXACT, 10_000)
    stated = Money(int(usd(10_000, 20).pico * 1.2))
    reply = {"text": words(20), "count": count, "costs": (("estimated_cost", stated),)}
    booking = booked(Usage(10_000, 20), **reply)
    assert (booking.billed, booking.breach) == (usd(10_000, 20), "")


@pytest.mark.parametrize("extra", ["num_sources_used 5", "audio_tokens 7", "audio in the answer"])
def test_what_no_price_is_known_for_is_a_breach_booked_as_what_was_reserved(extra):
    reply = {"text": words(20), "extras": (extra,), "reserved": Money.from_usd("0.5")}
    booking = booked(Usage(100, 20), **reply)
    assert booking.billed == Money.from_usd("0.5")
    assert booking.breach == f"my-lab/llama-3.1-8b billed what was not planned: {extra}"


def test_a_search_that_the_price_of_a_request_pays_for_is_no_breach():
    card = replace(EXACT.card, per_request=Decimal("0.005"))
    of = model("llama-3.1-8b", tariff=Tariff.flat_rate(card))
    reply = {"text": words(20), "of": of, "cites_web": True}
    assert booked(Usage(100, 20), extras=("num_search_queries 1",), **reply).breach == ""
    assert "num_search_queries 3" in booked(
        Usage(100, 20), extras=("num_search_queries 3",), **reply
    ).breach  # fmt: skip


def test_counts_that_are_not_known_are_noted():
    booking = booked(Usage(100, 20), text=words(20), unknown_counts=("quantum_tokens 3",))
    assert booking.note == "usage reports fields that are not known: quantum_tokens 3"
    assert booking.breach == ""


def at(provider, model_id, *, builtin=True):
    """Return a model at a known provider."""
    own = model(model_id)
    name = ModelName(f"{provider}/{model_id}", provider, model_id)
    return {"of": replace(own, name=name), "builtin_url": builtin, "text": words(20)}


@pytest.mark.parametrize(
    ("provider", "asked", "answered"),
    [
        ("openai", "gpt-4o", "gpt-4o-2024-08-06"),
        ("openai", "gpt-4.1", "gpt-4.1-2025-04-14"),
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("openrouter", "anthropic/claude-sonnet-4.5", "anthropic/claude-4.5-sonnet-20250929"),
        ("openrouter", "deepseek/deepseek-r1:free", "deepseek/deepseek-r1"),
        ("google", "gemini-2.0-flash", "models/gemini-2.0-flash-001"),
        ("mistral", "mistral-large-latest", "mistral-large-2411"),
        ("fireworks", "llama-v3p1-8b-instruct", "accounts/fireworks/models/llama-v3p1-8b-instruct"),
        ("google", "gemini-flash-latest", "gemini-2.5-flash-preview-09-2025"),
        ("anthropic", "claude-opus-4-0", "claude-opus-4-20250514"),
        ("openrouter", "deepseek/deepseek-chat", "deepseek/deepseek-chat-v3"),
        ("x-ai", "grok-code-fast-1", "grok-code-fast-1-0825"),
        ("mistral", "ministral-3b-latest", "ministral-3b-2512"),
        ("x-ai", "grok-4", ""),
    ],
)
def test_a_snapshot_of_the_model_or_another_spelling_is_the_model(provider, asked, answered):
    booking = booked(Usage(10_000, 20), model=answered, **at(provider, asked))
    assert (booking.breach, booking.note) == ("", "")


@pytest.mark.parametrize(
    ("provider", "asked", "answered"),
    [
        ("openai", "gpt-4o-mini", "gpt-4o-2024-08-06"),
        ("openai", "gpt-5", "gpt-5-pro"),
        ("google", "gemini-flash-latest", "gemini-2.5-pro"),
        ("anthropic", "claude-sonnet-4-5", "claude-opus-4-5-20251101"),
        ("openrouter", "meta-llama/llama-3.1-8b-instruct", "meta-llama/llama-3.1-70b-instruct"),
        ("openrouter", "openai/gpt-4o", "openai/gpt-4o:online"),
        ("deepinfra", "meta-llama/Meta-Llama-3.1-8B-Instruct", "a-model-that-is-not-known"),
        ("openai", "gpt-5.4", "gpt-4.5-preview"),
        ("openai", "gpt-5-chat-latest", "gpt-4-0613"),
        ("openai", "gpt-4o", "ft:gpt-4o-2024-08-06:me::1"),
        ("anthropic", "claude-3-5-haiku-latest", "claude-haiku-4-5-20251001"),
    ],
)
def test_another_model_is_a_breach(provider, asked, answered):
    for named in ({"model": answered}, {"model": asked, "other_models": (answered,)}):
        booking = booked(Usage(10_000, 20), **at(provider, asked), **named)
        assert f"and {answered} answered" in booking.breach


def test_another_model_is_booked_by_its_own_price_where_it_is_known_to_be_higher():
    reserved = Money.from_usd("0.3")
    known = booked(Usage(10_000, 20), model="gpt-5-pro", reserved=reserved, **at("openai", "gpt-5"))
    assert usd(10_000, 20) * 10 < known.billed < reserved
    unknown = booked(Usage(10_000, 20), model="gpt-x", reserved=reserved, **at("openai", "gpt-5"))
    assert unknown.billed == reserved


@pytest.mark.parametrize(
    ("asked", "answered", "least"),
    [
        ("gpt-4o", "gpt-4o-2024-05-13", "0.0503"),
        ("gpt-3.5-turbo", "gpt-3.5-turbo-0613", "0.01504"),
        ("gpt-4-1106-preview", "gpt-4", "0.3012"),
        ("gpt-5-chat-latest", "gpt-5.2", "0.01778"),
    ],
)
def test_a_snapshot_that_is_listed_at_a_higher_price_is_booked_by_it_and_a_breach(
    asked, answered, least
):
    booking = booked(Usage(10_000, 20), model=answered, **at("openai", asked))
    assert f"and {answered} answered" in booking.breach
    assert booking.billed >= Money.from_usd(least)
    stated = {"stated": Money.from_usd("0.004"), "model": answered}
    assert booked(Usage(10_000, 20), **stated, **at("openai", asked)).breach == ""


def test_a_snapshot_is_no_dearer_where_the_user_reserves_by_a_higher_price():
    own = at("openai", "gpt-4o")
    high = replace(own["of"], reserve=own["of"].reserve.scaled(Decimal(50)))
    booking = booked(Usage(10_000, 20), model="gpt-4o-2024-05-13", **own | {"of": high})
    assert booking.breach == ""


def test_what_a_server_of_ones_own_calls_its_model_is_only_noted():
    booking = booked(Usage(100, 20), text=words(20), model="gpt-5-pro\x1b[2J")
    assert (booking.billed, booking.breach) == (usd(100, 20), "")
    assert booking.note == "answered as gpt-5-pro[2J"


def test_at_another_address_only_a_model_that_may_cost_more_is_a_breach():
    proxied = at("openai", "gpt-4o", builtin=False)
    assert "gpt-5-pro" in booked(Usage(10_000, 20), model="gpt-5-pro", **proxied).breach
    cheap = booked(Usage(10_000, 20), model="gpt-5-nano", **proxied)
    assert (cheap.breach, cheap.note) == ("", "answered as gpt-5-nano")


def test_a_cached_prompt_that_this_one_cannot_be_is_booked_as_input():
    """Nothing was sent that asks for a cache, or the prompt is too short for any."""
    usage, count = Usage(100, 20, cache_read=4900), TokenCount(5000, Exactness.EXACT, 5000)
    asked = booked(usage, count=count, **at("anthropic", "claude-3-haiku-20240307"))
    assert asked.billed == usd(5000, 20)
    assert booked(usage, count=count, **at("openai", "gpt-4o")).billed == usd(100, 20, 4900)
    short = Usage(10, 20, cache_read=490)
    assert booked(short, count=TokenCount(500, Exactness.EXACT, 500), **at("openai", "gpt-4o")
    ).billed == usd(500, 20)  # fmt: skip


def test_a_prompt_that_is_said_to_be_written_to_a_cache_is_booked_at_no_less_than_input():
    card = replace(EXACT.card, cache_write=Rate(Decimal("0.01")))
    of = model("llama-3.1-8b", tariff=Tariff.flat_rate(card))
    assert booked(Usage(0, 20, cache_write=100), of=of, text=words(20)).billed == usd(100, 20)


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
def test_nothing_is_booked_below_the_usage_or_what_is_counted(prompt, output, written, stated):
    booking = booked(Usage(prompt, output), stated=stated, text=words(written))
    least = usd(max(prompt, 100), max(output, written))
    assert booking.billed >= max(least, stated or Money())
    most = usd(max(prompt, 100), 1000 if output < written or not output else output)
    assert booking.billed <= max(most, stated or Money())
    assert bool(booking.note) == (prompt < 100 or output < max(written, 1))


def test_an_answer_in_a_dearer_tier_that_nobody_asked_for_is_booked_at_its_price_and_a_breach():
    of = model("llama-3.1-8b")
    of = replace(of, offer=replace(of.offer, upgraded_tiers=(("priority", times("2.5")),)))
    booking = booked(Usage(100, 20), of=of, text=words(20), tier="priority")
    assert booking.billed * 2 == usd(100, 20) * 5
    assert "was served in the tier priority" in booking.breach
