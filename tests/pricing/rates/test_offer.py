"""What is reserved holds every source's price at every hour, unless the user named one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
)
from hypothesis import given
from hypothesis import strategies as st

from pricing.catalog.model_names import ModelName
from pricing.errors import Disputed, NoPrice, UnknownTier, Unpriced
from pricing.price_book import PriceBook
from pricing.rates.offer import Offer, extract_price_options, price_ratio
from pricing.rates.rate_card import TOKEN_CLASSES, Rate, RateCard
from pricing.rates.tariff import Hours, Period, Tariff
from pricing.sources.base import PriceSource
from pricing.sources.genai import GenaiSource, load_bundled
from pricing.sources.table import PriceTable, make_row
from pricing.sources.user_prices import PRICE_FILE, UserPrice, read_price_flags, read_user_prices

DAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FLEX, BATCH = (("service_tier", "flex"),), (("processing", "batch"),)
PRICES = st.integers(1, 10**6).map(lambda micro: Decimal(micro) / 1000)


def card(entry: str | Decimal = "1", output: str | Decimal = "2", **more) -> RateCard:
    return RateCard("my-lab", "m", Rate(Decimal(entry)), Rate(Decimal(output)), **more)


def table(name: str, entry: str, checked: date = DAY, output: str = "2") -> PriceTable:
    priced = card(entry, output, checked=checked, source=f"{name} 1.0")
    return PriceTable(name, checked, {"my-lab": {"m": make_row(Tariff.flat_rate(priced))}})


def genai(first: str, changed: str, since: date) -> GenaiSource:
    """Return the package's data with one model whose price changed on a day."""
    old, new = (
        ModelPrice(input_mtok=Decimal(entry), output_mtok=Decimal(2)) for entry in (first, changed)
    )
    prices = [
        ConditionalPrice(prices=old),
        ConditionalPrice(prices=new, constraint=StartDateConstraint(since)),
    ]
    model = ModelInfo("m", match=ClauseEquals("m"), prices=prices)
    return GenaiSource(
        [Provider("my-lab", "My Lab", "https://my-lab", models=[model])], "genai", DAY
    )


MY_LAB = ModelName("my-lab/m", "my-lab", "m")


def offered(
    sources: Sequence[PriceSource], user: dict[str, UserPrice] | None = None, day: date = DAY
) -> Offer:
    book = PriceBook(day, user)
    book.sources = list(sources)
    return book.offer_for(MY_LAB)


def real(provider: str, model: str, asked=(), base_url: str = "", user=None) -> Offer:
    name = ModelName(f"{provider}/{model}", provider, model)
    return PriceBook(DAY, user).offer_for(name, asked, base_url)


@pytest.fixture
def prices(tmp_path):
    def read(text: str) -> dict[str, UserPrice]:
        (tmp_path / PRICE_FILE).write_text(f"prices: {text}", encoding="utf-8")
        return read_user_prices([tmp_path])

    return read


CARDS = st.builds(
    card,
    PRICES,
    PRICES,
    cache_read=st.none() | PRICES.map(Rate),
    cache_write=st.none() | PRICES.map(Rate),
    per_request=PRICES,
    writes_unasked=st.booleans(),
)
HOURS = st.builds(Hours, st.times().map(lambda t: t.replace(second=0, microsecond=0)),
                  st.times().map(lambda t: t.replace(second=0, microsecond=0)))  # fmt: skip
