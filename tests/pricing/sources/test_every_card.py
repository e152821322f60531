"""Every card of the book, of every source, tier and period, bills what its own JSON says."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.money import Money
from pricing.rates.rate_card import RateCard
from pricing.rates.tariff import Tariff
from pricing.sources.crosscheck import load_crosschecks
from pricing.sources.genai import load_bundled
from pricing.sources.overlay import load_overlay
from pricing.sources.table import PriceRows
from pricing.usage import Usage

DAY = date(2026, 11, 21)
PROMPT = ("input", "cache_read", "cache_write", "cache_write_1h")
CLASSES = (*PROMPT, "output")
LONGEST = 4_000_000  # tokens, beyond every threshold
TIERS = ((), *((("service_tier", tier),) for tier in ("flex", "priority")))


def of_rows(rows: PriceRows) -> Iterator[Tariff]:
    for models in rows.values():
        for row in models.values():
            yield from (Tariff.from_json(offer["tariff"]) for offer in row["offers"])


def of_crosschecks() -> Iterator[Tariff]:
    for table in load_crosschecks():
        for provider in table.rows:
            for model_id in table.model_ids(provider):
                offers = (table.find_tariff(provider, model_id, asked) for asked in TIERS)
                yield from (tariff for tariff in offers if tariff)


GENAI, OVERLAY = load_bundled(DAY).to_rows(), load_overlay(DAY).rows
TARIFFS = [*of_rows(GENAI), *of_rows(OVERLAY), *of_crosschecks()]
CARDS = list(dict.fromkeys(period.card for tariff in TARIFFS for period in tariff.periods))
STEPPED = [card for card in CARDS if any(isinstance(card.to_json()[n], dict) for n in CLASSES)]
ANY_CARD = st.sampled_from(CARDS) | st.sampled_from(STEPPED)


def thresholds(data: dict[str, Any]) -> list[int]:
    rates = (data[name] for name in CLASSES if isinstance(data[name], dict))
    return sorted({threshold for rate in rates for threshold, _ in rate["tiers"]})


def edges(data: dict[str, Any]) -> list[int]:
    return [0, 1, *(at + more for at in thresholds(data) for more in (-1, 0, 1))]


def price(data: dict[str, Any], name: str, prompt: int) -> Fraction:
    """Return pico-dollars per token, from the strings of a card's JSON."""
    rate = data["input"] if data[name] is None else data[name]
    text, reached = (rate, -1) if isinstance(rate, str) else (rate["base"], -1)
    for threshold, dearer in [] if isinstance(rate, str) else rate["tiers"]:
        if reached < threshold < prompt:
            text, reached = dearer, threshold
    return Fraction(text) * 10**6


def exact(data: dict[str, Any], usage: Usage) -> Fraction:
    """Price a request by hand, in pico-dollars, from the strings of a card's JSON."""
    prompt = sum(getattr(usage, name) for name in PROMPT)
    tokens = sum(getattr(usage, name) * price(data, name, prompt) for name in CLASSES)
    return tokens + Fraction(data["per_request"]) * 10**12


def lengths(card: RateCard, low: int = 0, high: int = LONGEST) -> st.SearchStrategy[int]:
    """Return lengths of prompts, often at either side of a step of a card."""
    near = [each for each in edges(card.to_json()) if low <= each <= high]
    anything = st.integers(low, high)
    return anything | st.sampled_from(near) if near else anything


@st.composite
def usages(draw, card: RateCard, low: int = 0, high: int = LONGEST) -> Usage:
    left, counts = draw(lengths(card, low, high)), {}
    for name in draw(st.permutations(PROMPT)):
        counts[name] = draw(st.just(left) | st.integers(0, left))
        left -= counts[name]
    counts["input"] += left
    return Usage(**counts, output=draw(st.integers(0, 200_000)))


@st.composite
def priced(draw):
    card = draw(ANY_CARD)
    return card, draw(usages(card))


@st.composite
def one_tier(draw):
    """Give a card and two requests of the same tier, of which the second has more of everything."""
    card = draw(ANY_CARD)
    steps = [-1, *thresholds(card.to_json()), LONGEST]
    tier = draw(st.integers(0, len(steps) - 2))
    low, high = steps[tier] + 1, steps[tier + 1]
    less = draw(usages(card, low, high))
    more = {name: getattr(less, name) for name in CLASSES}
    more["output"] += draw(st.integers(0, 10_000))
    left = high - less.prompt_tokens
    for name in PROMPT:
        extra = draw(st.just(left) | st.integers(0, left))
        more[name] += extra
        left -= extra
    return card, less, Usage(**more)


