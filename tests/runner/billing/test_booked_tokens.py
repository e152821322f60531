"""Booked tokens are what the money says: what is stated at least, and what it pays for at most."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.money import Money
from pricing.rates import Rate, RateCard
from pricing.usage import Usage
from runner.billing import BillReader, BookedTokens

CARD = RateCard("lab", "m", Rate(Decimal("0.40")), Rate(Decimal("1.70")))
CACHED = replace(
    CARD,
    cache_read=Rate(Decimal("0.04")),
    cache_write=Rate(Decimal("0.50")),
    cache_write_1h=Rate(Decimal("0.80")),
)
LONG = replace(
    CACHED,
    input=Rate(Decimal("0.40"), ((200, Decimal("0.80")),)),
    output=Rate(Decimal("1.70"), ((200, Decimal("3.10")),)),
    per_request=Decimal("0.0003"),
)


class SomeBill(NamedTuple):
    prompt: int
    written: int
    output: int
    counted: int
    settled: int


TOKENS = st.integers(1, 5_000)


def read(card: RateCard, stated: Usage, counted: int, settled: Money) -> BookedTokens:
    written = stated.cache_write + stated.cache_write_1h
    bill = SomeBill(stated.prompt_tokens, written, stated.output, counted, settled.pico)
    return BillReader(card).read(bill)


@pytest.mark.parametrize("card", [CARD, CACHED, LONG], ids=["plain", "cached", "long"])
@given(prompt=TOKENS, stated=TOKENS, more=st.integers(0, 5_000), off=st.integers(-50, 50))
def test_an_output_that_was_understated_is_what_was_booked(card, prompt, stated, more, off):
    settled = card.cost(Usage(prompt, stated + more))
    counted = min(prompt + off, prompt)  # no more than is stated
    found = read(card, Usage(prompt, stated), counted, settled)
    assert found == (prompt, stated + more)


@pytest.mark.parametrize("card", [CARD, CACHED, LONG], ids=["plain", "cached", "long"])
@given(counted=TOKENS, share=st.floats(0.01, 1), stated=TOKENS, more=st.integers(0, 5_000))
def test_a_prompt_that_was_understated_is_booked_as_counted(card, counted, share, stated, more):
    settled = card.cost(Usage(counted, stated + more))
    found = read(card, Usage(max(int(counted * share), 1), stated), counted, settled)
    assert found == (counted, stated + more)


@given(
    parts=st.tuples(*[st.integers(0, 3_000)] * 4),
    output=TOKENS,
    more=st.integers(0, 500),
    counted=st.integers(0, 15_000),
)
@pytest.mark.parametrize("card", [CARD, CACHED, LONG], ids=["plain", "cached", "long"])
def test_neither_a_cache_nor_our_own_count_makes_an_output_longer(
    card, parts, output, more, counted
):
    plain, read_, written, hour = parts
    stated = Usage(1 + plain, output, read_, written, cache_write_1h=hour)
    settled = card.cost(replace(stated, output=output + more))
    found = read(card, stated, counted, settled)
    assert output <= found.output <= output + more
    assert stated.prompt_tokens <= found.prompt <= max(stated.prompt_tokens, counted)
    if not more:
        assert found == (stated.prompt_tokens, output)


def test_a_vote_that_shares_a_prompt_is_billed_its_output_alone():
    settled = Money(LONG.cost(Usage(90, 12)).pico - LONG.cost(Usage(90, 0)).pico)
    assert read(LONG, Usage(0, 3), 90, settled) == (0, 12)


def test_where_a_price_is_not_known_to_be_more_than_nothing_tokens_are_as_stated():
    free = RateCard("lab", "m", Rate(Decimal(0)), Rate(Decimal(0)))
    assert read(free, Usage(10, 3), 40, Money(10**9)) == (10, 3)


def test_a_price_of_next_to_nothing_gives_no_number_that_cannot_be_kept():
    tiny = RateCard("lab", "m", Rate(Decimal("1e-12")), Rate(Decimal("1e-12")))
    assert read(tiny, Usage(10, 3), 10, Money(10**18)).output < 2**53


def test_an_answer_for_which_nothing_was_settled_is_as_stated():
    assert read(CARD, Usage(10, 3), 40, Money()) == (10, 3)
