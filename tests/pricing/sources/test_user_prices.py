"""The user's price file: read to the digit, and refused by name where it is not what it must be."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.errors import BadPriceFile
from pricing.money import Money
from pricing.rates.rate_card import Rate
from pricing.sources.user_prices import PRICE_FILE, UserPrice, read_price_flags, read_user_prices
from pricing.usage import Usage


def entry(fields: str) -> str:
    return f"prices:\n  my-lab/m: {{{fields}}}\n"


def test_a_price_is_read_to_the_digit_and_never_as_a_float(tmp_path):
    (tmp_path / PRICE_FILE).write_text(entry("input: 0.1, output: 0.30000000000000004"))
    card = read_user_prices([tmp_path])["my-lab/m"].card
    assert str(card.input.base) == "0.1"
    assert str(card.output.base) == "0.30000000000000004"
    assert card.cost(Usage(3, 0)) == Money.from_usd("0.0000003")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("prices")


@given(st.decimals(0, 10_000, places=12))
def test_any_price_is_read_as_it_is_written(folder, price):
    (folder / PRICE_FILE).write_text(entry(f"input: {price:f}, output: {price:f}"))
    assert read_user_prices([folder])["my-lab/m"].card.input.base == price


def test_every_field_of_an_entry_arrives(tmp_path):
    (tmp_path / PRICE_FILE).write_text(
        entry(
            "input: 0.40, output: 0.50, cache_read: 0.10, cache_write: 0.60, cache_write_1h: 0.80, "
            'per_request: 0.001, checked: 2026-11-20, source: "an invoice"'
        )
    )
    card = read_user_prices([tmp_path])["my-lab/m"].card
    assert (card.cache_read, card.cache_write) == (Rate(Decimal("0.10")), Rate(Decimal("0.60")))
    assert card.cache_write_1h == Rate(Decimal("0.80"))
    assert card.per_request == Decimal("0.001")
    assert (card.checked, card.source) == (date(2026, 11, 20), "an invoice")


def test_a_later_folder_replaces_the_prices_that_it_names_and_no_others(tmp_path):
    folders = [tmp_path / "experiment", tmp_path / "work"]
    texts = [
        "prices: {a/m: {input: 1, output: 1}, b/m: {input: 2, output: 2}}",
        "prices: {b/m: {input: 3, output: 3}}",
    ]
    for folder, text in zip(folders, texts, strict=True):
        folder.mkdir()
        (folder / PRICE_FILE).write_text(text)
    prices = read_user_prices(folders)
    assert {name: price.card.input.base for name, price in prices.items()} == {"a/m": 1, "b/m": 3}


def test_folders_without_a_price_file_give_no_prices(tmp_path):
    assert read_user_prices([tmp_path, tmp_path / "absent"]) == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prices: {", "cannot read"),
        (b"\xff\xfe", "cannot read"),
        ("\0", "cannot read"),
        ("--- {}\n--- {}", "cannot read"),
        ("prices: &a {m: *a}", "cannot read"),
        ("", "expected `prices:`"),
        ("- a", "expected `prices:`"),
        ("price: {}", "expected `prices:`"),
        ("prices: 3", "expected `prices:`"),
        ("prices: [1, 2]", "expected `prices:`"),
        ("prices: {my-lab/m: 3}", "prices.my-lab/m: expected at least input and output"),
        ("prices: {my-lab/m: }", "prices.my-lab/m: expected at least input and output"),
        (entry("input: 1"), "prices.my-lab/m: expected at least input and output"),
        (entry("output: 1"), "prices.my-lab/m: expected at least input and output"),
        (entry("input: 1, output: 1, cached: 1"), "prices.my-lab/m: unknown field cached"),
        (entry("input: 1,5, output: 1"), "prices.my-lab/m: unknown field 5"),
        (entry("input: -1, output: 1"), "prices.my-lab/m.input: '-1'"),
        (entry("input: 1, output: NaN"), "prices.my-lab/m.output: 'NaN'"),
        (entry("input: .nan, output: 1"), "prices.my-lab/m.input: '.nan'"),
        (entry("input: sNaN, output: 1"), "prices.my-lab/m.input: 'sNaN'"),
        (entry("input: Infinity, output: 1"), "prices.my-lab/m.input: 'Infinity'"),
        (entry("input: $1, output: 1"), "prices.my-lab/m.input: '$1'"),
        (entry("input: , output: 1"), "prices.my-lab/m.input: ''"),
        (entry("input: [1], output: 1"), "prices.my-lab/m.input: a list"),
        (entry("input: 1, output: 1, cache_read: x"), "prices.my-lab/m.cache_read: 'x'"),
        (entry("input: 1, output: 1, cache_write: "), "prices.my-lab/m.cache_write: ''"),
        (entry("input: 1, output: 1, per_request: -1"), "prices.my-lab/m.per_request: '-1'"),
        (entry("input: 1000001, output: 1"), "prices.my-lab/m.input: '1000001'"),
        (entry("use: litellm, input: 1"), "or use: SOURCE"),
        (entry("input: 1, output: 1, flex: {input: 1}"), "prices.my-lab/m.flex: expected"),
        (entry("input: 1, output: 1, above: {many: {input: 2}}"), "prices.my-lab/m.above.many"),
        (entry("input: 1, output: 1, above: {9: {inputs: 2}}"), "prices.my-lab/m.above.9"),
        (
            entry("input: 1, output: 1, above: {9: {input: x}}"),
            "prices.my-lab/m.above.9.input: 'x'",
        ),
        (entry("input: 1, output: 1, checked: soon"), "prices.my-lab/m.checked: 'soon'"),
        (entry("input: 1, output: 1, checked: 2026-02-30"), "checked: '2026-02-30'"),
    ],
)
def test_a_malformed_price_file_is_refused_by_name_and_place(content, said, tmp_path):
    path = tmp_path / PRICE_FILE
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadPriceFile) as error:
        read_user_prices([tmp_path])
    assert f"{path}: " in str(error.value)
    assert said in str(error.value)


def test_a_price_file_that_is_a_folder_is_refused_by_name(tmp_path):
    (tmp_path / PRICE_FILE).mkdir()
    with pytest.raises(BadPriceFile, match=PRICE_FILE):
        read_user_prices([tmp_path])


def test_a_price_file_that_is_too_large_is_refused(tmp_path):
    (tmp_path / PRICE_FILE).write_text(entry("input: 1, output: 1") + "#" * (1 << 20))
    with pytest.raises(BadPriceFile, match="is larger than 1 MiB"):
        read_user_prices([tmp_path])


def test_an_entry_may_name_the_source_whose_price_is_taken(tmp_path):
    (tmp_path / PRICE_FILE).write_text(entry("use: litellm"))
    assert read_user_prices([tmp_path]) == {"my-lab/m": UserPrice(use_source="litellm")}


def test_a_long_prompt_may_cost_more_and_every_other_class_keeps_its_price(tmp_path):
    (tmp_path / PRICE_FILE).write_text(entry("input: 1, output: 2, above: {1000: {input: 3}}"))
    card = read_user_prices([tmp_path])["my-lab/m"].card
    assert card.cost(Usage(1000, 0)) == Money.from_usd("0.001")
    assert card.cost(Usage(1001, 0)) == Money.from_usd("0.003003")
    assert card.cost(Usage(1001, 1)) - card.cost(Usage(1001, 0)) == Money.from_usd("0.000002")


@pytest.mark.parametrize(
    ("tier", "asked"),
    [
        ("batch", ("processing", "batch")),
        ("flex", ("service_tier", "flex")),
        ("priority", ("service_tier", "priority")),
    ],
)
def test_a_tier_has_a_price_of_its_own_for_what_requests_ask(tier, asked, tmp_path):
    (tmp_path / PRICE_FILE).write_text(
        entry(f"input: 4, output: 4, source: invoice, {tier}: {{input: 7, output: 8}}")
    )
    ((asks, card),) = read_user_prices([tmp_path])["my-lab/m"].tiers
    assert asks == asked
    assert (card.input, card.output) == (Rate(Decimal(7)), Rate(Decimal(8)))
    assert card.source == "invoice"


def test_a_flag_gives_a_price_or_names_a_source():
    prices = read_price_flags(["my-lab/m=0.10/0.30", "gpt-4o=litellm"])
    card = prices["my-lab/m"].card
    assert (str(card.input.base), str(card.output.base)) == ("0.10", "0.30")
    assert (prices["gpt-4o"].card, prices["gpt-4o"].use_source) == (None, "litellm")


@pytest.mark.parametrize("flag", ["", "gpt-4o", "gpt-4o=", "=1/2", "m=1/x", "m=/2", "m=1/2/3"])
def test_a_flag_that_is_no_price_is_refused_by_name(flag):
    with pytest.raises(BadPriceFile, match=r"^--price "):
        read_price_flags([flag])


def test_a_tier_has_the_fee_for_each_request_unless_it_has_one_of_its_own(tmp_path):
    tiers = "batch: {input: 1, output: 1}, flex: {input: 1, output: 1, per_request: 0.001}"
    (tmp_path / PRICE_FILE).write_text(entry(f"input: 2, output: 2, per_request: 0.01, {tiers}"))
    price = read_user_prices([tmp_path])["my-lab/m"]
    fees = [card.per_request for _, card in price.tiers]
    assert fees == [Decimal("0.01"), Decimal("0.001")]
