"""Rate cards: every token is billed once, at its own price, and no bill exceeds its ceiling."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.money import Money
from pricing.rates.extra_rates import EXTRA_CLASSES
from pricing.rates.rate_card import Rate, RateCard, merge_highest
from pricing.usage import Usage

TOKENS = st.integers(0, 2_000_000)
PRICES = st.decimals(0, 10_000, places=9)
CLASSES = ("input", "output", "cache_read", "cache_write", "cache_write_1h")


@st.composite
def rates(draw):
    thresholds = sorted(draw(st.sets(st.integers(1, 1_000_000), max_size=3)))
    first, *later = sorted(
        draw(st.lists(PRICES, min_size=len(thresholds) + 1, max_size=len(thresholds) + 1))
    )
    return Rate(first, tuple(zip(thresholds, later, strict=True)))


RATES = rates()


def cards(each=RATES):
    return st.builds(
        RateCard,
        provider=st.just("my-lab"),
        model=st.text(max_size=5),
        input=each,
        output=each,
        cache_read=st.none() | each,
        cache_write=st.none() | each,
        cache_write_1h=st.none() | each,
        per_request=st.decimals(0, 1, places=12),
        writes_unasked=st.booleans(),
        checked=st.none() | st.dates(),
        source=st.text(max_size=5),
        extra=st.dictionaries(st.sampled_from(EXTRA_CLASSES), each, max_size=3).map(
            lambda priced: tuple(sorted(priced.items()))
        ),
    )


USAGES = st.builds(Usage, TOKENS, TOKENS, TOKENS, TOKENS, cache_write_1h=TOKENS)


def flat(**prices: str) -> RateCard:
    given_prices = {"input": "3", "output": "15"} | prices
    return RateCard("lab", "m", **{name: Rate(Decimal(p)) for name, p in given_prices.items()})


def pico(card: RateCard, usage: Usage) -> Fraction:
    """Price a usage by hand, in fractions."""
    prompt = usage.input + usage.cache_read + usage.cache_write + usage.cache_write_1h
    total = Fraction(card.per_request) * 10**12
    for name in CLASSES:
        rate = getattr(card, name) or card.input
        price = [rate.base, *(p for threshold, p in rate.tiers if prompt > threshold)][-1]
        total += getattr(usage, name) * Fraction(price) * 10**6
    return total


@given(cards(), USAGES)
def test_a_cost_is_every_class_at_its_price_rounded_up_to_a_pico_dollar(card, usage):
    assert card.cost(usage) == Money(math.ceil(pico(card, usage)))


@given(cards(), USAGES)
def test_a_cost_is_never_negative(card, usage):
    assert card.cost(usage) >= Money(0)


@given(cards(st.builds(Rate, PRICES)), st.lists(USAGES, min_size=1, max_size=5))
def test_requests_priced_one_by_one_cost_their_sum_and_less_than_a_pico_dollar_each(card, usages):
    one_by_one = sum((card.cost(usage) for usage in usages), Money())
    rounded = one_by_one.pico - sum(pico(card, usage) for usage in usages)
    assert 0 <= rounded < len(usages)


@given(cards(), USAGES, st.sampled_from(CLASSES), TOKENS)
def test_more_tokens_of_any_class_never_cost_less(card, usage, name, more):
    assert card.cost(replace(usage, **{name: getattr(usage, name) + more})) >= card.cost(usage)


@given(cards(), st.data())
def test_no_usage_within_a_prompt_and_an_output_costs_more_than_their_ceiling(card, data):
    prompt, output = data.draw(TOKENS), data.draw(TOKENS)
    left, counts = prompt, {}
    for name in ("cache_read", "cache_write", "cache_write_1h"):
        priced = name != "cache_read" and getattr(card, name) is not None
        most = 0 if priced and not card.writes_unasked else left
        counts[name] = data.draw(st.integers(0, most))
        left -= counts[name]
    fresh = data.draw(st.integers(0, left))
    usage = Usage(fresh, data.draw(st.integers(0, output)), **counts)
    assert card.cost(usage) <= card.worst_case_cost(prompt, output)


def test_a_ceiling_holds_where_a_shorter_prompt_is_dearer_than_a_long_one():
    rate = Rate(Decimal(10), ((100, Decimal(1)),))
    card = RateCard("lab", "m", input=rate, output=rate)
    assert card.cost(Usage(100, 5)) <= card.worst_case_cost(101, 5)


def test_a_ceiling_holds_cache_writes_only_where_they_may_be_billed_unasked():
    for name in ("cache_write", "cache_write_1h"):
        card = flat(**{name: "3.75"})
        assert card.worst_case_cost(1_000_000, 0) == Money.from_usd(3)
        assert replace(card, writes_unasked=True).worst_case_cost(1_000_000, 0) == Money.from_usd(
            "3.75"
        )


@pytest.mark.parametrize(
    ("prompt", "dollars"), [(271_999, "0.6799975"), (272_000, "0.68"), (272_001, "1.360005")]
)
def test_the_whole_prompt_moves_to_the_higher_price_one_token_after_the_threshold(prompt, dollars):
    rate = Rate(Decimal("2.50"), ((272_000, Decimal(5)),))
    assert replace(flat(), input=rate).cost(Usage(prompt, 0)) == Money.from_usd(dollars)


@pytest.mark.parametrize(("cached", "dollars"), [(199_999, "0.0600027"), (200_000, "0.120006")])
def test_cached_tokens_count_towards_the_length_of_the_prompt(cached, dollars):
    card = RateCard(
        "lab",
        "m",
        input=Rate(Decimal(3), ((200_000, Decimal(6)),)),
        output=Rate(Decimal(15)),
        cache_read=Rate(Decimal("0.30"), ((200_000, Decimal("0.60")),)),
    )
    assert card.cost(Usage(1, 0, cache_read=cached)) == Money.from_usd(dollars)


def test_a_long_prompt_raises_the_price_of_the_output_too():
    card = RateCard(
        "lab", "m", input=Rate(Decimal(0)), output=Rate(Decimal(15), ((10, Decimal(20)),))
    )
    assert card.cost(Usage(10, 1)) == Money.from_usd("0.000015")
    assert card.cost(Usage(11, 1)) == Money.from_usd("0.000020")


@pytest.mark.parametrize("name", ["cache_read", "cache_write", "cache_write_1h"])
def test_cached_tokens_without_a_price_of_their_own_cost_as_much_as_input(name):
    card = flat()
    assert (
        card.cost(Usage(0, 0, **{name: 1000}))
        == card.cost(Usage(1000, 0))
        == Money.from_usd("0.003")
    )


@pytest.mark.parametrize("name", ["cache_read", "cache_write", "cache_write_1h"])
def test_cached_tokens_that_are_free_cost_nothing(name):
    assert flat(**{name: "0"}).cost(Usage(0, 0, **{name: 1000})) == Money(0)


def test_hidden_reasoning_is_billed_once_inside_the_output():
    assert flat().cost(Usage(0, 100, reasoning=80)) == flat().cost(Usage(0, 100))


def test_a_fraction_of_a_pico_dollar_is_billed_as_a_whole_one():
    assert flat(input="0.0000001").cost(Usage(1, 0)) == Money(1)


@given(cards())
def test_a_pinned_card_is_read_back_unchanged(card):
    assert RateCard.from_json(json.loads(json.dumps(card.to_json()))) == card


def test_a_pinned_price_is_written_as_the_decimals_that_stood_in_the_source():
    card = replace(flat(input="0.10", output="0.30000000000000004"), checked=date(2026, 11, 21))
    pinned = card.to_json()
    assert (pinned["input"], pinned["output"]) == ("0.10", "0.30000000000000004")
    assert pinned["checked"] == "2026-11-21"


def test_cards_bill_the_same_wherever_they_were_read_but_not_at_another_price():
    card = flat()
    assert card.has_same_price(replace(card, source="elsewhere", checked=date(2026, 11, 21)))
    for name in (*CLASSES, "per_request"):
        other = Decimal(7) if name == "per_request" else Rate(Decimal(7))
        assert not card.has_same_price(replace(card, **{name: other}))
    assert not card.has_same_price(replace(card, writes_unasked=True))


@given(RATES, st.decimals(0, 100, places=3), TOKENS)
def test_a_multiplied_rate_asks_that_much_more_at_every_length(rate, factor, tokens):
    assert rate.scaled(factor).price_at(tokens) == rate.price_at(tokens) * factor


@given(RATES, RATES, TOKENS)
def test_the_higher_of_two_rates_is_the_higher_at_every_length(one, other, tokens):
    assert one.max_with(other).price_at(tokens) == max(one.price_at(tokens), other.price_at(tokens))


@given(RATES, RATES, TOKENS)
def test_a_rate_that_exceeds_no_other_is_above_it_at_no_length(one, other, tokens):
    assert one.exceeds(other) or one.price_at(tokens) <= other.price_at(tokens)
    assert one.exceeds(other) == (one.max_with(other).exceeds(other))


def test_a_rate_that_is_lower_for_short_prompts_exceeds_one_for_long_prompts():
    short = Rate(Decimal(1), ((1000, Decimal(5)),))
    assert short.exceeds(Rate(Decimal(2)))
    assert Rate(Decimal(2)).exceeds(short)
    assert not short.exceeds(short)
    assert short.thresholds == {1000}


@given(st.lists(cards(), min_size=1, max_size=4), USAGES)
def test_the_dearest_of_several_cards_bills_no_usage_lower_than_any_of_them(several, usage):
    dearest = merge_highest(several)
    assert all(card.cost(usage) <= dearest.cost(usage) for card in several)
    assert (dearest.provider, dearest.model) == (several[0].provider, several[0].model)


@given(st.lists(cards(), min_size=1, max_size=4), TOKENS, TOKENS)
def test_the_dearest_of_several_cards_has_the_highest_ceiling(several, prompt, output):
    highest = max(card.worst_case_cost(prompt, output) for card in several)
    assert highest <= merge_highest(several).worst_case_cost(prompt, output)


@given(cards(), st.decimals(0, 100, places=3), USAGES)
def test_a_card_times_a_factor_bills_every_usage_times_it(card, factor, usage):
    expected = pico(card, usage) * Fraction(factor)
    assert card.scaled(factor).cost(usage) == Money(math.ceil(expected))


def test_a_card_that_costs_more_names_what_does_and_a_cheaper_one_names_nothing():
    card = flat(cache_read="1")
    dearer = replace(card, output=Rate(Decimal(16)), per_request=Decimal("0.01"))
    assert dearer.classes_above(card) == ["output", "per_request"]
    assert card.classes_above(dearer) == []
    assert card.classes_above(replace(card, cache_read=None)) == []
    assert replace(card, cache_read=None).classes_above(card) == ["cache_read"]


def test_a_dearer_cache_write_counts_only_where_it_may_be_billed_unasked():
    card = flat(cache_write="3.75")
    dearer = flat(cache_write="4")
    assert dearer.classes_above(card) == []
    assert replace(dearer, writes_unasked=True).classes_above(card) == ["cache_write"]


@pytest.mark.parametrize("price", ["-0.000001", "NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_price_is_refused_at_every_step(price):
    with pytest.raises(ValueError, match="not a price"):
        Rate(Decimal(price))
    with pytest.raises(ValueError, match="not a price"):
        Rate(Decimal(1), ((1000, Decimal(price)),))


@pytest.mark.parametrize("name", [*CLASSES, "reasoning"])
def test_a_negative_count_of_tokens_is_refused(name):
    counts = {"input": 1, "output": 1} | {name: -1}
    with pytest.raises(ValueError, match=f"usage.{name} is -1"):
        Usage(**counts)


def test_more_reasoning_than_output_is_refused():
    with pytest.raises(ValueError, match="reasoning 6 exceeds output 5"):
        Usage(1, 5, reasoning=6)


# -- fees for each request, and what is billed beside texts ----------------------------------------


@given(cards(), st.lists(USAGES, max_size=20))
def test_fees_add_up_to_one_for_each_request_and_no_part_of_it_is_lost(card, usages):
    free = replace(card, per_request=Decimal(0))
    exact = sum((pico(free, usage) for usage in usages), Fraction(0))
    exact += len(usages) * Fraction(card.per_request) * 10**12
    paid = sum((card.cost(usage).pico for usage in usages), 0)
    assert exact <= paid <= exact + len(usages)  # each rounded up to a pico-dollar


@given(cards(), TOKENS, TOKENS)
def test_a_worst_case_holds_the_fee(card, prompt, output):
    free = replace(card, per_request=Decimal(0)).worst_case_cost(prompt, output)
    fee = math.ceil(Fraction(card.per_request) * 10**12)
    assert fee - 1 <= card.worst_case_cost(prompt, output).pico - free.pico <= fee


@given(cards(), st.decimals("0.1", 3, places=2))
def test_a_surcharge_multiplies_the_fee_and_what_is_billed_beside_texts(card, factor):
    scaled = card.scaled(factor)
    assert scaled.per_request == card.per_request * factor
    assert scaled.extra == tuple((name, rate.scaled(factor)) for name, rate in card.extra)


@given(cards(), cards())
def test_the_highest_of_two_cards_has_every_extra_class_of_both_at_its_higher_price(one, other):
    merged = dict(merge_highest([one, other]).extra)
    assert merged.keys() == dict(one.extra).keys() | dict(other.extra).keys()
    for rate in (rate for card in (one, other) for rate in card.extra):
        assert not rate[1].exceeds(merged[rate[0]])


def test_a_card_without_extra_prices_is_written_as_before_there_were_any():
    assert "extra" not in flat().to_json()
    assert RateCard.from_json(flat().to_json()) == flat()
