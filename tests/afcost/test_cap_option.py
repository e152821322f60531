"""`--cap`: a whole cap, or what is added to the one of now; nothing that may be read as both."""

from __future__ import annotations

import click
import pytest

from afcost.options import AddedDollars, CapDollars
from pricing.money import Money

FIVE = Money.from_usd("5")


@pytest.mark.parametrize("text", ["5", "$5", " 5.00 ", "5e0"])
def test_an_amount_is_the_whole_cap(text):
    assert CapDollars().convert(text, None, None) == FIVE


@pytest.mark.parametrize("text", ["+5", "+$5", " + 5.00"])
def test_a_plus_adds_to_the_cap_of_now(text):
    assert CapDollars().convert(text, None, None) == AddedDollars(FIVE)


@pytest.mark.parametrize("text", ["$+5", "$ +5", "++5", "+$+5", "+-5", "+0", "+", "5+", "+nan"])
def test_nothing_else_is_guessed(text):
    with pytest.raises(click.BadParameter):
        CapDollars().convert(text, None, None)


def test_a_sum_that_no_ledger_can_count_is_refused_before_anything_is_approved():
    assert AddedDollars(FIVE).add_to(FIVE) == Money.from_usd("10")
    with pytest.raises(click.UsageError, match="too large"):
        AddedDollars(Money.from_usd("3999999")).add_to(FIVE)
