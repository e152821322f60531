"""Five ways to a wrong price with the genai-prices package called as it comes, and none of ours."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.catalog.model_names import ModelName
from pricing.errors import UnknownModel, UnknownTier, Unpriced
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.rates.offer import Offer, extract_price_options
from pricing.rates.rate_card import Rate
from pricing.usage import Usage

DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BOOK = PriceBook(DAY)
PROVIDERS = (
    "anthropic", "aws", "deepinfra", "deepseek", "fireworks", "google", "groq", "mistral",
    "openai", "openrouter", "together", "x-ai",
)  # fmt: skip
LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
BATCH = {"processing": "batch"}


def naive(provider: str | None, model: str, context: dict[str, str] | None = None, **tokens: int):
    """Ask the package, as its README does."""
    answer = genai_prices.calc_price(
        genai_prices.Usage(**tokens),
        model,
        provider_id=provider,
        genai_request_timestamp=NOON,
        price_context=context,
    )
    return answer.total_price


def ours(provider: str, model: str, **asked: str) -> Offer:
    return BOOK.offer_for(
        ModelName(f"{provider}/{model}", provider, model), extract_price_options(asked)
    )


def bill(provider: str, model: str, *usage: Usage) -> Money:
    card = ours(provider, model).card_at(NOON)
    return sum((card.cost(each) for each in usage), Money())


@pytest.mark.parametrize(
    ("provider", "model", "output", "right", "wrong"),
    [
        ("openai", "gpt-5.5", 400, "220", "380"),
        ("anthropic", "claude-haiku-5-5", 0, "2", "10"),
    ],
)
def test_short_requests_are_priced_one_by_one_and_never_as_one_long_prompt(
    provider, model, output, right, wrong
):
    many = 10_000
    summed = naive(provider, model, input_tokens=many * 2_000, output_tokens=many * output)
    assert summed == Decimal(wrong)
    assert bill(provider, model, *[Usage(2_000, output)] * many) == Money.from_usd(right)


@pytest.mark.parametrize(
    ("provider", "model", "context"),
    [
        ("aws", "amazon.nova-lite-v1:0", BATCH),
        ("openrouter", "openai/gpt-5.5", BATCH),
        ("together", LLAMA, BATCH),
        ("deepseek", "deepseek-v4-pro", BATCH),
        ("openai", "gpt-5.5", {"service_tier": "Flex"}),
        ("openai", "gpt-5.5", {"service_tier": "turbo"}),
        ("openai", "gpt-5.5", {"speed": "fast"}),
        ("anthropic", "claude-sonnet-4-5", {"inference_geo": "us"}),
        ("anthropic", "claude-opus-4-6", {"inference_geo": "moon"}),
    ],
)
def test_what_nobody_priced_is_refused_and_never_billed_as_the_standard(provider, model, context):
    tokens = {"input_tokens": 1_000_000, "output_tokens": 1_000}
    assert naive(provider, model, context, **tokens) == naive(provider, model, **tokens)
    with pytest.raises(UnknownTier, match="the standard price is not assumed"):
        ours(provider, model, **context)


@pytest.mark.parametrize(
    ("provider", "model", "called", "context", "times"),
    [
        ("fireworks", "gpt-oss-120b", "accounts/fireworks/models/gpt-oss-120b", BATCH, "0.5"),
        ("anthropic", "claude-opus-4-6", "claude-opus-4-6", {"inference_geo": "us"}, "1.1"),
    ],
)
def test_what_only_a_document_prices_is_a_declared_multiple_of_the_standard(
    provider, model, called, context, times
):
    tokens = {"input_tokens": 1_000_000, "output_tokens": 1_000}
    assert naive(provider, called, context, **tokens) == naive(provider, called, **tokens)
    offer, standard = ours(provider, model, **context), ours(provider, model)
    assert offer.highest_on(DAY).has_same_price(standard.highest_on(DAY).scaled(Decimal(times)))
    assert any(f"priced at {times} x" in said for said in offer.assumptions)
    assert not any("priced at" in said for said in standard.assumptions)


def test_a_batch_without_the_discount_on_cached_prompts_bills_them_as_any_other():
    standard = ours("groq", "gemma-7b-it").highest_on(DAY)
    card = ours("groq", "gemma-7b-it", **BATCH).highest_on(DAY)
    assert card.input.base * 2 == standard.input.base
    assert card.cache_read is None


@pytest.mark.parametrize("context", [{"service_tier": "flex"}, BATCH])
def test_a_tier_that_the_package_does_price_costs_the_same_here(context):
    told = naive("openai", "gpt-5.5", context, input_tokens=1_000, output_tokens=1_000)
    card = ours("openai", "gpt-5.5", **context).card_at(NOON)
    assert card.cost(Usage(1_000, 1_000)) == Money.from_usd(told) == Money.from_usd("0.0175")


def test_the_latest_mistral_large_is_not_billed_as_the_one_of_2024():
    """The package matches the name to `mistral-large`, at $2 and $6."""
    tokens = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
    latest = naive("mistral", "mistral-large-latest", **tokens)
    assert latest == naive("mistral", "mistral-large", **tokens) == 8
    name = BOOK.resolve_name("mistral-large-latest", PROVIDERS)
    card = BOOK.standard_card(name)
    assert (name.provider, name.id, card.model) == ("mistral", *["mistral-large-latest"] * 2)
    assert "genai-prices" not in card.source
    assert card.cost(Usage(1_000_000, 1_000_000)) != Money.from_usd(8)


def test_a_bare_llama_and_deepinfra_have_a_price_that_the_package_does_not_know():
    with pytest.raises(LookupError):
        naive(None, "llama-3.1-70b", input_tokens=1)
    with pytest.raises(LookupError, match="provider"):
        naive("deepinfra", "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo", input_tokens=1)
    name = BOOK.resolve_name("llama-3.1-70b", PROVIDERS)
    assert str(name) == "deepinfra/llama-3.1-70b"
    assert BOOK.standard_card(name).input == Rate(Decimal("0.40"))


@pytest.mark.parametrize(
    ("provider", "model", "taken_for"),
    [
        ("anthropic", "claude-opus-4-6-nonsense", "claude-opus-4-6"),
        ("anthropic", "claude-sonnet-4-5-whatever", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro-xyz", "gemini-2.5-pro"),
        ("mistral", "mistral-large-2407", "mistral-large"),
    ],
)
def test_a_name_that_only_looks_like_a_model_has_no_price(provider, model, taken_for):
    tokens = {"input_tokens": 1_000, "output_tokens": 1_000}
    assert naive(provider, model, **tokens) == naive(provider, taken_for, **tokens) > 0
    with pytest.raises(Unpriced):
        ours(provider, model)
    with pytest.raises(UnknownModel):
        BOOK.resolve_name(model, PROVIDERS)


TOKENS = st.integers(0, 400_000)


@given(fresh=TOKENS, read=TOKENS, written=TOKENS, output=TOKENS)
def test_cached_tokens_are_billed_once_whichever_way_they_are_counted(fresh, read, written, output):
    told = naive(
        "anthropic",
        "claude-haiku-5-5",
        input_tokens=fresh + read + written,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=output,
    )
    usage = Usage(fresh, output, cache_read=read, cache_write=written)
    assert bill("anthropic", "claude-haiku-5-5", usage) == Money.from_usd(told)


def test_disjoint_counts_given_to_the_package_as_they_are_lose_money_or_are_refused():
    usage = Usage(600, 0, cache_read=400)
    disjoint = naive("openai", "gpt-4o", input_tokens=600, cache_read_tokens=400)
    included = naive("openai", "gpt-4o", input_tokens=1_000, cache_read_tokens=400)
    assert disjoint < included
    assert bill("openai", "gpt-4o", usage) == Money.from_usd(included) == Money.from_usd("0.002")
    with pytest.raises(ValueError, match="cannot exceed"):
        naive("openai", "gpt-4o", input_tokens=0, cache_read_tokens=400)


@pytest.mark.parametrize("name", ["cache_read", "cache_write", "cache_write_1h"])
def test_cached_tokens_without_a_price_cost_as_much_as_input_and_never_nothing(name):
    """This version of the package does the same; what it bills as 0 comes in the next test."""
    cached = {"input_tokens": 1_000, f"{name.removesuffix('_1h')}_tokens": 1_000}
    if name == "cache_write_1h":
        cached["cache_write_1h_tokens"] = 1_000
    told = naive("openai", "gpt-4-turbo", **cached)
    assert getattr(ours("openai", "gpt-4-turbo").card_at(NOON), name) is None
    cost = bill("openai", "gpt-4-turbo", Usage(0, 0, **{name: 1_000}))
    assert cost == bill("openai", "gpt-4-turbo", Usage(1_000, 0)) == Money.from_usd("0.01")
    assert cost == Money.from_usd(told)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "text-embedding-3-small"), ("openrouter", "deepseek/deepseek-r1:free")],
)
def test_an_answer_without_a_price_is_unpriced_and_never_free(provider, model):
    assert naive(provider, model, input_tokens=0, output_tokens=1_000_000) == 0
    with pytest.raises(Unpriced):
        ours(provider, model)