LATER = st.builds(Period, CARDS, st.none() | st.dates(DAY, DAY + timedelta(20)), st.none() | HOURS)
TARIFFS = st.builds(
    lambda first, later: Tariff((Period(first), *later)), CARDS, st.lists(LATER, max_size=2)
)
OFFERS = st.builds(
    Offer,
    TARIFFS,
    alternatives=st.lists(CARDS, max_size=3).map(tuple),
    user_chosen=st.booleans(),
    standard=st.none() | TARIFFS,
)
DELAYS = st.integers(0, 25 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


def bills_at_least(dear: RateCard, other: RateCard) -> bool:
    rates = all(
        dear.rate_of_class(name).base >= other.rate_of_class(name).base for name in TOKEN_CLASSES
    )
    return rates and dear.per_request >= other.per_request


@given(OFFERS, DELAYS)
def test_a_reservation_holds_every_hour_and_every_source_that_counts(offer, delay):
    reserved = offer.reservation_card(NOW, None)
    assert bills_at_least(reserved, offer.card_at(NOW + delay))
    assert reserved.worst_case_cost(10_000, 500) >= offer.card_at(NOW + delay).worst_case_cost(
        10_000, 500
    )
    if offer.standard:
        assert bills_at_least(reserved, offer.standard.card_at(NOW + delay))
    if not offer.user_chosen:
        assert all(bills_at_least(reserved, other) for other in offer.alternatives)
        ceilings = [other.worst_case_cost(10_000, 500) for other in offer.alternatives]
        assert all(reserved.worst_case_cost(10_000, 500) >= ceiling for ceiling in ceilings)


@given(OFFERS, DELAYS, st.floats(0, 1))
def test_a_reservation_until_a_moment_holds_every_hour_until_then(offer, delay, share):
    reserved = offer.reservation_card(NOW, NOW + delay)
    assert bills_at_least(reserved, offer.card_at(NOW + share * delay))
    assert bills_at_least(offer.reservation_card(NOW, None), reserved)


@given(OFFERS)
def test_a_price_that_the_user_named_is_reserved_alone(offer):
    alone = replace(offer, alternatives=(), user_chosen=False)
    assert replace(offer, user_chosen=True).reservation_card(NOW, None) == alone.reservation_card(
        NOW, None
    )
    assert replace(offer, user_chosen=True).disputing_cards(DAY) == []


@pytest.mark.parametrize(("options", "reserved"), [((), "1"), (FLEX, "1"), (BATCH, "3")])
def test_a_batch_is_reserved_at_a_price_that_starts_before_it_ends(options, reserved) -> None:
    rises = Tariff((Period(card("1")), Period(card("3"), start=DAY + timedelta(days=2))))
    offer = Offer(rises, options=options)
    end = NOW + timedelta(hours=1)
    assert offer.reservation_card(NOW, end).input.base == Decimal(reserved)
    later = Tariff((Period(card("1")), Period(card("3"), start=DAY + timedelta(days=6))))
    assert Offer(later, options=options).reservation_card(NOW, end).input.base == 1


@given(OFFERS)
def test_a_pinned_offer_is_read_back_unchanged(offer):
    assert Offer.from_json(json.loads(json.dumps(offer.to_json()))) == offer


def test_the_dearest_source_is_reserved_and_the_best_one_is_forecast():
    offer = offered([table("a", "1"), table("b", "1.5"), table("c", "1.2")])
    assert offer.highest_on(DAY).input.base == 1
    assert offer.reservation_card(NOW, None).input.base == Decimal("1.5")
    assert [other.source for other in offer.alternatives] == ["b 1.0", "c 1.0"]
    assert offer.disagreement_ratio(DAY) == Decimal("1.5")


@pytest.mark.parametrize(
    ("entry", "output", "ratio"),
    [("3", "2", "3"), ("3.1", "2", "3.1"), ("1", "0.5", "4"), ("1", "8", "4"), ("1", "2", "1")],
)
def test_sources_more_than_three_times_apart_are_disputed(entry, output, ratio):
    offer = Offer(Tariff.flat_rate(card()), (card(entry, output),))
    assert (
        offer.disagreement_ratio(DAY) == price_ratio(card(), card(entry, output)) == Decimal(ratio)
    )
    assert bool(offer.disputing_cards(DAY)) == (Decimal(ratio) > 3)


def test_a_price_that_nobody_else_knows_is_neither_doubted_nor_confirmed():
    offer = offered([table("a", "1")])
    assert (offer.disagreement_ratio(DAY), offer.disputing_cards(DAY)) == (None, [])


def test_one_price_at_night_and_another_by_day_are_compared_at_the_dearest_hour():
    night = Period(card("1"), hours=Hours(time(22), time(6)))
    offer = Offer(Tariff((Period(card("4")), night)), (card("4"),))
    assert offer.disagreement_ratio(DAY) == 1


# -- which source is believed ----------------------------------------------------------------------


def test_two_sources_that_agree_overrule_the_first_and_it_is_said():
    offer = offered([table("a", "1"), table("b", "2"), table("c", "2")])
    assert offer.highest_on(DAY).input.base == 2
    said = "b and c agree on $2 in / $2 out, which is used; a alone says $1 in / $2 out"
    assert offer.assumptions == (f"price of my-lab/m: {said}",)
    assert {other.source for other in offer.alternatives} == {"a 1.0", "c 1.0"}


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (("1", "2", "3"), "no two others, read as recently, agree"),
        (("1", "2"), "no two others, read as recently, agree"),
        (("1", "1", "2"), "b agrees"),
        (("1", "2", "1"), "c agrees"),
    ],
)
def test_the_first_source_stands_unless_two_others_agree_against_it_and_it_is_said(entries, reason):
    offer = offered([table(name, entry) for name, entry in zip("abc", entries, strict=False)])
    assert offer.highest_on(DAY).input.base == 1
    (said,) = offer.assumptions
    assert f"$1 in / $2 out of a is used, as {reason}" in said
    assert " says $2 in / $2 out" in said


