"""What is billed beside texts is never believed at the price of a text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from estimator.counting.token_count import Exactness, TokenCount
from estimator.workload.planned_model import PlannedModel, build_planned_model
from experiment.prompts.request import Message, Request
from pricing.catalog.model_names import ModelName
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.usage import Usage
from providers.registry import builtin_providers
from runner.billing import applicable_card, compute_settlement
from tests.providers.test_requests_and_replies import ANTHROPIC, GOOGLE, OPENAI, parse
from tests.runner.sample_experiment import NOW

DAY = date(2026, 11, 26)
KNOWN = builtin_providers()
BOOK = PriceBook(DAY)
RESERVED = Money.from_usd("0.01")
MANY = 100_000


def planned(provider: str, model_id: str) -> PlannedModel:
    name = ModelName(f"{provider}/{model_id}", provider, model_id)
    return build_planned_model(name, BOOK.offer_for(name), DAY, None, KNOWN[provider])


def booked(provider: str, model_id: str, usage: dict, body: dict | None = None, **changes):
    """Book an answer with this usage, as it comes from a provider's API."""
    model = planned(provider, model_id)
    if provider == "google":
        whole = GOOGLE | {"modelVersion": model_id, "usageMetadata": usage}
    else:
        whole = body or (ANTHROPIC if provider == "anthropic" else OPENAI)
        whole = whole | {"model": model_id, "usage": usage}
    response = replace(parse(KNOWN[provider], whole), **changes)
    request = Request(
        "id", "subject", "m", "all", 0, 0, (Message("user", "Hi"),), {"max_tokens": MANY}
    )
    card = applicable_card(model, response, NOW, NOW)
    count = TokenCount(1, Exactness.APPROXIMATE, MANY)
    return compute_settlement(model, card, count, request, response, response.text, RESERVED)


AUDIO = {
    "prompt_tokens": 17,
    "completion_tokens": 592,
    "total_tokens": 609,
    "prompt_tokens_details": {"audio_tokens": 0, "text_tokens": 17, "cached_tokens": 0},
    "completion_tokens_details": {"audio_tokens": 482, "text_tokens": 110, "reasoning_tokens": 0},
}


def test_audio_that_a_model_speaks_is_booked_at_the_price_of_its_audio():
    """BerriAI/litellm#19771: $0.006 at the price of texts."""
    booking = booked("openai", "gpt-audio", AUDIO)
    exact = 17 * Decimal("2.5") + 110 * 10 + 482 * 64
    assert booking.billed == Money.from_usd(str(exact / 1_000_000))
    assert "billed what was not planned: audio_tokens 482 (at $64.00 per million)" in booking.breach


@pytest.mark.parametrize("api", ["prompt_tokens_details", "completion_tokens_details"])
@pytest.mark.parametrize("kind", ["audio", "image", "video"])
def test_a_kind_of_token_without_a_price_costs_the_most_that_is_known(kind, api):
    usage = {"prompt_tokens": 2000, "completion_tokens": 2000, api: {f"{kind}_tokens": 1000}}
    booking = booked("openai", "gpt-4o-mini", usage)
    text = planned("openai", "gpt-4o-mini").card.cost(Usage(2000, 2000))
    assert booking.billed > text
    assert booking.billed >= RESERVED
    assert f"{kind}_tokens 1000 (no price is known)" in booking.breach


@pytest.mark.parametrize(
    ("provider", "model_id", "more"),
    [
        ("openai", "gpt-4o-mini", {"search_requests": 2}),
        ("openrouter", "openai/gpt-4o-mini", {"num_search_queries": 2}),
        ("openrouter", "openai/gpt-4o-mini", {"server_tool_use": {"web_search_requests": 2}}),
        ("x-ai", "grok-4.5", {"num_sources_used": 2}),
        ("anthropic", "claude-sonnet-4-5", {"server_tool_use": {"web_search_requests": 2}}),
    ],
)
def test_searches_cost_at_least_a_fee_each_beside_all_tokens(provider, model_id, more):
    tokens = (
        {"input_tokens": 2000, "output_tokens": 200}
        if provider == "anthropic"
        else {"prompt_tokens": 2000, "completion_tokens": 200}
    )
    plain, searched = (booked(provider, model_id, tokens | each) for each in ({}, more))
    assert plain.breach == ""
    assert searched.billed - plain.billed >= Money.from_usd("0.02")
    assert f"{model_id}" in searched.breach
    assert "2 (" in searched.breach


@pytest.mark.parametrize(
    ("shown", "fees"),
    [({"cites_web": True}, 1), ({"extras": ("web_search_call",)}, 1),
     ({"extras": ("web_search_call 3",)}, 3)],
)  # fmt: skip
def test_a_search_that_only_the_answer_shows_costs_a_fee_as_well(shown, fees):
    tokens = {"prompt_tokens": 20_000, "completion_tokens": 20_000}
    plain, searched = (booked("openai", "gpt-4o", tokens, **each) for each in ({}, shown))
    assert searched.billed - plain.billed >= Money.from_usd(str(fees * 10 / Decimal(1000)))
    assert "search" in searched.breach


@pytest.mark.parametrize(
    ("provider", "more"),
    [
        ("openai", {"num_server_side_tools_used": 1}),
        ("openai", {"code_interpreter_sessions": 1}),
        ("anthropic", {"server_tool_use": {"code_execution_requests": 1}}),
        ("anthropic", {"server_tool_use": {"web_fetch_requests": 3}}),
    ],
)
def test_a_tool_that_was_billed_without_a_price_is_booked_as_the_whole_reservation(provider, more):
    tokens = {"input_tokens": 20, "output_tokens": 20, "prompt_tokens": 20, "completion_tokens": 20}
    models = {"openai": "gpt-4o-mini", "anthropic": "claude-sonnet-4-5"}
    booking = booked(provider, models[provider], tokens | more)
    assert booking.billed == RESERVED
    assert "billed what was not planned" in booking.breach


def test_a_usage_by_modality_is_priced_as_google_writes_it():
    usage = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 1000,
        "candidatesTokensDetails": [
            {"modality": "TEXT", "tokenCount": 100},
            {"modality": "IMAGE", "tokenCount": 900},
        ],
    }
    booking = booked("google", "gemini-2.5-flash-image", usage)
    card = planned("google", "gemini-2.5-flash-image").card
    image = dict(card.extra)["output_image"].base
    exact = 10 * card.input.base + 100 * card.output.base + 900 * image
    assert booking.billed >= Money.from_usd(str(exact / 1_000_000))
    assert "audio" not in booking.breach
    assert f"image_tokens 900 (at ${image:.2f} per million)" in booking.breach


def test_an_answer_of_texts_alone_is_booked_without_a_word():
    usage = AUDIO | {"completion_tokens_details": {"audio_tokens": 0, "text_tokens": 592}}
    booking = booked("openai", "gpt-audio", usage)
    assert booking.billed == Money.from_usd(str((17 * Decimal("2.5") + 592 * 10) / 1_000_000))
    assert booking.breach == ""


@pytest.mark.parametrize(
    ("answered", "more"),
    [("mistral-large-4", True), ("mistral-large-latest", False), ("mistral-large-2512", False)],
)
def test_a_latest_name_that_was_answered_by_a_newer_model_costs_what_that_costs(answered, more):
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000}
    booking = booked("mistral", "mistral-large-latest", usage, model=answered)
    listed = Money.from_usd("0.002")
    assert (booking.billed > listed) == more
    assert booking.breach == ""
    if more:
        assert booking.billed == Money.from_usd("0.0028")
