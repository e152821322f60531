"""Why an answer ended, its refusal and its reasoning, in the shapes that each API documents.

The shapes are those of the references and packages that `providers.apis.finish_reasons` names; of
Azure, LiteLLM and OpenRouter as reported by their users.
"""

import pytest

from tests.providers.test_requests_and_replies import (
    ANTHROPIC,
    GOOGLE,
    OPENAI,
    OPENROUTER,
    RESPONSES,
    read,
)

SAID = "I can't help with that."


def chat(finish="stop", message=None, **choice):
    content = {"role": "assistant", "content": None} if message is None else message
    return OPENAI | {
        "choices": [{"index": 0, "message": content, "finish_reason": finish} | choice]
    }


def claude(stop, *blocks, **fields):
    return ANTHROPIC | {"content": list(blocks), "stop_reason": stop} | fields


def gemini(finish, *parts, **fields):
    content = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    return GOOGLE | {"candidates": [{"finishReason": finish, "index": 0} | content | fields]}


def blocked(reason, **feedback):
    rest = {name: GOOGLE[name] for name in GOOGLE if name != "candidates"}
    return rest | {"promptFeedback": {"blockReason": reason} | feedback}


def responses(*parts, **fields):
    item = {"type": "message", "role": "assistant", "content": list(parts)}
    return RESPONSES | {"output": [item] if parts else []} | fields


def rating(name, probability, **fields):
    return {"category": f"HARM_CATEGORY_{name}", "probability": probability} | fields


AZURE = {
    "hate": {"filtered": False, "severity": "safe"},
    "self_harm": {"filtered": True, "severity": "medium"},
    "protected_material_text": {"filtered": True, "detected": True},
    "error": None,
}
SHOT = {"jailbreak": {"filtered": True, "detected": True}}
REFUSING = {"content": None, "refusal": SAID}
INCOMPLETE = {"status": "incomplete"}

