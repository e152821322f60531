"""Google's own API: bodies as its reference documents them, and all of an answer read."""

import pytest

from experiment.prompts.request import Message
from pricing.usage import Usage
from providers.apis import find_api
from providers.capabilities import Capability
from providers.errors import MalformedResponse
from providers.provider import Provider
from tests.providers.test_requests_and_replies import (
    GOOGLE,
    KNOWN,
    PREFILL,
    SYSTEM,
    USER,
    body,
    read,
    request,
)


def config(**sampling):
    record = Capability(endpoint="generate", limit_field="maxOutputTokens", takes_unknown=True)
    sent = request(USER, **sampling)
    return find_api(KNOWN["google"], record).build_body(KNOWN["google"], "gemini", sent, record)


def candidate(*parts, **fields):
    return GOOGLE | {"candidates": [{"content": {"parts": list(parts)}} | fields]}


def test_the_system_text_stands_apart_and_the_turns_have_googles_roles():
    sent = body("google", SYSTEM, USER, PREFILL, Message("system", "Always."))
    assert sent["systemInstruction"] == {"parts": [{"text": "Be brief.\n\nAlways."}]}
    assert sent["contents"] == [
        {"role": "user", "parts": [{"text": "Hello!"}]},
        {"role": "model", "parts": [{"text": "<OUTPUT>"}]},
    ]
    assert sent.keys() == {"systemInstruction", "contents", "generationConfig"}
    assert "systemInstruction" not in body("google", USER)


@pytest.mark.parametrize(
    ("sampling", "fields"),
    [
        (
            {"temperature": 0.5, "top_p": 0.9, "top_k": 5},
            {"temperature": 0.5, "topP": 0.9, "topK": 5},
        ),
        ({"stop": ["END"], "seed": 3}, {"stopSequences": ["END"], "seed": 3}),
        ({"stop": "END"}, {"stopSequences": ["END"]}),
        ({"extra": {"my_option": 1}}, {"my_option": 1}),
        (
            {"presence_penalty": 1, "frequency_penalty": 2},
            {"presencePenalty": 1, "frequencyPenalty": 2},
        ),
        ({"logprobs": True, "top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"responseMimeType": "application/json"}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"schema": {"type": "array"}},
                }
            },
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "array"}},
        ),
        ({"thinkingConfig": {"thinkingBudget": 0}}, {"thinkingConfig": {"thinkingBudget": 0}}),
        ({"generationConfig": {"candidateCount": 1}}, {"candidateCount": 1}),
    ],
)
def test_fields_are_written_as_google_names_them(sampling, fields):
    assert config(**sampling)["generationConfig"] == {"maxOutputTokens": 64} | fields


def test_what_google_keeps_beside_the_generation_config_stands_there():
    sent = config(safetySettings=[{"category": "x"}], service_tier="flex")
    assert sent["safetySettings"] == [{"category": "x"}]
    assert sent["serviceTier"] == "flex"
    assert sent["generationConfig"] == {"maxOutputTokens": 64}


def test_a_model_that_reasons_is_asked_to_show_its_thoughts():
    record = Capability(
        reasons="default",
        text="summary",
        asked_by="gemini_budget",
        budget=(1, 24_576),
    )
    api, google = find_api(KNOWN["google"]), KNOWN["google"]
    thinking = {"thinkingConfig": {"thinkingBudget": 512}}
    for extra in ({}, thinking):
        asked = request(USER, max_tokens=1000, **extra)
        sent = api.build_body(google, "gemini", asked, record)
        shown = sent["generationConfig"]["thinkingConfig"]
        assert shown == {"includeThoughts": True} | extra.get("thinkingConfig", {})


def test_thoughts_are_counted_apart_and_billed_as_output():
    reply = read("google", GOOGLE)
    assert reply.usage == Usage(86, 200, 1920, reasoning=192)
    assert (reply.text, reply.reasoning) == ("Hello! How can I help?", "The user greets.")
    assert (reply.finish, reply.model, reply.id) == ("stop", "gemini-2.5-flash", "aBcD")
    assert reply.extras == reply.other_texts == reply.unknown_counts == ()


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"promptTokenCount": 40}, Usage(40, 0)),
        ({"promptTokenCount": 40, "thoughtsTokenCount": 60}, Usage(40, 60, reasoning=60)),
        ({"promptTokenCount": 40, "totalTokenCount": 140}, Usage(40, 100)),
        (
            {"promptTokenCount": 40, "candidatesTokenCount": 5, "totalTokenCount": 41},
            Usage(40, 5),
        ),
        (
            {"promptTokenCount": 40, "toolUsePromptTokenCount": 7, "totalTokenCount": 50},
            Usage(47, 3),
        ),
        ({"promptTokenCount": 40, "cachedContentTokenCount": 90}, Usage(40, 0, 90)),
        (
            {"promptTokenCount": 40, "candidatesTokenCount": 5, "x": {"thinking_tokens": 9}},
            Usage(40, 14, reasoning=9),
        ),
    ],
)
def test_of_figures_that_contradict_each_other_the_larger_is_billed(usage, expected):
    answer = GOOGLE | {"usageMetadata": usage}
    assert find_api(KNOWN["google"]).parse_response(KNOWN["google"], answer).usage == expected


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("CONTINUATION", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("OTHER", "error"),
        ("MALFORMED_RESPONSE", "error"),
        (None, "error"),
        ("SOMETHING_NEW", "SOMETHING_NEW"),
    ],
)
def test_why_an_answer_ended_is_read_from_its_reason(reason, finish):
    assert read("google", candidate({"text": "x"}, finishReason=reason)).finish == finish