def test_sources_that_agree_need_no_word():
    assert offered([table("a", "1"), table("b", "1")]).assumptions == ()


def test_the_fees_of_two_sources_for_each_request_are_compared_where_both_have_one():
    fee, dearer, none = (
        replace(card(), per_request=Decimal(each)) for each in ("0.01", "0.04", "0")
    )
    assert price_ratio(fee, dearer) == 4
    assert price_ratio(fee, none) == 1


def test_two_sources_that_overrule_to_a_lower_price_still_leave_the_higher_reserved():
    offer = offered([table("a", "2"), table("b", "1"), table("c", "1")])
    assert offer.highest_on(DAY).input.base == 1
    assert offer.reservation_card(NOW, None).input.base == 2


@pytest.mark.parametrize(("read", "entry"), [(10, "2"), (9, "1")])
def test_two_sources_overrule_a_table_only_if_they_are_no_older_than_it(read, entry):
    others = [table(name, "2", date(2026, 11, read)) for name in "bc"]
    offer = offered([table("a", "1", date(2026, 11, 10)), *others])
    assert offer.highest_on(DAY).input.base == Decimal(entry)


def test_one_of_two_that_is_older_does_not_help_to_overrule():
    old = table("b", "2", date(2026, 11, 9))
    offer = offered([table("a", "1", date(2026, 11, 10)), old, table("c", "2")])
    assert offer.highest_on(DAY).input.base == 1


@pytest.mark.parametrize(("read", "entry"), [(1, "5"), (2, "5"), (3, "9"), (20, "9")])
def test_sources_from_before_a_dated_change_of_the_package_do_not_overrule_it(read, entry):
    others = [table(name, "9", date(2026, 11, read)) for name in "bc"]
    offer = offered([genai("1", "5", date(2026, 11, 3)), *others])
    assert offer.highest_on(DAY).input.base == Decimal(entry)


def test_a_change_of_the_package_that_is_still_to_come_protects_nothing():
    others = [table(name, "9", date(2026, 11, 10)) for name in "bc"]
    offer = offered([genai("1", "5", date(2026, 12, 1)), *others])
    assert offer.highest_on(DAY).input.base == 9


# -- what the user says ----------------------------------------------------------------------------


def test_a_price_of_the_users_own_decides_alone(prices):
    user = prices("{my-lab/m: {input: 0.5, output: 0.6}}")
    offer = offered([table("a", "100"), table("b", "100")], user)
    assert offer.reservation_card(NOW, None).input == Rate(Decimal("0.5"))
    assert offer.user_chosen
    assert offer.disputing_cards(DAY) == []