SHAPES = [
    # Chat completions: OpenAI, and what others make of it.
    ("openai", chat("stop", REFUSING), "stop", SAID),
    ("openai", chat("stop", {"content": "", "refusal": SAID}), "stop", SAID),
    ("openai", chat("stop", {"refusal": SAID}), "stop", SAID),
    ("openai", chat("stop", {"content": [{"type": "refusal", "refusal": SAID}]}), "stop", SAID),
    ("openai", chat("stop", {"provider_specific_fields": {"refusal": SAID}}), "stop", SAID),
    ("openai", chat("stop", {}, provider_specific_fields={"refusal": SAID}), "stop", SAID),
    ("openai", chat("stop", {"content": "Yes.", "refusal": None}), "stop", ""),
    ("openai", chat("content_filter"), "content_filter", ""),
    ("openai", chat("content_filter: PROHIBITED_CONTENT"), "content_filter", ""),
    (
        "openai",
        chat("content_filter", {"content": "So"}, content_filter_results=AZURE),
        "content_filter",
        "content filter: self_harm medium, protected_material_text",
    ),
    (
        "openai",
        chat("content_filter")
        | {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SHOT}]},
        "content_filter",
        "content filter: jailbreak",
    ),
    ("openai", chat("stop", {"content": "Yes."}, content_filter_results=AZURE), "stop", ""),
    ("openai", chat("length", {"content": "", "reasoning_content": "Hm"}), "length", ""),
    ("openai", chat("sensitive"), "content_filter", ""),  # GLM
    ("openai", chat("network_error", {"content": "So"}), "error", ""),
    ("openai", chat("model_context_window_exceeded"), "length", ""),
    ("openai", chat("insufficient_system_resource"), "error", ""),  # DeepSeek
    ("openai", chat("model_length"), "length", ""),  # Mistral
    ("openai", chat("error"), "error", ""),
    ("openai", chat("abort"), "error", ""),  # vLLM, SGLang
    ("openai", chat("COMPLETE", {"content": "Yes."}), "stop", ""),  # Cohere
    ("openai", chat("MAX_TOKENS"), "length", ""),
    ("openai", chat("ERROR_LIMIT"), "length", ""),
    ("openai", chat("ERROR_TOXIC"), "content_filter", ""),
    ("openai", chat("TIMEOUT"), "error", ""),
    ("openai", chat("guardrail_intervened"), "content_filter", ""),  # Bedrock
    ("openai", chat("malformed_model_output"), "error", ""),
    ("openai", chat("REASON_TIME_LIMIT"), "error", ""),  # xAI
    ("openai", chat("eos_token", {"content": "Yes."}), "stop", ""),
    ("openai", chat(None), "error", ""),
    ("openai", chat(None, message={}) | {"choices": [{"message": None}]}, "error", ""),
    ("openai", chat(None, {"content": "Yes."}), "", ""),
    ("openai", chat("something_new", {"content": "Yes."}), "something_new", ""),
    ("openai", chat("tool_calls", {"content": "Yes."}), "tool_calls", ""),
    # OpenRouter, which names the word of the provider behind it too.
    ("openrouter", chat("error", {"content": "So"}, error={"code": 502}), "error", ""),
    ("openrouter", chat("stop", {"content": "So"}, error={"message": "gone"}), "error", ""),
    ("openrouter", chat("stop", {}, native_finish_reason="refusal"), "refusal", ""),
    ("openrouter", chat("content_filter", {}, native_finish_reason="refusal"), "refusal", ""),
    ("openrouter", chat("stop", {}, native_finish_reason="SAFETY"), "content_filter", ""),
    ("openrouter", chat("length", {}, native_finish_reason="STOP"), "length", ""),
    ("openrouter", OPENROUTER, "length", ""),
    # Responses.
    ("responses", responses({"type": "refusal", "refusal": SAID}), "stop", SAID),
    (
        "responses",
        responses(**INCOMPLETE, incomplete_details={"reason": "max_output_tokens"}),
        "length",
        "",
    ),
    (
        "responses",
        responses(**INCOMPLETE, incomplete_details={"reason": "content_filter"}),
        "content_filter",
        "",
    ),
    ("responses", responses(status="failed"), "error", ""),
    ("responses", responses(status=None), "error", ""),
    # Anthropic.
    ("anthropic", claude("refusal"), "refusal", ""),
    (
        "anthropic",
        claude("refusal", stop_details={"type": "refusal", "category": None, "explanation": SAID}),
        "refusal",
        SAID,
    ),
    (
        "anthropic",
        claude("refusal", stop_details={"type": "refusal", "category": "bio"}),
        "refusal",
        "(category: bio)",
    ),
    (
        "anthropic",
        claude(
            "refusal",
            {"type": "text", "text": "So"},
            stop_details={"category": "cyber", "explanation": SAID},
        ),
        "refusal",
        f"{SAID} (category: cyber)",
    ),
    ("anthropic", claude("max_tokens"), "length", ""),
    ("anthropic", claude("model_context_window_exceeded"), "length", ""),
    ("anthropic", claude("pause_turn"), "error", ""),
    ("anthropic", claude("compaction"), "error", ""),
    ("anthropic", claude("stop_sequence", {"type": "text", "text": "Yes."}), "stop", ""),
    ("anthropic", claude("tool_use"), "tool_use", ""),
    ("anthropic", claude(None), "error", ""),
    # Google.
    *(
        ("google", gemini(reason), "content_filter", reason)
        for reason in (
            *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"),
            *("ESCALATION", "MODEL_ARMOR"),
        )
    ),
    *(
        ("google", gemini(reason, {"text": "So"}), "error", "")
        for reason in (
            *("OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"),
            None,
        )
    ),
    ("google", gemini("MAX_TOKENS"), "length", ""),
    ("google", gemini("CONTINUATION"), "length", ""),
    ("google", gemini("STOP", {"text": "Yes."}), "stop", ""),
    ("google", gemini("FINISH_REASON_UNSPECIFIED"), "FINISH_REASON_UNSPECIFIED", ""),
    (
        "google",
        gemini(
            "SAFETY",
            finishMessage="It was stopped.",
            safetyRatings=[
                rating("HARASSMENT", "NEGLIGIBLE"),
                rating("DANGEROUS_CONTENT", "HIGH", blocked=True),
                rating("HATE_SPEECH", "MEDIUM"),
            ],
        ),
        "content_filter",
        "SAFETY: It was stopped.: HARM_CATEGORY_DANGEROUS_CONTENT HIGH",
    ),
    ("google", blocked("PROHIBITED_CONTENT"), "content_filter", "PROHIBITED_CONTENT"),
    (
        "google",
        blocked("SAFETY", safetyRatings=[rating("HATE_SPEECH", "HIGH"), rating("X", "LOW")]),
        "content_filter",
        "SAFETY: HARM_CATEGORY_HATE_SPEECH HIGH",
    ),
    ("google", GOOGLE | {"candidates": []}, "error", ""),
]


