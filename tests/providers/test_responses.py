"""OpenAI's Responses API: bodies as its reference documents them, and all of an answer read."""

import pytest

from pricing.usage import Usage
from providers.apis import find_api
from providers.capabilities import Capability
from providers.errors import MalformedResponse
from providers.provider import Provider
from tests.providers.test_requests_and_replies import (
    RESPONSES,
    SYSTEM,
    USER,
    parse,
    read,
    request,
)

OPENAI = Provider("openai", "openai", "https://api.openai.com/v1")
TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]


def body(capability=None, **sampling):
    record = capability or Capability(
        endpoint="responses", limit_field="max_completion_tokens", takes_unknown=True
    )
    sent = request(SYSTEM, USER, **sampling)
    return find_api(OPENAI, record).build_body(OPENAI, "o3-pro", sent, record)


def answer(*items, **fields):
    return RESPONSES | {"output": list(items)} | fields


def message(*parts, **fields):
    return {"type": "message", "role": "assistant", "content": list(parts)} | fields


def text(said, **fields):
    return {"type": "output_text", "text": said, "annotations": []} | fields


def test_a_request_says_the_model_the_input_and_its_limit_and_is_not_stored():
    assert body(temperature=0.5) == {
        "model": "o3-pro",
        "input": TURNS,
        "store": False,
        "max_output_tokens": 64,
        "temperature": 0.5,
    }


@pytest.mark.parametrize(
    ("sampling", "fields"),
    [
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low", "summary": "auto"}}),
        ({"reasoning_effort": "none"}, {"reasoning": {"effort": "none"}}),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        (
            {"response_format": {"type": "json_object"}, "verbosity": "high"},
            {"text": {"format": {"type": "json_object"}, "verbosity": "high"}},
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
                }
            },
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "n",
                        "schema": {"type": "object"},
                        "strict": True,
                    }
                }
            },
        ),
        (
            {"logprobs": True, "top_logprobs": 3},
            {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
        ),
        ({"service_tier": "flex"}, {"service_tier": "flex"}),
    ],
)
def test_the_fields_of_chat_completions_are_written_as_this_api_names_them(sampling, fields):
    sent = body(**sampling)
    plain = {"model", "input", "store", "max_output_tokens"}
    tier = set() if "service_tier" in sampling else {"service_tier"}
    assert {name: sent[name] for name in sent.keys() - plain - tier} == fields


def test_a_model_that_reasons_by_default_is_asked_for_its_summary():
    record = Capability(endpoint="responses", reasons="always", text="summary")
    assert body(record)["reasoning"] == {"summary": "auto"}
    assert "reasoning" not in body(Capability(endpoint="responses", reasons="never"))


def test_cached_tokens_and_reasoning_are_inside_and_billed_once():
    reply = read("responses", RESPONSES)
    assert reply.usage == Usage(86, 300, 1920, reasoning=192)
    assert (reply.text, reply.reasoning) == (
        "Hello! How can I help?",
        "**Greeting**\n\nThe user greets.",
    )
    assert (reply.finish, reply.model) == ("stop", "o3-pro-2025-06-10")
    assert reply.is_summary
    assert reply.extras == reply.other_texts == reply.unknown_counts == ()


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 90}, Usage(90, 5)),
        ({"total_tokens": 145}, Usage(40, 105)),
        ({"reasoning_tokens": 95}, Usage(40, 100, reasoning=95)),
        ({"output_tokens_details": {"reasoning_tokens": 95}}, Usage(40, 100, reasoning=95)),
        ({"input_tokens_details": {"cached_tokens": 90}}, Usage(40, 5, 90)),
        (
            {"input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 20}},
            Usage(10, 5, 10, 20),
        ),
    ],
)
def test_of_figures_that_contradict_each_other_the_larger_is_billed(usage, expected):
    plain = {"input_tokens": 40, "output_tokens": 5}
    assert parse(Provider("r", "responses", ""), RESPONSES | {"usage": plain | usage}).usage == (
        expected
    )


@pytest.mark.parametrize(
    ("fields", "finish"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
        ({"status": "incomplete", "incomplete_details": None}, "incomplete"),
        ({"status": "cancelled"}, "error"),
        ({"status": "failed"}, "error"),
        ({"status": None}, ""),
    ],
)
def test_why_an_answer_ended_is_read_from_its_status(fields, finish):
    assert read("responses", RESPONSES | fields).finish == finish


def test_everything_that_a_model_wrote_is_read_once():
    items = (
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]},
        message(text("I will look."), phase="commentary"),
        {"type": "function_call", "name": "find", "arguments": '{"a": 1}', "call_id": "c"},
        {"type": "custom_tool_call", "name": "run", "input": "ls", "call_id": "c"},
        message({"type": "refusal", "refusal": "I will not."}, text("No.")),
    )
    reply = read("responses", answer(*items))
    assert (reply.text, reply.reasoning, reply.is_summary) == ("No.", "Hm", False)
    assert reply.refusal == "I will not."
    assert reply.other_texts == ("I will look.", "I will not.", 'find {"a": 1}', "run ls")
    assert not reply.extras


def test_an_answer_of_nothing_but_commentary_is_the_answer():
    assert read("responses", answer(message(text("Well"), phase="commentary"))).text == "Well"


@pytest.mark.parametrize(
    ("fields", "extra"),
    [
        (
            {"output": [{"type": "web_search_call", "action": {"query": "who is it"}}]},
            "web_search_call",
        ),
        (
            {"output": [{"type": "image_generation_call", "result": "AAAA"}]},
            "image_generation_call",
        ),
        ({"output": [{"type": "mcp_call", "arguments": "{}"}]}, "mcp_call"),
        ({"output": [{"type": "of_a_later_year"}]}, "of_a_later_year"),
        ({"tool_usage": {"web_search": {"num_requests": 2}}}, "web_search"),
        ({"tool_usage": {"image_gen": {"input_tokens_details": {"image_tokens": 1}}}}, "image_gen"),
    ],
)
def test_what_was_not_asked_for_is_named(fields, extra):
    (found,) = read("responses", RESPONSES | fields).extras
    assert extra in found


def test_what_a_tools_item_says_is_counted_as_text_too():
    reply = read("responses", answer({"type": "code_interpreter_call", "code": "print(1)"}))
    assert reply.other_texts == ("print(1)",)


def test_listed_and_encrypted_tokens_are_counted():
    items = (
        {"type": "reasoning", "summary": [], "encrypted_content": "A" * 4096},
        message(text("No", logprobs=[{"token": "N"}, {"token": "o"}])),
    )
    assert read("responses", answer(*items)).least_output == 2 + (4096 * 3 // 4 - 256) // 8


def test_pages_that_an_answer_cites_are_seen():
    cited = text("x", annotations=[{"type": "url_citation", "url": "http://example.org"}])
    assert read("responses", answer(message(cited))).cites_web


@pytest.mark.parametrize(
    "fields",
    [
        {"output": None},
        {"output": ["text"]},
        {"output": [{}]},
        {"output": [{"type": "message"}]},
        {"status": "failed", "error": {"code": "server_error", "message": "It broke."}},
        {"incomplete_details": ["x"], "status": "incomplete"},
    ],
)
def test_an_answer_that_is_none_is_unreadable(fields):
    with pytest.raises(MalformedResponse):
        read("responses", RESPONSES | fields)
