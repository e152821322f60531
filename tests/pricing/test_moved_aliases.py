"""A `-latest` name may mean a newer model than the one whose price is listed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pricing.catalog.model_names import ModelName
from pricing.price_book import PriceBook
from pricing.rates.rate_card import Rate, RateCard
from pricing.rates.tariff import Tariff
from pricing.sources.table import PriceTable, make_row
from pricing.sources.user_prices import UserPrice

DAY = date(2026, 11, 26)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def priced(model_id: str, dollars: str) -> Tariff:
    rate = Rate(Decimal(dollars))
    return Tariff.flat_rate(RateCard("mistral", model_id, rate, rate, checked=DAY, source="list"))


def offer_of(asked: str, listed: dict[str, str], user: dict[str, UserPrice] | None = None):
    rows = {model_id: make_row(priced(model_id, price)) for model_id, price in listed.items()}
    book = PriceBook(DAY, user)
    book.sources = [PriceTable("list", DAY, {"mistral": rows})]
    return book.offer_for(ModelName(f"mistral/{asked}", "mistral", asked))


@pytest.mark.parametrize(
    ("members", "reserved"),
    [
        ({"quick-3": "1", "quick-4": "2"}, "2"),
        ({"quick-3": "5", "quick-4": "2"}, "2"),  # an older member says nothing
        ({"quick-9": "2", "quick-10": "3"}, "3"),
        ({"quick-3-5": "2", "quick-3": "3"}, "2"),
        ({"quick-2411": "3", "quick-2512": "2"}, "2"),
        ({"quick-20250101": "3", "quick-2512": "2"}, "2"),
        ({"quick-4": "0.5"}, "1"),  # cheaper
        ({"quick-mini-4": "9", "quicker-4": "9", "quick": "9"}, "1"),  # other families
    ],
)
def test_the_newest_member_of_a_family_is_reserved_where_it_costs_more(members, reserved):
    offer = offer_of("quick-latest", {"quick-latest": "1", **members})
    assert offer.highest_on(DAY).input.base == 1
    assert offer.reservation_card(NOW, None).input.base == Decimal(reserved)
    assert bool(offer.assumptions) == (reserved != "1")


def test_it_is_said_which_newer_model_a_name_may_mean():
    (said,) = offer_of("quick-latest", {"quick-latest": "1", "quick-4": "2"}).assumptions
    assert said == (
        "price of mistral/quick-latest: $1 in / $1 out; it may mean quick-4 by now, at "
        "$2 in / $2 out, which reservations use"
    )


def test_a_name_without_latest_means_what_it_says():
    offer = offer_of("quick-3", {"quick-3": "1", "quick-4": "2"})
    assert (offer.reservation_card(NOW, None).input.base, offer.assumptions) == (1, ())


def test_a_price_of_the_users_own_is_used_alone():
    rate = Rate(Decimal(1))
    own = {"mistral/quick-latest": UserPrice(RateCard("mistral", "quick-latest", rate, rate))}
    offer = offer_of("quick-latest", {"quick-latest": "1", "quick-4": "2"}, own)
    assert (offer.reservation_card(NOW, None).input.base, offer.assumptions) == (1, ())


def test_mistral_large_latest_is_reserved_as_mistral_large_4():
    book = PriceBook(DAY)
    name = "mistral-large-latest"
    offer = book.offer_for(ModelName(f"mistral/{name}", "mistral", name))
    newest = book.offer_for(ModelName("mistral/mistral-large-4", "mistral", "mistral-large-4"))
    reserved = offer.reservation_card(NOW, None)
    assert not newest.reservation_card(NOW, None).classes_above(reserved)