def test_a_source_that_the_user_names_decides_alone(prices):
    user = prices("{my-lab/m: {use: c}}")
    offer = offered([table("a", "9"), table("b", "9"), table("c", "2")], user)
    assert offer.reservation_card(NOW, None).input.base == offer.highest_on(DAY).input.base == 2
    assert {other.source for other in offer.alternatives} == {"a 1.0", "b 1.0"}


def test_a_source_without_a_price_for_the_model_is_refused_with_those_that_have_one(prices):
    with pytest.raises(Unpriced, match="'nobody' has no price for it; sources that do: a, b"):
        offered([table("a", "9"), table("b", "9")], prices("{my-lab/m: {use: nobody}}"))


def test_a_source_is_named_by_the_name_that_a_dispute_shows(prices):
    user = prices("{openai/gpt-5.5: {use: litellm}}")
    offer = real("openai", "gpt-5.5", user=user)
    assert offer.user_chosen
    assert offer.highest_on(DAY).source.startswith("litellm")


@pytest.mark.parametrize(
    ("flag", "entry"), [("openai/gpt-5.5=7/8", "7"), ("openai/gpt-5.5=litellm", "5")]
)
def test_a_price_or_a_source_on_the_command_line_decides_alone(flag, entry):
    offer = real("openai", "gpt-5.5", user=read_price_flags([flag]))
    assert offer.user_chosen
    assert offer.reservation_card(NOW, None).input.base == Decimal(entry)


def test_a_batch_price_of_the_users_own_is_billed_and_the_standard_one_still_reserved(prices):
    user = prices("{deepinfra/m: {input: 1, output: 2, batch: {input: 0.4, output: 0.8}}}")
    offer = real("deepinfra", "m", BATCH, user=user)
    assert (offer.highest_on(DAY).input.base, offer.highest_on(DAY).output.base) == (
        Decimal("0.4"),
        Decimal("0.8"),
    )
    assert offer.highest_on(DAY).source == PRICE_FILE
    assert offer.reservation_card(NOW, None).input.base >= Decimal("0.4")


def test_a_tier_that_the_user_did_not_price_is_not_the_standard_one(prices):
    user = prices("{deepinfra/m: {input: 1, output: 2, batch: {input: 0.4, output: 0.8}}}")
    with pytest.raises(UnknownTier, match="service_tier: flex"):
        real("deepinfra", "m", FLEX, user=user)
    with pytest.raises(UnknownTier):
        real("deepinfra", "m", (*BATCH, *FLEX), user=user)


# -- what a request asks for -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampling", "asked"),
    [
        ({}, ()),
        ({"temperature": 0, "max_tokens": 5}, ()),
        ({"service_tier": None}, ()),
        ({"service_tier": "flex"}, FLEX),
        ({"service_tier": "Flex", "top_p": 1}, (("service_tier", "Flex"),)),
        ({"processing": "batch"}, BATCH),
        ({"speed": "fast"}, (("speed", "fast"),)),
        ({"inference_geo": "us"}, (("inference_geo", "us"),)),
    ],
)
def test_what_moves_a_price_is_taken_from_a_request_as_it_is_written(sampling, asked):
    assert extract_price_options(sampling) == asked


def test_whatever_a_request_asks_for_its_order_moves_no_price():
    one = extract_price_options({"service_tier": "flex", "processing": "batch"})
    assert one == extract_price_options({"processing": "batch", "service_tier": "flex"})


def test_flex_at_openai_is_forecast_at_half_and_reserved_at_the_standard_price():
    flex, standard = real("openai", "gpt-5.5", FLEX), real("openai", "gpt-5.5")
    assert flex.highest_on(DAY).input.base == standard.highest_on(DAY).input.base / 2
    assert flex.options == FLEX
    assert bills_at_least(flex.reservation_card(NOW, None), standard.highest_on(DAY))


