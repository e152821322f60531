"""A list with a price or a name that cannot be is refused whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pricing.errors import CannotUpdate
from pricing.money import Money
from pricing.refresh import update as updating
from pricing.usage import Usage
from tests.pricing.arbitrary_json import NO_MULTIPLES, NO_PRICES, encoded
from tests.pricing.price_lists import changed, priced, take


@pytest.mark.parametrize("value", NO_PRICES)
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("openrouter", "prompt"),
        ("openrouter", "completion"),
        ("openrouter", "internal_reasoning"),
        ("deepinfra", "cents_per_input_token"),
        ("deepinfra", "cents_per_output_token"),
    ],
)
def test_what_is_no_price_is_refused(name, key, value, folder):
    with pytest.raises(CannotUpdate, match=f"{name}: .*lab/m0"):
        take(name, changed(name, priced(**{key: value})), folder)


@pytest.mark.parametrize("value", NO_MULTIPLES)
@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("openrouter", "input_cache_read"),
        ("openrouter", "input_cache_write"),
        ("openrouter", "request"),
        ("deepinfra", "rate_per_input_token_cached"),
        ("deepinfra", "discount"),
    ],
)
def test_what_is_no_price_beside_input_and_output_is_refused_too(name, key, value, folder):
    with pytest.raises(CannotUpdate, match=f"{name}: .*lab/m0"):
        take(name, changed(name, priced(**{key: value})), folder)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1e999999",
                                    "1e99999999999999999999", "1" * 5_000])  # fmt: skip
@pytest.mark.parametrize(("name", "key"), [("openrouter", "prompt"),
                                           ("deepinfra", "cents_per_input_token")])  # fmt: skip
def test_a_number_that_is_no_price_is_refused(name, key, number, folder):
    body = changed(name, priced(**{key: "@"})).replace(b'"@"', number.encode())
    with pytest.raises(CannotUpdate, match=name):
        take(name, body, folder)


@pytest.mark.parametrize("overrides", [
    3, "x", [1], [{"min_prompt_tokens": True}], [{"min_prompt_tokens": "9"}],
    [{"min_prompt_tokens": 0}], [{"min_prompt_tokens": 9, "prompt": "-1"}],
    [{"min_prompt_tokens": 9, "prompt": "NaN"}], [{"min_prompt_tokens": 9, "completion": "1e9"}],
])  # fmt: skip
def test_a_step_for_long_prompts_that_cannot_be_is_refused(overrides, folder):
    with pytest.raises(CannotUpdate, match="lab/m0"):
        take("openrouter", changed("openrouter", priced(overrides=overrides)), folder)


@pytest.mark.parametrize("key", ["prompt", "completion"])
def test_a_long_prompt_is_never_free_where_a_short_one_is_not(key, tmp_path):
    step = priced(overrides=[{"min_prompt_tokens": 9, key: "0"}])
    try:
        table = take("openrouter", changed("openrouter", step), tmp_path)
    except CannotUpdate:
        return
    card = table.find_tariff("openrouter", "lab/m0").card_at(datetime(2026, 11, 21, tzinfo=UTC))
    prompt, both = card.cost(Usage(100, 0)), card.cost(Usage(100, 10))
    assert both > prompt > Money()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("openrouter", lambda model: model.pop("id")),
        ("openrouter", lambda model: model.pop("pricing")),
        ("openrouter", lambda model: model["pricing"].pop("prompt")),
        ("openrouter", lambda model: model.update(pricing=[])),
        ("openrouter", priced(prompt="", completion="")),
        ("openrouter", priced(request="2")),
        ("deepinfra", lambda model: model.pop("model_name")),
        ("deepinfra", lambda model: model["pricing"].pop("cents_per_output_token")),
        ("deepinfra", priced(discount=1)),
        ("deepinfra", priced(discount=0.5, discount_ends_at="soon")),
    ],
)
def test_a_model_without_what_it_must_have_is_refused(name, change, folder):
    with pytest.raises(CannotUpdate):
        take(name, changed(name, change), folder)


UNPRINTABLE = ["", "\x1b[31mred", "a\nb", "a\u202eb", "\x00", "\ud800", "x" * 301, 3, None, ["a"]]


@pytest.mark.parametrize("called", UNPRINTABLE)
@pytest.mark.parametrize(("name", "key"), [("openrouter", "id"), ("deepinfra", "model_name")])
def test_a_name_that_cannot_be_shown_is_refused(name, key, called, folder):
    with pytest.raises(CannotUpdate):
        take(name, changed(name, lambda model: model.update({key: called})), folder)


@pytest.mark.parametrize("depth", [10, 300, 600, *range(700, 1_000, 7), 2_000])
def test_a_price_that_is_nested_deep_is_refused(depth, tmp_path):
    body = changed("openrouter", priced(prompt="@"))
    with pytest.raises(CannotUpdate):
        take("openrouter", body.replace(b'"@"', b"[" * depth + b"]" * depth), tmp_path)


@pytest.mark.parametrize("value", ["NaN", "-1", True, [], {"base": 1}, "1e9", "1e400", "1e999999"])
def test_a_price_of_genai_prices_that_cannot_be_is_refused(value, genai, tmp_path, monkeypatch):
    monkeypatch.setitem(updating._MIN_MODELS, "genai-prices", 1)
    provider = next(each for each in genai if each["id"] == "openai")
    model = next(each for each in provider["models"] if each["id"] == "gpt-5.5")
    prices = model["prices"] | {"output_mtok": value}
    with pytest.raises(CannotUpdate, match="genai-prices"):
        take("genai-prices", one_genai_model(provider, model, prices), tmp_path)


@pytest.mark.parametrize("kcount", ["-1", "1e400", "NaN", "5000"])
def test_a_price_per_request_of_genai_prices_that_cannot_be_is_refused(
    kcount, genai, tmp_path, monkeypatch
):
    monkeypatch.setitem(updating._MIN_MODELS, "genai-prices", 1)
    prices = {"input_mtok": 1, "output_mtok": 1, "requests_kcount": kcount}
    model = genai[0]["models"][0]
    with pytest.raises(CannotUpdate, match="genai-prices"):
        take("genai-prices", one_genai_model(genai[0], model, prices), tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [("output_audio_mtok", "-1"), ("output_audio_mtok", "1e400"), ("input_image_mtok", "20000"),
     ("web_searches_kcount", "NaN"), ("web_searches_kcount", "5000")],
)  # fmt: skip
def test_a_price_beside_texts_of_genai_prices_that_cannot_be_is_refused(
    field, value, genai, tmp_path, monkeypatch
):
    monkeypatch.setitem(updating._MIN_MODELS, "genai-prices", 1)
    prices = {"input_mtok": 1, "output_mtok": 1, field: value}
    with pytest.raises(CannotUpdate, match="genai-prices"):
        take("genai-prices", one_genai_model(genai[0], genai[0]["models"][0], prices), tmp_path)


@pytest.mark.parametrize("called", UNPRINTABLE)
@pytest.mark.parametrize("whose", ["provider", "model"])
def test_a_name_of_genai_prices_that_cannot_be_shown_is_refused(
    whose, called, genai, tmp_path, monkeypatch
):
    monkeypatch.setitem(updating._MIN_MODELS, "genai-prices", 1)
    provider, model = dict(genai[0]), dict(genai[0]["models"][0])
    (provider if whose == "provider" else model)["id"] = called
    with pytest.raises(CannotUpdate, match="genai-prices"):
        take("genai-prices", one_genai_model(provider, model, model["prices"]), tmp_path)


def one_genai_model(provider: Any, model: Any, prices: Any) -> bytes:
    return encoded([provider | {"models": [model | {"prices": prices}]}])


@pytest.mark.parametrize("payload", [{}, None, 3, [3], [{}], [{"id": "a", "models": 3}], [[]]])
def test_what_is_no_list_of_genai_prices_is_refused(payload, tmp_path):
    with pytest.raises(CannotUpdate, match="genai-prices"):
        take("genai-prices", encoded(payload), tmp_path)
