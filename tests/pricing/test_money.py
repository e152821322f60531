"""Money: nothing is lost inside, and a reader never sees a cost as nothing."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.money import Money

PICO = st.integers(-(10**24), 10**24)


def shown(money: Money) -> Decimal:
    return Decimal(str(money).replace("$", "").replace(",", ""))


def test_a_tenth_and_two_tenths_are_three_tenths():
    assert Money.from_usd("0.1") + Money.from_usd("0.2") == Money.from_usd("0.3")


def test_the_cheapest_token_on_sale_is_a_whole_number():
    assert Money.from_usd("0.00000002").pico == 20_000


@given(PICO)
def test_an_exact_amount_is_read_back_as_itself(pico):
    assert Money.from_usd(Money(pico).to_decimal_string()) == Money(pico)


@given(PICO)
def test_an_exact_amount_is_plain_decimal_dollars(pico):
    text = Money(pico).to_decimal_string()
    assert re.fullmatch(r"-?\d+\.\d{2,12}", text)
    assert Fraction(text) == Fraction(pico, 10**12)


@given(st.lists(PICO), st.integers(0, 10**6))
def test_sums_differences_and_multiples_lose_nothing(amounts, times):
    total = sum((Money.from_usd(Money(pico).to_decimal_string()) for pico in amounts), Money())
    assert Fraction(total.to_decimal_string()) == sum(Fraction(pico, 10**12) for pico in amounts)
    assert (total * times) - total == Money(sum(amounts) * (times - 1))


@given(PICO, PICO)
def test_amounts_compare_as_their_dollars_do(one, other):
    assert (Money(one) < Money(other)) == (one < other)
    assert bool(Money(one)) == (one != 0)


@pytest.mark.parametrize("amount", [12, "12", "12.0", "1.2e1", Decimal("12.000")])
def test_one_amount_may_be_written_in_many_ways(amount):
    assert Money.from_usd(amount) == Money(12 * 10**12)


@pytest.mark.parametrize(
    "amount",
    ["", "$5", "1,000", "five", "nan", "sNaN", "inf", "-inf", "1e-13", "0.0000000000001", 0.1],
)
def test_what_is_not_a_whole_number_of_pico_dollars_is_refused(amount):
    with pytest.raises(ValueError, match=re.escape(repr(amount))):
        Money.from_usd(amount)


def test_an_amount_beyond_all_bounds_is_refused_as_one():
    with pytest.raises(ValueError, match="1e999999"):
        Money.from_usd("1e999999")


def test_a_fraction_far_behind_the_point_is_refused_and_not_rounded_away():
    with pytest.raises(ValueError, match="pico-dollars"):
        Money.from_usd("1." + "0" * 70 + "1")


@given(PICO)
def test_a_reader_sees_cents_and_of_small_amounts_two_leading_digits(pico):
    true = Decimal(pico).scaleb(-12)
    error = abs(shown(Money(pico)) - true)
    assert error <= (Decimal("0.005") if abs(true) >= Decimal("0.10") else abs(true) / 20)


@given(st.integers(-(10**12), 10**12).filter(bool))
def test_a_reader_never_sees_a_cost_as_nothing(pico):
    assert shown(Money(pico)) != 0
    assert (shown(Money(pico)) < 0) == (pico < 0)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("1234567.891", "$1,234,567.89"),
        ("-1234.5", "-$1,234.50"),
        ("0.10", "$0.10"),
        ("0.0996", "$0.10"),
        ("0.0042", "$0.0042"),
        ("0.00000002", "$0.00000002"),
        ("-0.05", "-$0.05"),
    ],
)
def test_amounts_are_written_as_a_reader_expects_them(amount, text):
    assert str(Money.from_usd(amount)) == text
