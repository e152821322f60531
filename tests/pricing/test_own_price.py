"""A user's own price: compared with the service that is reached, zero only at an own server."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from pricing.catalog import ModelName
from pricing.errors import Disputed
from pricing.price_book import PriceBook
from pricing.rates import RateCard, underpricing_ratio
from pricing.sources.user_prices import PRICE_FILE, read_user_prices
from providers.registry import builtin_providers

DAY = date(2026, 11, 21)


@pytest.fixture
def offered(tmp_path):
    """Return the offer for a model with this entry of a price file."""

    def read(written: str, entry: str, options=(), *, key: str = "", **reached):
        (tmp_path / PRICE_FILE).write_text(f"prices:\n  {key or written}: {entry}\n")
        book = PriceBook(DAY, read_user_prices([tmp_path]))
        name = book.resolve_name(written, [*builtin_providers(), "helper"])
        return book.offer_for(name, options, **reached)

    return read


@pytest.mark.parametrize(
    "entry",
    [
        "{input: 0, output: 0}",
        "{input: 0, output: 10}",
        "{input: 2.5, output: 0}",
        "{input: 2.5, output: 10, above: {1: {input: 0}}}",
        "{input: 2.5, output: 10, above: {1: {output: 0}}}",
    ],
)
@pytest.mark.parametrize("model", ["openai/gpt-4o", "openai/a-model-that-no-source-knows"])
def test_zero_is_no_price_at_a_paid_api(entry, model, offered):
    with pytest.raises(Disputed, match="price of openai/"):
        offered(model, entry, service="openai")
    with pytest.raises(Disputed, match="price of helper/"):
        offered(model.replace("openai/", "helper/"), entry, service="openai")


@pytest.mark.parametrize("model", ["openai/gpt-4o", "vllm/llama-3.1-8b", "helper/m"])
def test_zero_is_a_price_at_a_server_of_ones_own(model, offered):
    offer = offered(model, "{input: 0, output: 0}", own_server=True)
    assert offer.highest_on(DAY).input.base == offer.highest_on(DAY).output.base == 0


def test_a_standard_price_of_zero_hides_behind_no_tier(offered):
    entry = "{input: 0, output: 0, flex: {input: 1, output: 5}}"
    with pytest.raises(Disputed):
        offered("openai/gpt-5.5", entry, (("service_tier", "flex"),), service="openai")


@pytest.mark.parametrize(
    ("written", "service"),
    [
        ("openai/gpt-4o", "openai"),
        ("openai/GPT-4o", "openai"),
        ("helper/gpt-4o", "openai"),
        ("helper/GPT-4O", "openai"),
        ("google/models/gemini-3-flash-preview", "google"),
        ("fireworks/accounts/fireworks/models/deepseek-v3p1", "fireworks"),
        ("helper/llama-3.1-70b", "deepinfra"),
    ],
)
def test_a_price_is_compared_with_the_service_that_is_reached_however_its_model_is_spelt(
    written, service, offered
):
    offer = offered(written, "{input: 0.0001, output: 0.0001}", service=service)
    ratios = [underpricing_ratio(offer.tariff.typical(DAY), each) for each in offer.alternatives]
    assert ratios, "others know it"
    assert min(ratios) > 3


@pytest.mark.parametrize("tier", ["flex", "priority"])
def test_a_low_price_of_a_tier_is_compared_with_what_others_say_of_the_tier(tier, offered):
    entry = f"{{input: 5, output: 30, {tier}: {{input: 0.0001, output: 0.0001}}}}"
    offer = offered("openai/gpt-5.5", entry, (("service_tier", tier),), service="openai")
    card = offer.tariff.typical(DAY)
    assert all(underpricing_ratio(card, each) > 3 for each in offer.alternatives)
    assert offer.alternatives


def test_a_right_price_of_a_tier_agrees_with_what_others_say_of_it(offered):
    book = PriceBook(DAY)
    flex = (("service_tier", "flex"),)
    card = book.offer_for(ModelName("gpt-5.5", "openai", "gpt-5.5"), flex).tariff.typical(DAY)
    entry = (
        f"{{input: {2 * card.input.base}, output: {2 * card.output.base}, "
        f"flex: {{input: {card.input.base}, output: {card.output.base}}}}}"
    )
    offer = offered("openai/gpt-5.5", entry, flex, service="openai")
    assert all(underpricing_ratio(card, each) <= Decimal("1.01") for each in offer.alternatives)


def card(fields: str, tmp_path) -> RateCard:
    (tmp_path / PRICE_FILE).write_text(f"prices:\n  a/b: {{{fields}}}\n")
    return read_user_prices([tmp_path])["a/b"].card


@pytest.mark.parametrize(
    ("own", "other", "ratio"),
    [
        ("input: 1, output: 1", "input: 1, output: 1", "1"),
        ("input: 2, output: 2", "input: 1, output: 1", "1"),
        ("input: 1, output: 1", "input: 1, output: 3", "3"),
        ("input: 1, output: 1", "input: 3.01, output: 1", "3.01"),
        ("input: 1, output: 1", "input: 1, output: 0", "1"),
        ("input: 1, output: 0", "input: 1, output: 1", "1000000"),
        ("input: 1, output: 1, cache_read: 0.01", "input: 1, output: 1", "100"),
        ("input: 1, output: 1, cache_read: 0.1", "input: 1, output: 1, cache_read: 0.1", "1"),
        ("input: 1, output: 1", "input: 1, output: 1, per_request: 0.01", "1000000"),
        ("input: 1, output: 1, above: {9: {input: 0.1}}", "input: 1, output: 1", "10"),
        ("input: 1, output: 1", "input: 1, output: 1, above: {9: {output: 5}}", "5"),
    ],
)
def test_how_far_below_is_judged_by_the_class_and_length_where_it_is_furthest(
    own, other, ratio, tmp_path
):
    assert underpricing_ratio(card(own, tmp_path), card(other, tmp_path)) == Decimal(ratio)
