"""One model has many ids at Bedrock, Vertex and as a fine-tuned one; each has its own price."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from pricing.catalog.model_names import ModelName
from pricing.errors import Unpriced
from pricing.price_book import PriceBook
from pricing.rates.rate_card import RateCard

DAY = date(2026, 11, 26)
BOOK = PriceBook(DAY)
CLAUDE = "anthropic.claude-sonnet-4-6"
GEOGRAPHIES = ("us", "eu", "apac", "au", "jp")


def name(provider: str, model_id: str) -> ModelName:
    return ModelName(f"{provider}/{model_id}", provider, model_id)


def card(provider: str, model_id: str) -> RateCard:
    return BOOK.offer_for(name(provider, model_id)).highest_on(DAY)


def prices(provider: str, model_id: str) -> tuple[str, str]:
    priced = card(provider, model_id)
    return f"{priced.input.base.normalize():f}", f"{priced.output.base.normalize():f}"


@pytest.mark.parametrize("tail", ["", "-v1", "-v1:0"])
@pytest.mark.parametrize("region", ["", "regional.", *(f"{each}." for each in GEOGRAPHIES)])
def test_claude_in_one_region_or_geography_of_bedrock_costs_a_tenth_more_than_anywhere(
    region, tail
):
    assert prices("aws", f"{region}{CLAUDE}{tail}") == ("3.3", "16.5")
    assert prices("aws", f"global.{CLAUDE}{tail}") == ("3", "15")


REGIONAL = sorted(
    model_id.removeprefix("global.")
    for model_id in BOOK.model_ids("aws")
    if model_id.startswith("global.")
    and model_id != "global.anthropic.claude-sonnet-4-20250514-v1:0"
)


@pytest.mark.parametrize("model_id", REGIONAL)
def test_a_bare_id_of_bedrock_is_never_priced_as_if_it_were_served_anywhere(model_id):
    offer = BOOK.offer_for(name("aws", f"us.{model_id}"))
    anywhere = card("aws", f"global.{model_id}")
    for priced in (offer.highest_on(DAY), card("aws", model_id)):
        assert priced.input.base == anywhere.input.base * Decimal("1.1")
        assert priced.output.base == anywhere.output.base * Decimal("1.1")
    assert offer.disagreement_ratio(DAY) in (None, 1)


def test_a_model_before_claude_4_5_costs_the_same_everywhere():
    old = "anthropic.claude-sonnet-4-20250514-v1:0"
    assert len({prices("aws", f"{region}{old}") for region in ("", "us.", "eu.", "global.")}) == 1


@pytest.mark.parametrize(
    ("model_id", "price"),
    [("eu.amazon.nova-lite-v1:0", "0.078"), ("us-gov.anthropic.claude-sonnet-5", "2.4"),
     ("eu.amazon.nova-2-lite-v1:0", "0.429"), ("us.amazon.nova-2-lite-v1:0", "0.33")],
)  # fmt: skip
def test_a_geography_with_a_price_of_its_own_keeps_it(model_id, price):
    assert prices("aws", model_id)[0] == price


@pytest.mark.parametrize(
    "model_id", ["us-gov.anthropic.claude-opus-4-6", "eu.meta.llama3-1-70b-instruct-v1:0"]
)
def test_a_geography_without_a_listed_price_is_unpriced(model_id):
    with pytest.raises(Unpriced, match=r"add this line under `prices:`"):
        card("aws", model_id)


@pytest.mark.parametrize(
    ("model_id", "here", "there"),
    [(f"eu.{CLAUDE}", "$3.30 in / $16.50 out, in one region", "anywhere, as global."),
     (CLAUDE, "$3.30 in / $16.50 out, in one region", "it costs $3 in / $15 out"),
     (f"global.{CLAUDE}", "$3 in / $15 out, anywhere", "it costs $3.30 in / $16.50 out")],
)  # fmt: skip
def test_the_region_of_a_price_is_said(model_id, here, there):
    (said,) = BOOK.offer_for(name("aws", model_id)).assumptions
    assert here in said
    assert there in said


@pytest.mark.parametrize(
    ("model_id", "price"),
    [
        ("ft:gpt-4o-mini-2024-07-18:org::id", ("0.3", "1.2")),
        ("ft:gpt-4o-mini-2024-07-18", ("0.3", "1.2")),
        ("ft:gpt-4o-2024-08-06:org:name:id:ckpt-step-90", ("3.75", "15")),
        ("ft:gpt-4.1-2025-04-14:org::id", ("3", "12")),
        ("ft:gpt-3.5-turbo-0125:org::id", ("3", "6")),
    ],
)
def test_a_fine_tuned_model_costs_what_its_base_costs_once_fine_tuned(model_id, price):
    assert prices("openai", model_id) == price
    base = model_id.removeprefix("ft:").partition(":")[0]
    assert card("openai", model_id).input.base > card("openai", base).input.base


@pytest.mark.parametrize("base", ["gpt-5", "gpt-4-0125-preview", "o3-2025-04-16", "gpt-4-0314"])
def test_a_fine_tuned_model_without_a_price_is_never_priced_as_its_base(base):
    model_id = f"ft:{base}:org::id"
    with pytest.raises(Unpriced, match=f"openai/{model_id} is unpriced.*base's price is not taken"):
        card("openai", model_id)


@pytest.mark.parametrize(
    ("provider", "model_id", "price"),
    [
        ("azure", "gpt-4o-mini", ("0.15", "0.6")),
        ("azure", "us/gpt-4o-mini", ("0.165", "0.66")),
        ("vertex", "gemini-2.5-pro", ("1.25", "10")),
        ("vertex", "claude-sonnet-4-5", ("3", "15")),
        ("vertex", "claude-sonnet-4-5@20250929", ("3", "15")),
        ("vertex", "claude-sonnet-4-6@default", ("3", "15")),
    ],
)
def test_azure_and_vertex_have_prices_of_their_own(provider, model_id, price):
    assert prices(provider, model_id) == price


def test_the_region_of_a_price_at_vertex_and_azure_is_said():
    (said,) = BOOK.offer_for(name("vertex", "claude-sonnet-4-5")).assumptions
    assert "regional and multi-region endpoints bill 10 % more" in said
    (said,) = BOOK.offer_for(name("azure", "gpt-4o-mini")).assumptions
    assert "a global deployment" in said


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ("claude-opus-4.8", "claude-opus-4-8"),
        ("claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("claude-sonnet-4@20250514", "claude-4-sonnet"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
    ],
)
def test_claude_at_vertex_is_priced_as_an_alias_with_its_date_and_in_the_older_order(
    written, listed
):
    assert prices("vertex", written) == prices("vertex", listed)
