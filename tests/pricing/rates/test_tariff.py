"""Prices over time: what counts at a moment, and what a reservation must hold until the end."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.catalog.model_names import ModelName
from pricing.errors import Unpriced
from pricing.price_book import PriceBook
from pricing.rates.rate_card import TOKEN_CLASSES, Rate, RateCard
from pricing.rates.tariff import Hours, Period, Tariff

DAY = date(2026, 11, 21)  # a Saturday
MONDAY = date(2026, 11, 23)
FIRST = date(2026, 12, 1)
WEEKDAYS = frozenset(range(5))


def card(entry: str = "1", output: str = "2", **rates: Rate) -> RateCard:
    return RateCard("lab", "m", Rate(Decimal(entry)), Rate(Decimal(output)), **rates)


def utc(day: date, hour: int = 0, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


def price(tariff: Tariff, moment: datetime) -> str:
    return f"{tariff.card_at(moment).input.base.normalize():f}"


def offer(provider: str, model: str, day: date = DAY):
    return PriceBook(day).offer_for(ModelName(f"{provider}/{model}", provider, model))


CARDS = st.builds(
    card,
    st.integers(1, 9).map(str),
    st.integers(1, 9).map(str),
    cache_read=st.none() | st.integers(0, 9).map(lambda p: Rate(Decimal(p))),
)
CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
HOURS = st.builds(Hours, CLOCKS, CLOCKS, st.frozensets(st.integers(0, 6), min_size=1))
STARTS = st.integers(-20, 20).map(lambda days: DAY + timedelta(days=days))
PERIODS = st.builds(Period, CARDS, st.none() | STARTS, st.none() | HOURS)
TARIFFS = st.builds(
    lambda first, later: Tariff((Period(first), *later)), CARDS, st.lists(PERIODS, max_size=4)
)
SECONDS = st.integers(0, 40 * 86_400)
MOMENTS = SECONDS.map(lambda seconds: utc(DAY - timedelta(days=20)) + timedelta(seconds=seconds))


def bills_at_least(dear: RateCard, other: RateCard) -> bool:
    return all(
        dear.rate_of_class(name).base >= other.rate_of_class(name).base for name in TOKEN_CLASSES
    )


def test_of_the_prices_that_hold_the_last_one_counts():
    tariff = Tariff((Period(card("1")), Period(card("2"), DAY), Period(card("3"), FIRST)))
    days = (DAY - timedelta(days=1), DAY, FIRST - timedelta(days=1), FIRST)
    assert [price(tariff, utc(day)) for day in days] == ["1", "2", "2", "3"]
    late = Tariff((Period(card("1")), Period(card("3"), FIRST), Period(card("2"), DAY)))
    assert price(late, utc(FIRST)) == "2"


@given(TARIFFS, MOMENTS)
def test_the_price_of_a_moment_is_the_last_that_holds(tariff, moment):
    holding = [period.card for period in tariff.periods if period.applies_at(moment)]
    assert tariff.card_at(moment) == holding[-1]


def test_a_price_begins_at_midnight_utc_wherever_the_clock_stands():
    tariff = Tariff((Period(card("2")), Period(card("4"), FIRST)))
    tokyo, california = timezone(timedelta(hours=9)), timezone(timedelta(hours=-8))
    assert price(tariff, datetime(2026, 11, 30, 23, 59, 59, 999_999, UTC)) == "2"
    assert price(tariff, utc(FIRST)) == "4"
    assert price(tariff, datetime(2026, 12, 1, 8, 59, tzinfo=tokyo)) == "2"
    assert price(tariff, datetime(2026, 12, 1, 9, tzinfo=tokyo)) == "4"
    assert price(tariff, datetime(2026, 11, 30, 15, 59, tzinfo=california)) == "2"
    assert price(tariff, datetime(2026, 11, 30, 16, tzinfo=california)) == "4"


def test_before_its_first_price_a_model_is_unpriced_and_not_free():
    with pytest.raises(Unpriced, match="lab/m has no price yet on 2026-11-30"):
        Tariff((Period(card(), FIRST),)).card_at(utc(date(2026, 11, 30)))


@pytest.mark.parametrize(
    ("day", "hour", "minute", "entry"),
    [
        (MONDAY, 0, 59, "1"),
        (MONDAY, 1, 0, "5"),
        (MONDAY, 3, 59, "5"),
        (MONDAY, 4, 0, "1"),
        (MONDAY - timedelta(days=1), 2, 0, "1"),
        (MONDAY + timedelta(days=4), 2, 0, "5"),
        (MONDAY + timedelta(days=5), 2, 0, "1"),
    ],
)
def test_hours_have_their_own_price_on_their_weekdays_and_end_before_their_end(
    day, hour, minute, entry
):
    hours = Hours(time(1), time(4), WEEKDAYS)
    tariff = Tariff((Period(card("1")), Period(card("5"), hours=hours)))
    assert price(tariff, utc(day, hour, minute)) == entry


@pytest.mark.parametrize(
    ("days", "hour", "entry"),
    [(4, 21, "1"), (4, 22, "5"), (5, 0, "5"), (5, 5, "5"), (5, 6, "1"), (5, 22, "1"), (4, 1, "1")],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_began(days, hour, entry):
    friday = frozenset({4})
    tariff = Tariff((Period(card("1")), Period(card("5"), hours=Hours(time(22), time(6), friday))))
    assert price(tariff, utc(MONDAY + timedelta(days=days), hour)) == entry


def test_hours_over_midnight_of_sunday_reach_into_monday():
    sunday = Hours(time(22), time(6), frozenset({6}))
    assert sunday.contains(utc(MONDAY, 5))
    assert not sunday.contains(utc(MONDAY, 23))


@settings(max_examples=300)
@given(TARIFFS, MOMENTS, st.integers(0, 15 * 86_400), st.lists(st.floats(0, 1), max_size=8))
def test_the_dearest_card_bills_at_least_what_any_moment_between_does(
    tariff, start, length, shares
):
    end = start + timedelta(seconds=length)
    dear, open_end = tariff.highest_between(start, end), tariff.highest_between(start, None)
    for share in (0, *shares, 1):
        at = tariff.card_at(start + timedelta(seconds=int(length * share)))
        assert bills_at_least(dear, at)
        assert bills_at_least(open_end, at)


@settings(max_examples=100)
@given(TARIFFS, MOMENTS, st.integers(0, 9 * 86_400))
def test_the_dearest_card_bills_no_more_than_some_moment_between_does(tariff, start, length):
    end = start + timedelta(seconds=length)
    clock, seen = start, [tariff.card_at(start), tariff.card_at(end)]
    while clock <= end:
        seen.append(tariff.card_at(clock))
        clock = clock.replace(minute=0, second=0) + timedelta(hours=1)
        seen += [tariff.card_at(m) for q in (15, 30, 59) if (m := clock.replace(minute=q)) <= end]
    seen += [
        tariff.card_at(m)
        for q in (15, 30, 59)
        if start <= (m := start.replace(minute=q, second=0)) <= end
    ]
    dear = tariff.highest_between(start, end)
    for name in ("input", "output"):
        assert dear.rate_of_class(name).base in {each.rate_of_class(name).base for each in seen}


@given(CARDS, MOMENTS, st.none() | MOMENTS)
def test_a_price_that_never_changes_is_its_own_dearest(flat, start, end):
    tariff = Tariff.flat_rate(flat)
    assert (
        tariff.highest_between(start, end) == tariff.card_at(start) == tariff.typical(DAY) == flat
    )


def test_a_dearer_price_of_later_counts_only_if_the_last_request_may_be_later():
    tariff = Tariff((Period(card("2")), Period(card("4"), FIRST)))
    before = utc(FIRST) - timedelta(seconds=1)
    ends = (before, utc(FIRST), None)
    dear = [tariff.highest_between(utc(DAY), end).input.base for end in ends]
    assert dear == [2, 4, 4]


def test_a_cheaper_price_of_later_never_lowers_a_reservation():
    tariff = Tariff((Period(card("4")), Period(card("2"), FIRST)))
    assert tariff.highest_between(utc(DAY), None).input.base == 4
    assert tariff.highest_between(utc(FIRST), None).input.base == 2


def test_the_dearest_of_two_prices_holds_the_worst_of_each_class():
    tariff = Tariff((Period(card("1", "9")), Period(card("5", "3"), FIRST)))
    dear = tariff.highest_between(utc(DAY), None)
    assert (dear.input.base, dear.output.base) == (5, 9)


def test_a_tariff_rises_where_it_first_bills_more_and_nowhere_if_it_never_does():
    old = Tariff.flat_rate(card("2"))
    new = Tariff(
        (Period(card("2")), Period(card("4"), FIRST), Period(card("6"), FIRST + timedelta(9)))
    )
    was, now, moment = new.first_increase(old, utc(DAY), None)
    assert (was.input.base, now.input.base, moment) == (2, 4, utc(FIRST))
    assert new.first_increase(old, utc(DAY), utc(FIRST) - timedelta(seconds=1)) is None
    assert old.first_increase(new, utc(DAY), None) is None
    assert new.first_increase(new, utc(DAY), None) is None


def test_a_rise_at_some_hours_only_is_found():
    old = Tariff.flat_rate(card("2"))
    new = Tariff((Period(card("2")), Period(card("3"), hours=Hours(time(1), time(4), WEEKDAYS))))
    assert new.first_increase(old, utc(DAY), None)[2] == utc(MONDAY, 1)
    assert new.first_increase(old, utc(DAY), utc(MONDAY, 0, 59)) is None


@given(TARIFFS, TARIFFS, MOMENTS, st.integers(0, 9 * 86_400), st.floats(0, 1))
def test_where_a_tariff_does_not_rise_no_moment_bills_more(new, old, start, length, share):
    end = start + timedelta(seconds=length)
    risen = new.first_increase(old, start, end)
    moment = start + timedelta(seconds=int(length * share))
    if risen is None:
        assert not new.card_at(moment).classes_above(old.card_at(moment))
    else:
        was, now, when = risen
        assert start <= when <= end
        assert now.classes_above(was)
        assert (old.card_at(when), new.card_at(when)) == (was, now)


def test_the_days_of_new_prices_are_told_in_order_and_only_those_to_come():
    hours = Hours(time(1), time(4))
    later = FIRST + timedelta(days=31)
    tariff = Tariff(
        (Period(card()), Period(card(), later), Period(card(), FIRST), Period(card(), FIRST, hours))
    )
    assert tariff.change_days(DAY) == [FIRST, later]
    assert tariff.change_days(FIRST) == [later]
    assert tariff.change_days(later) == []


@given(TARIFFS)
def test_a_pinned_tariff_is_read_back_unchanged(tariff):
    assert Tariff.from_json(json.loads(json.dumps(tariff.to_json()))) == tariff


def test_gemini_4_argon_doubles_on_the_first_of_december():
    tariff = offer("google", "gemini-4-argon").tariff
    before, after = tariff.card_at(utc(FIRST) - timedelta(seconds=1)), tariff.card_at(utc(FIRST))
    assert after.has_same_price(before.scaled(Decimal(2)))
    assert tariff.change_days(DAY) == [FIRST]
    assert offer("google", "gemini-4-argon").highest_on(DAY).has_same_price(before)
    assert tariff.highest_between(utc(DAY), None).has_same_price(after)
    assert tariff.typical(DAY).has_same_price(before)
    assert tariff.typical(FIRST).has_same_price(after)


def test_deepseek_flash_costs_double_at_peak_hours_of_working_days_only():
    tariff = offer("deepseek", "deepseek-flash").tariff
    cheap, dear = tariff.card_at(utc(DAY, 2)), tariff.card_at(utc(MONDAY, 2))
    assert dear.has_same_price(cheap.scaled(Decimal(2)))
    for days in range(7):
        for hour in range(24):
            peak = days < 5 and (1 <= hour < 4 or 6 <= hour < 10)
            at = tariff.card_at(utc(MONDAY + timedelta(days=days), hour, 30))
            assert at.has_same_price(dear if peak else cheap)


def test_a_run_of_deepseek_flash_is_reserved_at_peak_hours_unless_it_ends_before_them():
    tariff = offer("deepseek", "deepseek-flash").tariff
    cheap, dear = tariff.card_at(utc(DAY, 2)), tariff.card_at(utc(MONDAY, 2))
    assert tariff.highest_between(utc(DAY), utc(MONDAY, 0, 59)).has_same_price(cheap)
    assert tariff.highest_between(utc(DAY), utc(MONDAY, 1)).has_same_price(dear)
    assert tariff.highest_between(utc(MONDAY, 4), utc(MONDAY, 5, 59)).has_same_price(cheap)
    assert tariff.highest_between(utc(MONDAY, 10), utc(MONDAY, 23)).has_same_price(cheap)
    assert tariff.highest_between(utc(DAY), None).has_same_price(dear)
    assert offer("deepseek", "deepseek-flash").highest_on(DAY).has_same_price(cheap)  # a Saturday
    assert tariff.typical(DAY).has_same_price(dear)