@pytest.mark.parametrize("candidates", [{}, {"candidates": []}, {"candidates": None}])
def test_a_prompt_that_was_blocked_is_an_answer_without_a_text(candidates):
    answer = {name: GOOGLE[name] for name in GOOGLE if name != "candidates"} | candidates
    feedback = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    blocked = read("google", answer | feedback)
    assert (blocked.text, blocked.finish) == ("", "content_filter")
    assert blocked.usage.prompt_tokens == 2006
    assert blocked.refusal == "PROHIBITED_CONTENT"
    assert read("google", answer).finish == "error"


@pytest.mark.parametrize("content", [{}, {"content": None}, {"content": {"role": "model"}}])
def test_an_answer_cut_before_its_first_word_has_no_parts(content):
    reply = read("google", GOOGLE | {"candidates": [content | {"finishReason": "MAX_TOKENS"}]})
    assert (reply.text, reply.finish) == ("", "length")


def test_other_candidates_and_calls_are_read_too():
    call = {"functionCall": {"name": "find", "args": {"a": 1}}}
    second = {"content": {"parts": [{"text": "b"}, {"text": "c", "thought": True}]}}
    answer = candidate({"text": "a"}, call)
    reply = read("google", answer | {"candidates": [*answer["candidates"], second]})
    assert reply.other_texts == ('{"name": "find", "args": {"a": 1}}', "b", "c")


@pytest.mark.parametrize(
    ("answer", "extra"),
    [
        (candidate({"executableCode": {"code": "print(1)"}}), "a part executableCode"),
        (candidate({"codeExecutionResult": {"output": "1"}}), "a part codeExecutionResult"),
        (candidate({"inlineData": {"mimeType": "image/png", "data": "AA"}}), "a part inlineData"),
        (
            candidate({"text": "x"}, groundingMetadata={"webSearchQueries": ["q"]}),
            "groundingMetadata",
        ),
    ],
)
def test_what_was_not_asked_for_is_named(answer, extra):
    (found,) = read("google", answer).extras
    assert extra in found


@pytest.mark.parametrize(
    ("usage", "extras", "unknown"),
    [
        (
            {"candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 482}]},
            ("audio_tokens 482",),
            (),
        ),
        (
            {"promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 258}]},
            ("image_tokens 258",),
            (),
        ),
        ({"toolUsePromptTokenCount": 7}, ("toolUsePromptTokenCount 7",), ()),
        ({"ofALaterYearTokenCount": 7}, (), ("ofALaterYearTokenCount 7",)),
        ({"candidatesTokensDetails": "none"}, (), ()),
        ({"candidatesTokensDetails": [3, {"modality": 5}]}, (), ()),
    ],
)
def test_counts_that_no_text_pays_for_are_named(usage, extras, unknown):
    reply = read("google", GOOGLE, **usage)
    assert (reply.extras, reply.unknown_counts) == (extras, unknown)


def test_listed_tokens_are_counted():
    listed = {"chosenCandidates": [{"token": "a"}, {"token": "b"}]}
    assert read("google", candidate({"text": "ab"}, logprobsResult=listed)).least_output == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"candidates": ["text"]},
        {"candidates": 3},
        {"candidates": [{"content": ["x"]}]},
        {"error": {"code": 500, "message": "Internal", "status": "INTERNAL"}},
        {"candidates": [], "promptFeedback": [1]},
    ],
)
def test_an_answer_that_is_none_is_unreadable(fields):
    with pytest.raises(MalformedResponse):
        read("google", GOOGLE | fields)


def test_googles_endpoint_of_openais_form_stays_usable():
    own = Provider("mine", "openai", "https://generativelanguage.googleapis.com/v1beta/openai")
    sent = body(own, USER)
    assert sent["messages"] == [{"role": "user", "content": "Hello!"}]
    url = "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"
    assert find_api(own).completion_url(own, "gemini") == url
