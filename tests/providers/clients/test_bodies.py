"""Bodies of real clients are read; what cannot be bounded is refused with what to do."""

import copy
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.prompts import Message
from providers.clients import ClientApi, read_call, write_body
from providers.errors import CannotPrice
from tests.providers.clients.sample_bodies import (
    CHAT,
    FUNCTION,
    GENERATE,
    HOUR,
    MESSAGES,
    MINUTES,
    PLAIN,
    RESPONSES,
    RICH,
)
from tests.providers.test_requests_and_replies import list_places
from tests.runner.sample_experiment import STEADY
from tests.support.rows import check_each

WORDS_THAT_TOOLS_MISREAD = (
    *("content_filter", "content filter", "context_length", "invalid_prompt", "blocked"),
    *("prompt is too long", "overloaded"),
)


def read(api, body, **path):
    path = {"model": "gemini-2.5-flash"} | path if api is GENERATE else path
    return read_call(api, json.dumps(body).encode(), **path)


def read_with(api, **fields):
    return read(api, PLAIN[api] | fields)


@pytest.mark.parametrize("api", ClientApi)
def test_a_plain_body_is_its_message_and_nothing_else(api):
    call = read(api, PLAIN[api])
    assert call.messages == (Message("user", "Hi"),)
    assert call.is_exact
    assert (call.choices, call.options, call.is_streamed) == (1, {}, False)
    assert call.limit == (9 if api is MESSAGES else None)
    assert "Hi" not in repr(call)


def test_turns_are_messages_and_what_is_beside_them_is_bounded():
    assert read(CHAT, RICH[CHAT]).messages == (
        Message("system", "Be brief."),
        Message("user", "one two"),
        Message("assistant", ""),
        Message("assistant", "There."),
    )
    assert read(RESPONSES, RICH[RESPONSES]).messages == (
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("system", "D"),
        Message("assistant", "Ok"),
    )
    assert read(MESSAGES, RICH[MESSAGES]).messages == (
        Message("system", "S"),
        Message("user", "Hi"),
        Message("assistant", "Look:"),
        Message("user", ""),
    )
    assert read(GENERATE, RICH[GENERATE]).messages == (
        Message("system", "Be brief."),
        Message("user", "Hiagain"),
        Message("assistant", ""),
        Message("user", ""),
    )


# Fields that say what something is or where it belongs, and are no text of a prompt.
NO_TEXT = {"type", "role", "id", "status", "model", "ttl"}


@pytest.mark.parametrize("api", ClientApi)
def test_no_text_of_a_prompt_is_left_out(api):
    places = [
        place
        for place in list_places(RICH[api])
        if isinstance(find(RICH[api], place), str) and place[-1] not in NO_TEXT
    ]
    assert len(places) > 8
    for *outer, name in places:
        changed = copy.deepcopy(RICH[api])
        find(changed, outer)[name] = "xyzzy"
        call = read(api, changed)
        texts = (*(each.content for each in call.messages), *call.beside)
        assert "xyzzy" in "".join(texts), (*outer, name)


def find(node, place):
    for each in place:
        node = node[each]
    return node


def test_a_single_part_with_a_mark_for_the_cache_is_counted_exactly():
    marked = [{"type": "text", "text": "x", "cache_control": MINUTES}]
    call = read_with(CHAT, messages=[{"role": "user", "content": marked}])
    assert call.is_exact
    assert call.options == {"cache_control": [MINUTES]}


def test_marks_for_the_cache_and_thoughts_are_options():
    options = read(MESSAGES, RICH[MESSAGES]).options
    assert options["cache_control"] == [MINUTES, HOUR]
    assert options["thinking"] == {"type": "enabled", "budget_tokens": 1024}


def test_what_the_api_adds_for_tools_is_bounded():
    assert read_with(MESSAGES, tools=[{"name": "find"}]).hidden_tokens == 1000
    assert read_with(MESSAGES, tools=[{"type": "bash_20250124"}]).hidden_tokens == 2000
    assert read_with(CHAT, tools=[{"function": FUNCTION}]).hidden_tokens == 500