@pytest.mark.parametrize(("provider", "answer", "finish", "refusal"), SHAPES)
def test_why_an_answer_ended_and_why_it_refuses_are_read(provider, answer, finish, refusal):
    reply = read(provider, answer)
    assert (reply.finish, reply.refusal) == (finish, refusal)


@pytest.mark.parametrize(
    "message",
    [
        REFUSING,
        {"content": SAID, "refusal": SAID},
        {"provider_specific_fields": {"refusal": SAID}},
        {"refusal": SAID, "provider_specific_fields": {"refusal": SAID}},
        {"content": [{"type": "refusal", "refusal": SAID}]},
    ],
)
def test_a_refusal_that_the_model_wrote_is_counted_once(message):
    reply = read("openai", chat("stop", message))
    assert [reply.text, *reply.other_texts].count(SAID) == 1
    assert SAID not in " ".join(each for each in (reply.text, *reply.other_texts) if each != SAID)


@pytest.mark.parametrize(
    ("provider", "answer"),
    [
        ("openai", chat("content_filter", content_filter_results=AZURE)),
        ("anthropic", claude("refusal", stop_details={"explanation": SAID})),
        ("google", gemini("SAFETY", finishMessage=SAID)),
    ],
)
def test_what_a_filter_says_is_nothing_that_the_model_wrote(provider, answer):
    reply = read(provider, answer)
    assert reply.refusal
    assert (reply.text, reply.other_texts) == ("", ())


def test_an_answer_that_was_broken_off_keeps_its_text_its_cost_and_the_providers_words():
    broken = chat("error", {"content": "So"}, error={"code": 502, "message": "upstream is gone"})
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "cost": 0.0021}
    reply = read("openrouter", broken | {"usage": usage})
    assert (reply.text, reply.finish) == ("So", "error")
    assert "upstream is gone" in reply.note
    assert reply.stated_cost.to_decimal_string() == "0.0021"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({"reasoning_content": "Hm"}, ("Hm", False)),  # DeepSeek, GLM, Moonshot, DashScope
        ({"reasoning": "Hm"}, ("Hm", False)),  # Groq, Ollama, vLLM
        ({"reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]}, ("Hm", False)),
        ({"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm"}]}, ("Hm", True)),
        (
            {
                "reasoning": "Hm",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "Hm"},
                    {"type": "reasoning.encrypted", "data": "gAAA"},
                ],
            },
            ("Hm", True),
        ),
        # Magistral at Mistral's own API.
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                    {"type": "text", "text": "Yes."},
                ]
            },
            ("Hm", False),
        ),
    ],
)
def test_reasoning_is_read_from_where_each_puts_it_and_a_summary_is_called_one(message, shown):
    reply = read("openai", chat("stop", {"content": "Yes."} | message))
    assert (reply.text, reply.reasoning, reply.is_summary) == ("Yes.", *shown)