def test_a_priority_request_is_reserved_at_more_than_the_standard_price():
    dear = real("openai", "gpt-5.5", (("service_tier", "priority"),))
    assert dear.highest_on(DAY).input.base > real("openai", "gpt-5.5").highest_on(DAY).input.base
    assert bills_at_least(dear.reservation_card(NOW, None), dear.highest_on(DAY))


@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-4o"])
def test_an_address_in_europe_costs_a_tenth_more_and_it_is_said(model):
    europe = real("openai", model, base_url="https://eu.api.openai.com/v1")
    plain = real("openai", model, base_url="https://api.openai.com/v1")
    assert plain == real("openai", model)
    times = Decimal("1.1")
    assert europe.highest_on(DAY).has_same_price(plain.highest_on(DAY).scaled(times))
    assert [o.input.base for o in europe.alternatives] == [
        o.input.base * times for o in plain.alternatives
    ]
    assert (
        europe.reservation_card(NOW, None).input.base
        == plain.reservation_card(NOW, None).input.base * times
    )
    assert any("eu.api.openai.com: 1.1 x" in said for said in europe.assumptions)
    assert not plain.assumptions


@pytest.mark.parametrize(
    "address",
    [
        "https://EU.api.openai.com/v1",
        "https://us.api.openai.com",
        "https://eu.api.openai.com:443/v1/",
        "https://user:secret@eu.api.openai.com/v1",
        "https://eu.api.openai.com./v1",
    ],
)
def test_the_surcharge_of_an_address_holds_however_it_is_written(address):
    assert real("openai", "gpt-5.5", base_url=address).assumptions


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://eu.api.openai.com.evil.org",
        "https://evil.org/eu.api.openai.com",
        "http://[::1]",
    ],
)
def test_another_address_has_no_surcharge(address):
    assert real("openai", "gpt-5.5", base_url=address) == real("openai", "gpt-5.5")


def test_a_surcharge_is_on_what_is_asked_and_on_what_is_reserved_too():
    europe = real("openai", "gpt-5.5", FLEX, "https://eu.api.openai.com/v1")
    assert europe.highest_on(DAY).input.base == Decimal("2.5") * Decimal("1.1")
    assert europe.reservation_card(NOW, None).input.base == 5 * Decimal("1.1")


# -- all models on sale ----------------------------------------------------------------------------

BOOK = PriceBook(DAY)
SOLD = [(p, m) for p in ("anthropic", "google", "mistral", "openai") for m in BOOK.model_ids(p)]
TIERS = (BATCH, FLEX, (("service_tier", "priority"),), (("speed", "fast"),))


def held(sold: tuple[str, str], asked=(), told=()) -> list[tuple[str, list[str]]]:
    """Return the sources that say more than is reserved for what is asked, and in which classes."""
    name = ModelName("…", *sold)
    try:
        reserved = BOOK.offer_for(name, asked).reservation_card(NOW, None)
    except (Unpriced, UnknownTier):
        return []
    tariffs = ((source.name, source.find_tariff(*sold, told)) for source in BOOK.sources)
    cards = ((source, tariff.highest_between(NOW, None)) for source, tariff in tariffs if tariff)
    return [(source, more) for source, card in cards if (more := card.classes_above(reserved))]


def test_a_reservation_holds_what_every_source_says_of_any_model_on_sale():
    assert [(sold, more) for sold in SOLD if (more := held(sold))] == []


@pytest.mark.parametrize("asked", TIERS)
def test_a_reservation_holds_what_every_source_says_of_a_tier(asked):
    assert [(sold, more) for sold in SOLD if (more := held(sold, asked, asked))] == []


@pytest.mark.parametrize("asked", [t for t in TIERS if t[0][0] == "service_tier"])
def test_a_reservation_of_a_tier_holds_what_every_source_says_of_the_standard(asked):
    """A provider may serve a request as a standard one, and bill it so."""
    assert [(sold, more) for sold in SOLD if (more := held(sold, asked))] == []