def test_google_takes_names_in_snake_case_too():
    config = {
        "max_output_tokens": 7,
        "candidate_count": 2,
        "thinking_config": {"thinkingBudget": 5},
    }
    system = {"parts": {"text": "Be brief."}}
    call = read_with(GENERATE, generation_config=config, system_instruction=system)
    assert (call.limit, call.choices) == (7, 2)
    assert call.messages[0] == Message("system", "Be brief.")
    assert call.options == {"thinkingConfig": {"thinkingBudget": 5}}
    with pytest.raises(CannotPrice, match="twice"):
        read_with(GENERATE, generation_config={}, generationConfig={"maxOutputTokens": 5})
    with pytest.raises(CannotPrice, match="twice"):
        read_with(GENERATE, generationConfig={"maxOutputTokens": 5, "max_output_tokens": 500})


def test_google_says_by_its_path_which_model_and_whether_it_streams():
    call = read(GENERATE, PLAIN[GENERATE], model="gemini-x", streamed=True)
    assert (call.model, call.is_streamed) == ("gemini-x", True)
    with pytest.raises(CannotPrice, match="model"):
        read(GENERATE, PLAIN[GENERATE], model=None)


def test_of_two_limits_the_larger_counts():
    call = read_with(CHAT, max_tokens=10, max_completion_tokens=20)
    assert (call.limit, call.limit_field) == (20, "max_completion_tokens")
    assert read_with(CHAT, max_tokens=10, max_completion_tokens=None).limit == 10


def test_a_field_that_is_not_known_is_counted_as_text():
    call = read_with(CHAT, guided_regex="a+b", profile_id=5, some_flag=True, thinking_budget=9)
    assert call.beside == ('{"guided_regex":"a+b"}',)
    assert call.options == {"thinking_budget": 9}


def test_who_asked_for_the_usage_is_told():
    assert not read_with(CHAT, stream=True).wants_usage
    assert read_with(CHAT, stream=True, stream_options={"include_usage": True}).wants_usage
    assert read_with(CHAT, stream=True, usage={"include": True}).wants_usage
    assert not read_with(MESSAGES, stream=True).wants_usage


def parts(*given):
    return {"messages": [{"role": "user", "content": list(given)}]}