def test_every_source_has_cards_and_some_have_steps_hours_and_announced_prices():
    assert len(CARDS) > 4_000
    assert len(STEPPED) > 200
    assert {card.source.split()[0] for card in CARDS} >= {
        "genai-prices", "litellm", "openai-cost-calculator", "DeepInfra",
    }  # fmt: skip
    periods = [period for tariff in TARIFFS for period in tariff.periods]
    assert any(period.hours for period in periods)
    assert any(period.start and period.start > DAY for period in periods)


def of_one_class(tokens: int, output: int) -> list[Usage]:
    counts = {"input": 0, "output": output}
    return [Usage(**counts | {name: tokens}) for name in PROMPT]


def test_every_card_bills_its_own_price_at_every_class_and_either_side_of_every_step():
    for card in CARDS:
        data = card.to_json()
        for tokens in edges(data):
            for usage in (Usage(0, tokens), Usage(tokens, tokens), *of_one_class(tokens, 9)):
                assert card.cost(usage).pico == math.ceil(exact(data, usage)), (card, usage)


def test_every_card_reserves_at_least_what_it_bills_at_either_side_of_every_step():
    for card in (replace(each, writes_unasked=True) for each in CARDS):
        for tokens in edges(card.to_json()):
            for usage in of_one_class(tokens, 7):
                assert card.cost(usage) <= card.worst_case_cost(tokens, 7), (card, usage)


def test_every_card_and_tariff_is_read_back_from_its_json_unchanged():
    assert [c for c in CARDS if RateCard.from_json(json.loads(json.dumps(c.to_json()))) != c] == []
    for tariff in TARIFFS:
        assert Tariff.from_json(json.loads(json.dumps(tariff.to_json()))) == tariff


@pytest.mark.parametrize("rows", [GENAI, OVERLAY], ids=["genai-prices", "overlay"])
def test_a_row_of_a_table_is_given_back_to_the_digit(rows):
    for models in rows.values():
        for row in models.values():
            for offer in row["offers"]:
                assert Tariff.from_json(offer["tariff"]).to_json() == offer["tariff"]


def test_no_card_bills_nothing_for_a_prompt_or_an_answer():
    assert [c for c in CARDS if not (c.cost(Usage(1, 0)) and c.cost(Usage(0, 1)))] == []


@settings(max_examples=400)
@given(priced())
def test_a_cost_is_what_the_strings_of_the_card_say_rounded_up_once(given_):
    card, usage = given_
    cost = card.cost(usage)
    assert cost.pico == math.ceil(exact(card.to_json(), usage))
    assert cost >= Money()


@given(st.data())
def test_requests_cost_their_sum_and_less_than_a_pico_dollar_more_for_each(data):
    card = data.draw(ANY_CARD)
    requests = data.draw(st.lists(usages(card), min_size=1, max_size=6))
    total = sum((card.cost(usage) for usage in requests), Money())
    by_hand = sum(exact(card.to_json(), usage) for usage in requests)
    assert 0 <= total.pico - by_hand < len(requests)


@settings(max_examples=200)
@given(one_tier())
def test_more_tokens_within_a_tier_never_cost_less(given_):
    card, less, more = given_
    assert card.cost(less) <= card.cost(more)


@settings(max_examples=300)
@given(st.data())
def test_no_request_costs_more_than_the_ceiling_of_a_prompt_and_an_output(data):
    card = replace(data.draw(ANY_CARD), writes_unasked=data.draw(st.booleans()))
    prompt, output = data.draw(lengths(card)), data.draw(st.integers(0, 200_000))
    usage = data.draw(usages(card, 0, prompt))
    usage = replace(usage, output=min(usage.output, output))
    if not card.writes_unasked:  # then writes are not billed as such, so they are plain input
        writes = usage.cache_write + usage.cache_write_1h
        usage = replace(usage, input=usage.input + writes, cache_write=0, cache_write_1h=0)
    assert Money() <= card.cost(usage) <= card.worst_case_cost(prompt, output)


def test_a_price_that_is_no_whole_pico_dollar_a_token_is_rounded_up_for_each_request():
    ragged = [(c, n) for c in CARDS for n in CLASSES if price(c.to_json(), n, 1).denominator > 1]
    assert {card.to_json()[name] for card, name in ragged} >= {"0.041666666666666664"}
    for card, name in ragged:
        one, hundred = (
            card.cost(Usage(**{"input": 0, "output": 0, name: tokens})) for tokens in (1, 100)
        )
        assert one.pico == math.floor(price(card.to_json(), name, 1)) + 1
        assert hundred.pico <= 100 * one.pico
