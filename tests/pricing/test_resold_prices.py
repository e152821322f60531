"""A cloud that sells a lab's models is priced by the lab's price, and says that it is assumed."""

from datetime import date

import pytest

from pricing.catalog import ModelName
from pricing.errors import NoPrice, Unpriced
from pricing.price_book import PriceBook

DAY = date(2026, 11, 26)
BOOK = PriceBook(DAY)
PROVIDERS = ("azure", "vertex", "aws", "openai", "google", "anthropic")


def card(written):
    return BOOK.standard_card(BOOK.resolve_name(written, PROVIDERS))


@pytest.mark.parametrize(
    ("at_cloud", "at_lab"),
    [
        ("azure/gpt-4o-mini", "openai/gpt-4o-mini"),
        ("azure/gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini"),
        ("vertex/gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("vertex/claude-opus-4.8", "anthropic/claude-opus-4.8"),
        ("vertex/claude-opus-4-8", "anthropic/claude-opus-4.8"),
        ("vertex/claude-sonnet-4-5@20250929", "anthropic/claude-sonnet-4-5-20250929"),
    ],
)
def test_a_cloud_has_the_labs_price_and_says_so(at_cloud, at_lab):
    cloud, lab = card(at_cloud), card(at_lab)
    assert (cloud.input, cloud.output, cloud.cache_read) == (lab.input, lab.output, lab.cache_read)
    assert f"assumed for {at_cloud.partition('/')[0]}" in cloud.source
    assert cloud.provider == at_cloud.partition("/")[0]


def test_a_price_of_the_clouds_own_comes_first():
    assert "assumed" not in card("azure/o1").source
    assert "assumed" not in card("aws/claude-opus-4.8").source


@pytest.mark.parametrize("written", ["azure/claude-opus-4-8", "vertex/gpt-4o", "azure/no-such-gpt"])
def test_what_a_cloud_does_not_sell_at_a_labs_price_is_unpriced(written):
    with pytest.raises(Unpriced):
        card(written)


def test_a_tier_without_a_price_is_not_priced_as_standard():
    name = ModelName("vertex/gemini-2.5-pro", "vertex", "gemini-2.5-pro", "gemini-2.5-pro")
    with pytest.raises(NoPrice):
        BOOK.offer_for(name, (("service_tier", "no-such-tier"),))