def google_part(**part):
    return {"contents": [{"parts": [part]}]}


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
REFUSED = [
    (CHAT, parts(IMAGE), "messages.content.*text"),
    (CHAT, parts({"type": "input_audio", "input_audio": {}}), "input_audio"),
    (CHAT, parts({"type": "file", "file": {"file_id": "f"}}), "file"),
    (CHAT, parts({"type": "of_a_later_year"}), "of_a_later_year"),
    (CHAT, parts({"type": "text"}), "text"),
    (CHAT, parts("a text"), "messages.content"),
    (CHAT, {"messages": [{"role": "assistant", "audio": {"id": "a"}}]}, "audio"),
    (CHAT, {"messages": "Hi"}, "messages"),
    (CHAT, {"messages": None}, "messages"),
    (CHAT, {"tools": [{"type": "web_search"}]}, "tools.*web_search"),
    (CHAT, {"tools": [{"type": "builtin_function"}]}, "tools"),
    (CHAT, {"web_search_options": {"user_location": None}}, "web_search_options"),
    (CHAT, {"service_tier": "flex"}, "service_tier.*flex"),
    (CHAT, {"service_tier": "priority"}, "service_tier"),
    (MESSAGES, {"inference_geo": "us"}, "inference_geo.*us"),
    (CHAT, {"MAX_TOKENS": 10**5}, "MAX_TOKENS"),
    (CHAT, {"maxTokens": 10**5}, "maxTokens"),
    (CHAT, {"modalities": ["text", "audio"]}, "modalities"),
    (CHAT, {"prediction": {"type": "content", "content": "x"}}, "prediction"),
    (CHAT, {"plugins": [{"id": "web"}]}, "plugins"),
    (CHAT, {"models": ["a", "b"]}, "models"),
    (CHAT, {"model": "openai/gpt-4o:online"}, "model"),
    (CHAT, {"model": None}, "model"),
    (CHAT, {"search_parameters": {"mode": "on"}}, "search_parameters"),
    (CHAT, {"enable_search": True}, "enable_search"),
    (CHAT, {"n_predict": 900}, "n_predict"),
    (CHAT, {"max_new_tokens": 900}, "max_new_tokens"),
    (CHAT, {"googleSearch": True}, "googleSearch"),
    (CHAT, {"n": 0}, "n:"),
    (CHAT, {"n": 1.5}, "n:"),
    (CHAT, {"n": True}, "n:"),
    (CHAT, {"max_tokens": -1}, "max_tokens.*-1"),
    (CHAT, {"max_tokens": "many"}, "max_tokens"),
    (CHAT, {"max_completion_tokens": 10**12}, "max_completion_tokens"),
    (CHAT, {"stream": "yes"}, "stream"),
    (RESPONSES, {"background": True}, "background"),
    (RESPONSES, {"previous_response_id": "resp_1"}, "previous_response_id.*input"),
    (RESPONSES, {"conversation": "conv_1"}, "conversation"),
    (RESPONSES, {"prompt": {"id": "pmpt_1"}}, "prompt"),
    (RESPONSES, {"tools": [{"type": "code_interpreter"}]}, "code_interpreter"),
    (RESPONSES, {"tools": [{"type": "namespace", "tools": [{"type": "mcp"}]}]}, "mcp"),
    (RESPONSES, {"input": [{"type": "item_reference", "id": "x"}]}, "item_reference"),
    (RESPONSES, {"input": [{"type": "reasoning", "id": "rs", "summary": []}]}, "encrypted_content"),
    (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input_image"),
    (RESPONSES, {"input": [{"type": "computer_call_output"}]}, "computer_call_output"),
    (RESPONSES, {"reasoning": {"mode": "pro"}}, "reasoning.mode"),
    (RESPONSES, {"context_management": [{"type": "compaction"}]}, "context_management"),
    (RESPONSES, {"input": None}, "input"),
    (MESSAGES, parts({"type": "image", "source": {}}), "image"),
    (MESSAGES, parts({"type": "document", "source": {"type": "file"}}), "document"),
    (
        MESSAGES,
        parts({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image"}]}),
        "image",
    ),
    (MESSAGES, parts({"type": "server_tool_use", "name": "web_search"}), "server_tool_use"),
    (MESSAGES, parts({"type": "container_upload", "file_id": "f"}), "container_upload"),
    (MESSAGES, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "web_search"),
    (MESSAGES, {"tools": [{"type": "computer_20250124", "name": "computer"}]}, "computer"),
    (MESSAGES, {"mcp_servers": [{"url": "x"}]}, "mcp_servers"),
    (MESSAGES, {"container": "c"}, "container"),
    (MESSAGES, {"speed": "fast"}, "speed"),
    (MESSAGES, {"context_management": {"edits": [{"type": "compact_20260112"}]}}, "compaction"),
    (MESSAGES, {"thread": {"type": "continue"}}, "thread"),
    (GENERATE, {"cachedContent": "cachedContents/x"}, "cachedContent"),
    (GENERATE, {"tools": [{"googleSearch": {}}]}, "googleSearch"),
    (GENERATE, {"tools": [{"google_search": {}}]}, "google_search"),
    (GENERATE, {"tools": [{"codeExecution": {}}]}, "codeExecution"),
    (GENERATE, {"serviceTier": "SERVICE_TIER_FLEX"}, "serviceTier"),
    (GENERATE, {"generationConfig": {"responseModalities": ["IMAGE"]}}, "responseModalities"),
    (GENERATE, {"generationConfig": {"speechConfig": {"voice": "x"}}}, "speechConfig"),
    (GENERATE, {"generationConfig": []}, "generationConfig"),
    (GENERATE, {"max_output_tokens": 5}, "maxOutputTokens.*generationConfig"),
    (GENERATE, {"candidateCount": 1}, "candidateCount"),
    (GENERATE, google_part(inlineData={"mimeType": "image/png", "data": "AA"}), "inlineData"),
    (GENERATE, google_part(file_data={"fileUri": "x"}), "fileData"),
    (GENERATE, google_part(text="x", videoMetadata={"fps": 1}), "videoMetadata"),
    (
        GENERATE,
        google_part(functionResponse={"name": "f", "parts": [{"inlineData": {}}]}),
        "inlineData",
    ),
    (GENERATE, {"contents": "Hi"}, "contents"),
]


def check_refused(api, fields, match):
    with pytest.raises(CannotPrice, match=match) as raised:
        read_with(api, **fields)
    message = str(raised.value)
    assert raised.value.status == 400
    assert ";" in message  # what to do follows it
    assert not any(word in message.lower() for word in WORDS_THAT_TOOLS_MISREAD)


def test_what_cannot_be_bounded_is_refused_with_its_name_and_what_to_do():
    check_each(REFUSED, check_refused)


TAKEN = [
    (CHAT, {"service_tier": "auto"}),
    (CHAT, {"service_tier": "default", "web_search_options": None, "modalities": ["text"]}),
    (CHAT, {"search_parameters": {"mode": "off"}, "background": False}),
    (CHAT, {"metadata": {"file": "x"}, "user": "u", "store": True, "prompt_cache_key": "k"}),
    (RESPONSES, {"background": False, "previous_response_id": None, "store": True}),
    (RESPONSES, {"text": {"format": {"type": "text"}, "verbosity": "low"}, "tools": []}),
    (MESSAGES, {"service_tier": "standard_only", "speed": "standard", "container": None}),
    (MESSAGES, {"inference_geo": "global"}),
    (MESSAGES, {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}),
    (MESSAGES, {"metadata": {"user_id": "u"}, "output_config": {"effort": "low"}}),
    (GENERATE, {"safetySettings": [{"category": "x"}], "serviceTier": "STANDARD"}),
    (GENERATE, {"generationConfig": {"responseModalities": ["TEXT"], "topK": 5}}),
]


def test_what_asks_for_nothing_is_no_reason_to_refuse():
    check_each(TAKEN, lambda api, fields: check_exact(read_with(api, **fields)))


def check_exact(call):
    assert call.is_exact, call.beside


@pytest.mark.parametrize(
    "body",
    [b"", b"Hi", b"[]", b"null", b"\xff", b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 100_000],
)
def test_what_is_no_json_object_is_refused(body):
    for api in ClientApi:
        with pytest.raises(CannotPrice):
            read_call(api, body, model="m")


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
FIELDS = {
    CHAT: ["messages", "tools", "functions", "stream_options", "response_format", "modalities"],
    RESPONSES: ["input", "tools", "instructions", "text", "reasoning", "prompt_cache_options"],
    MESSAGES: ["messages", "system", "tools", "output_config", "context_management", "thinking"],
    GENERATE: ["contents", "systemInstruction", "generationConfig", "tools", "responseSchema"],
}
KINDS = [
    *("text", "input_text", "message", "reasoning", "tool_result", "document", "function"),
    *("custom", "namespace", "function_call_output", "additional_tools", "search_result"),
]
INNER = ["content", "parts", "text", "source", "output", "tools", "functionResponse", "edits"]
OBJECTS = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(KINDS), "role": st.just("user")}
)


@pytest.mark.parametrize("api", ClientApi)
@settings(STEADY, max_examples=40)
@given(data=st.data())
def test_no_body_raises_anything_else(api, data):
    def draw_object():
        inner = st.lists(OBJECTS, max_size=2) | JUNK | OBJECTS
        more = st.dictionaries(st.sampled_from(INNER), inner, max_size=2)
        return data.draw(OBJECTS) | data.draw(more)

    name = data.draw(st.sampled_from(FIELDS[api]))
    value = [draw_object()] if data.draw(st.booleans()) else data.draw(JUNK)
    sent = json.dumps(PLAIN[api] | {name: value}).encode()
    try:
        call = read_call(api, sent, model="m")
    except CannotPrice:
        return
    assert call.messages is not None
    json.loads(write_body(call, limit=5))


def test_numbers_are_read_exactly():
    sent = b'{"model": "m", "messages": [], "temperature": 0.10000000000000000001}'
    assert read_call(CHAT, sent).body["temperature"] == Decimal("0.10000000000000000001")
