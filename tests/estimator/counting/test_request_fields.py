"""What fields of a request add to its prompt: bounded, and said to be approximate."""

from __future__ import annotations

import json

import pytest

from estimator.counting import Exactness, count_request, find_family_tokenizer
from estimator.counting.request_fields import adds_to_prompt
from experiment.prompts import Message
from tests.support.oracles import reference_counts
from tests.support.oracles.random_chats import chats
from tests.support.packages.fetch import PackageMissing

GPT, QWEN = find_family_tokenizer("gpt-4o-mini"), find_family_tokenizer("Qwen/Qwen3-32B")
PROMPT = (Message("system", "Extract the event."), Message("user", "Alice and Bob meet on Friday."))
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The name of the event, as it is written"},
        "date": {"type": "string", "description": "The day of the event, as YYYY-MM-DD"},
        "people": {"type": "array", "items": {"type": "string"}, "description": "Who takes part"},
    },
    "required": ["name", "date", "people"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "event", "strict": True, "schema": SCHEMA}}


def count(tokenizer, **fields):
    return count_request(tokenizer, PROMPT, {"max_tokens": 20, **fields})


def test_a_schema_is_counted_as_openai_bills_it_and_bounded_by_all_of_its_text():
    plain, asked = count(GPT), count(GPT, response_format=FORMAT)
    told = {key: value for key, value in SCHEMA.items() if key in {"type", "properties"}}
    billed = GPT.count_text(json.dumps(told, separators=(",", ":"))) + 9
    assert asked.exactness is Exactness.APPROXIMATE
    assert asked.tokens == plain.tokens + billed
    assert asked.bound >= plain.bound + GPT.count_text(json.dumps(FORMAT)) + 9


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": FORMAT},
        {"extra": {"response_format": FORMAT}},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"text": {"format": {"type": "json_schema", "name": "event", "schema": SCHEMA}}},
        {"response_schema": SCHEMA},
    ],
)
@pytest.mark.parametrize("model", ["gpt-4o-mini", "claude-opus-4.8", "gemini-3.1-pro", "kimi-k3"])
def test_a_schema_counts_wherever_an_api_takes_it(model, fields):
    tokenizer = find_family_tokenizer(model)
    plain, asked = count(tokenizer), count(tokenizer, **fields)
    assert asked.exactness is Exactness.APPROXIMATE
    assert plain.tokens + tokenizer.count_text(json.dumps(SCHEMA)) // 2 < asked.tokens
    assert asked.tokens <= asked.bound


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"response_format": {"type": "text"}},
        {"guided_json": SCHEMA},
        {"structured_outputs": {"json": SCHEMA}},
        {"output_config": {"effort": "low"}},
        {"chat_template_kwargs": {}},
        {"reasoning": "off"},
        {"temperature": 0.5},
    ],
)
def test_what_only_constrains_decoding_adds_nothing(fields):
    assert count(GPT, **fields) == GPT.count(PROMPT)


def test_json_without_a_schema_is_bounded():
    asked = count(GPT, response_format={"type": "json_object"})
    assert asked.tokens == GPT.count(PROMPT).tokens
    assert asked.exactness is Exactness.APPROXIMATE
    assert asked.bound > asked.tokens


def test_turning_thinking_off_in_the_template_adds_four_tokens_to_qwen_exactly():
    plain = QWEN.count(PROMPT)
    off = count(QWEN, chat_template_kwargs={"enable_thinking": False})
    assert (off.tokens, off.bound, off.exactness) == (
        plain.tokens + 4,
        plain.tokens + 4,
        Exactness.EXACT,
    )
    assert count(QWEN, chat_template_kwargs={"enable_thinking": True}) == plain


def test_qwens_template_with_thinking_turned_off_is_the_published_one():
    try:
        oracle = reference_counts.oracle_of("Qwen/Qwen3-32B")
    except PackageMissing as missing:
        pytest.skip(str(missing))
    many = list(chats(reference_counts.shape_of("Qwen/Qwen3-32B"), oracle.marks, 300, seed="off"))
    expected = oracle.text_counts(oracle.rendered(chat, enable_thinking=False) for chat in many)
    counted = [QWEN.count(chat, {"enable_thinking": False}).tokens for chat in many]
    assert counted == expected


@pytest.mark.parametrize(
    "fields", [{"reasoning": "off"}, {"reasoning": {"enabled": False}}, {"enable_thinking": False}]
)
def test_thinking_that_a_provider_turns_off_in_its_own_way_is_bounded_by_both(fields):
    plain, off = QWEN.count(PROMPT), count(QWEN, **fields)
    assert off.bound == plain.tokens + 4
    assert off.exactness is Exactness.APPROXIMATE


@pytest.mark.parametrize(
    ("model", "variables"),
    [
        ("Qwen/Qwen3-32B", {"enable_thinking": False, "note": "be brief " * 20}),
        ("meta-llama/Llama-3.1-8B-Instruct", {"date_string": "26 Nov 2026"}),
        ("zai-org/GLM-4.6", {"enable_thinking": False}),
        ("deepseek-ai/DeepSeek-V3.1", {"thinking": True}),
    ],
)
def test_variables_whose_text_is_not_known_are_bounded(model, variables):
    tokenizer = find_family_tokenizer(model)
    plain, asked = tokenizer.count(PROMPT), count(tokenizer, chat_template_kwargs=variables)
    assert asked.exactness is Exactness.APPROXIMATE
    assert asked.bound >= plain.bound + tokenizer.count_text(json.dumps(variables))


def test_only_fields_that_reach_the_prompt_are_said_to():
    assert adds_to_prompt({"response_format": FORMAT})
    assert adds_to_prompt({"extra": {"chat_template_kwargs": {"thinking": True}}})
    assert not adds_to_prompt({"max_tokens": 5, "guided_json": SCHEMA, "reasoning": "high"})
