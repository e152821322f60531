"""A fetched price list is taken whole and believable, or not at all: then nothing has changed."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pricing.catalog.model_names import ModelName
from pricing.errors import CannotUpdate
from pricing.price_book import PriceBook
from pricing.rates.rate_card import Rate
from pricing.refresh.update import update_feed
from pricing.sources import fetched_lists as refreshed
from pricing.usage import Usage
from tests.pricing.arbitrary_json import encoded
from tests.pricing.price_lists import (
    DAY,
    FEEDS,
    GOOD,
    LATER,
    changed,
    contents,
    deepinfra_list,
    openrouter_list,
    priced,
    take,
)
from tests.pricing.refresh.list_server import fetch


@pytest.mark.parametrize("name", GOOD)
def test_a_list_that_a_server_gives_is_taken_and_priced_by(name, site, tmp_path):
    site.body = encoded(GOOD[name])
    fetch(site, tmp_path, name)
    [table] = refreshed.read_price_lists(tmp_path)
    assert (table.name, table.checked) == (name, DAY)
    assert len(table.model_ids(name)) == len(
        GOOD[name]["data"] if name == "openrouter" else GOOD[name]
    )
    book = PriceBook(DAY, fetched_lists=[table])
    card = book.standard_card(ModelName("…", name, "lab/m3"))
    assert card.cost(Usage(1_000_000, 0)).to_decimal_string() == {"openrouter": "1.00"}.get(
        name, "0.40"
    )
    assert card.checked == DAY
    assert site.asked == ["/list"]


def test_a_list_of_genai_prices_is_taken_and_prices_as_the_package_does(genai, tmp_path):
    table = take("genai-prices", encoded(genai), tmp_path, LATER)
    old, new = PriceBook(LATER), PriceBook(LATER, fetched_lists=[table])
    names = [ModelName(each, *each.split("/", 1)) for each in
             ("openai/gpt-5.5", "anthropic/claude-haiku-5-5", "x-ai/grok-4.5")]  # fmt: skip
    for name in names:
        card = new.standard_card(name)
        assert card.has_same_price(old.standard_card(name))
        assert f"fetched {LATER}" in card.source


def test_a_fetched_price_of_today_beats_what_two_older_tables_agree_on(tmp_path):
    dear = replace_price("openai/gpt-5.5", "0.000007")
    table = take("openrouter", encoded(dear), tmp_path)
    name = ModelName("…", "openrouter", "openai/gpt-5.5")
    offer = PriceBook(DAY, fetched_lists=[table]).offer_for(name)
    assert offer.highest_on(DAY).input == Rate(Decimal("7.000000"))
    assert offer.alternatives


def replace_price(model_id: str, prompt: str) -> dict[str, Any]:
    payload = openrouter_list()
    payload["data"][0] |= {"id": model_id, "pricing": {"prompt": prompt, "completion": "0.00003"}}
    return payload


def test_the_list_before_is_kept_and_only_the_one(folder):
    for number, entry in enumerate(("0.0000011", "0.0000012", "0.0000013")):
        before = refreshed.price_list_path(folder, "openrouter").read_bytes()
        take("openrouter", encoded(openrouter_list(prompt=entry)), folder)
        kept = refreshed.previous_path(folder, "openrouter")
        assert kept.read_bytes() == before, number
    assert sorted(contents(folder)) == [
        "deepinfra.json", "openrouter.before.json", "openrouter.json"
    ]  # fmt: skip


def test_what_changed_is_told_with_both_prices(tmp_path):
    def taken(prompt: str) -> Any:
        path = tmp_path / "list"
        path.write_bytes(changed("openrouter", priced(prompt=prompt)))
        return update_feed(replace(FEEDS["openrouter"], url=str(path)), tmp_path / "lists", DAY)

    taken("0.000001")
    assert taken("0.000001").changes == ()
    [(name, was, now)] = taken("0.0000015").changes
    assert (name, was.input.base, now.input.base) == ("openrouter/lab/m0", 1, Decimal("1.5"))


def test_a_damaged_list_from_before_is_replaced_by_a_good_one_and_kept_by_a_bad_one(folder):
    path = refreshed.price_list_path(folder, "openrouter")
    path.write_text("damaged", encoding="utf-8")
    with pytest.raises(CannotUpdate):
        take("openrouter", b"[]", folder)
    take("openrouter", encoded(GOOD["openrouter"]), folder)


def test_a_router_and_a_free_model_have_no_price_instead_of_a_negative_one_or_none(tmp_path):
    for entry in ("-1", "0", "-0.0"):
        table = take("openrouter", changed("openrouter", priced(prompt=entry)), tmp_path)
        assert "lab/m0" not in table.model_ids("openrouter")


def test_a_promotion_ends_on_its_last_day_and_the_list_price_holds_from_then(tmp_path):
    ends = priced(discount=0.5, discount_ends_at="2026-12-01T12:00:00Z")
    table = take("deepinfra", changed("deepinfra", ends), tmp_path)
    prices = [
        table.find_tariff("deepinfra", "lab/m0")
        .card_at(datetime(2026, *day, tzinfo=UTC))
        .input.base
        for day in ((11, 30), (12, 1))
    ]
    assert prices == [Decimal("0.2"), Decimal("0.4")]


def test_a_promotion_that_ends_by_a_clock_elsewhere_ends_at_that_moment_here(tmp_path):
    ends = priced(discount=0.5, discount_ends_at="2026-12-02T05:00:00+10:00")  # 19:00 UTC before
    table = take("deepinfra", changed("deepinfra", ends), tmp_path)
    after = datetime(2026, 12, 1, 20, tzinfo=UTC)
    assert table.find_tariff("deepinfra", "lab/m0").card_at(after).input.base == Decimal("0.4")


# -- lists that lost or moved too much -------------------------------------------------------------


def test_a_first_list_with_too_few_models_is_refused(tmp_path):
    for name, payload in (("openrouter", openrouter_list(49)), ("deepinfra", deepinfra_list(19))):
        with pytest.raises(CannotUpdate, match="only"):
            take(name, encoded(payload), tmp_path)
    take("openrouter", encoded(openrouter_list(50)), tmp_path)
    take("deepinfra", encoded(deepinfra_list(20)), tmp_path)


def test_a_list_that_lost_more_than_half_of_its_models_is_refused(tmp_path):
    take("openrouter", encoded(openrouter_list(200)), tmp_path)
    with pytest.raises(CannotUpdate, match="only 99 models, previously 200"):
        take("openrouter", encoded(openrouter_list(99)), tmp_path)
    take("openrouter", encoded(openrouter_list(100)), tmp_path)


@pytest.mark.parametrize("times", ["3.01", "0.33"])
@pytest.mark.parametrize("key", ["prompt", "completion"])
def test_more_than_one_in_twenty_prices_moved_more_than_three_times_is_refused(key, times, folder):
    was = Decimal(GOOD["openrouter"]["data"][0]["pricing"][key])
    moved = priced(**{key: f"{was * Decimal(times):f}"})
    with pytest.raises(CannotUpdate, match="4 of 60 prices moved more than 3 x"):
        take("openrouter", changed("openrouter", moved, slice(4)), folder)
    take("openrouter", changed("openrouter", moved, slice(3)), folder)


def test_any_number_of_prices_may_move_by_three_times(folder):
    take("openrouter", encoded(openrouter_list(prompt="0.000003")), folder)


@pytest.mark.parametrize("prompt", ["1", "0.000000000001"])
def test_a_list_in_other_units_is_refused(prompt, folder):
    with pytest.raises(CannotUpdate):
        take("openrouter", encoded(openrouter_list(prompt=prompt)), folder)


def test_a_list_in_other_units_is_refused_by_what_was_known_before_any_was_fetched(tmp_path):
    """A thousand times too cheap: every price is possible, and none is what the book knows."""
    book = PriceBook(DAY)
    payload = openrouter_list()
    sold = (each for each in book.model_ids("openrouter") if book.known_tariff("openrouter", each))
    known = list(itertools.islice(sold, 60))
    for model, model_id in zip(payload["data"], known, strict=True):
        card = book.known_tariff("openrouter", model_id).typical(DAY)
        price = {"prompt": card.input.base, "completion": card.output.base}
        model["pricing"] = {key: f"{each / 10**9:f}" for key, each in price.items()}
        model["id"] = model_id
    (tmp_path / "list").write_bytes(encoded(payload))
    feed = replace(FEEDS["openrouter"], url=str(tmp_path / "list"))
    with pytest.raises(CannotUpdate):
        update_feed(feed, tmp_path / "lists", DAY, book.known_tariff)