def a_card(provider: str, model: str, entry: str, output: str) -> RateCard:
    rates = (Rate(Decimal(entry)), Rate(Decimal(output)))
    return RateCard(provider, model, *rates, checked=date(2026, 1, 1), source="a list")


def fetched_again(day: date = DAY) -> PriceTable:
    """Return the installed package's own data as a list that was fetched."""
    return PriceTable("genai-prices", day, load_bundled(DAY).to_rows())


@pytest.mark.parametrize("asked", [(), (("service_tier", "priority"),), (("processing", "batch"),)])
@pytest.mark.parametrize(
    "name",
    ["openai/gpt-4o-2024-08-06", "anthropic/claude-sonnet-4-5-20250929", "openai/gpt-5.5"],
)
def test_the_same_data_fetched_again_gives_the_same_prices(name, asked):
    plain, refreshed = PriceBook(DAY), PriceBook(DAY, fetched_lists=[fetched_again()])
    model = plain.resolve_name(name, ("openai", "anthropic"))
    try:
        expected = plain.offer_for(model, asked)
    except NoPrice:
        with pytest.raises(NoPrice):
            refreshed.offer_for(model, asked)
        return
    given = refreshed.offer_for(model, asked)
    assert given.highest_on(DAY).has_same_price(expected.highest_on(DAY))
    assert not expected.reservation_card(NOW, None).classes_above(given.reservation_card(NOW, None))


def test_a_list_that_is_older_than_the_installed_data_does_not_overrule_it():
    half = {
        "openai": {"gpt-5.5": make_row(Tariff.flat_rate(a_card("openai", "gpt-5.5", "2.5", "15")))}
    }
    old = PriceTable("genai-prices", date(2026, 1, 1), half)
    book = PriceBook(DAY, fetched_lists=[old])
    assert book.standard_card(book.resolve_name("gpt-5.5", ("openai",))).input.base == 5


def test_a_flag_comes_before_a_file_whatever_name_each_uses():
    file = {"gpt-5.5": UserPrice(a_card("openai", "gpt-5.5", "1", "1"))}
    flag = {"openai/gpt-5.5": UserPrice(a_card("openai", "gpt-5.5", "100", "100"))}
    book = PriceBook(DAY, file, flag_prices=flag)
    assert book.standard_card(book.resolve_name("gpt-5.5", ("openai",))).input.base == 100


def test_a_model_that_others_price_is_never_planned_as_free():
    book = PriceBook(DAY, {"gpt-5.5": UserPrice(a_card("openai", "gpt-5.5", "0", "0"))})
    with pytest.raises(
        Disputed, match=r"others have a price: .*Correct it in the price file, or remove it"
    ):
        book.offer_for(book.resolve_name("gpt-5.5", ("openai",)))


def test_the_prices_of_dearer_tiers_are_pinned_with_the_standard_one():
    book = PriceBook(DAY)
    offer = book.offer_for(book.resolve_name("gpt-5.5", ("openai",)))
    assert dict(offer.upgraded_tiers)["priority"].highest_on(DAY).input.base == Decimal("12.5")
    assert Offer.from_json(json.loads(json.dumps(offer.to_json()))) == offer


@pytest.mark.parametrize("odd", ["in", "s", "read", "window", "tiers", ""])
def test_an_odd_service_tier_has_no_price(odd):
    book = PriceBook(DAY)
    with pytest.raises(UnknownTier):
        book.offer_for(book.resolve_name("gpt-4o", ("openai",)), (("service_tier", odd),))


def test_a_model_that_a_fetched_list_lacks_keeps_its_installed_price():
    rows = load_bundled(DAY).to_rows()
    del rows["openai"]["gpt-5.5"]
    book = PriceBook(DAY, fetched_lists=[PriceTable("genai-prices", DAY, rows)])
    model = book.resolve_name("gpt-5.5", ("openai",))
    assert book.offer_for(model).highest_on(DAY).has_same_price(PriceBook(DAY).standard_card(model))
