"""Requests are written, and answers read, as the providers document them.

The answers below have the shapes of the providers' own references, shortened where no money is.
"""

import copy
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.prompts.request import Message, Request
from pricing.money import Money
from pricing.rates.rate_card import Rate, RateCard
from pricing.usage import Usage
from providers.apis import find_api
from providers.capabilities import Capability, find_capability
from providers.errors import MalformedResponse
from providers.provider import Provider
from providers.registry import load_providers
from providers.usage_fields import parse_stated_cost
from tests.runner.sample_experiment import STEADY

KNOWN = load_providers({})
KNOWN |= {"responses": Provider("responses", "responses", "http://localhost:8000/v1")}
SYSTEM, USER = Message("system", "Be brief."), Message("user", "Hello!")
PREFILL = Message("assistant", "<OUTPUT>")

OPENAI = {
    "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "gpt-4.1-2025-04-14",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello! How can I assist you today?",
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "total_tokens": 2306,
        "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 192,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    },
    "service_tier": "default",
}
OPENROUTER = {
    "id": "gen-1763000000-abc",
    "provider": "DeepInfra",
    "model": "meta-llama/llama-3.1-70b-instruct",
    "object": "chat.completion",
    "choices": [
        {
            "finish_reason": "length",
            "native_finish_reason": "length",
            "index": 0,
            "message": {"role": "assistant", "content": "Yes", "reasoning": "Let me think."},
        }
    ],
    "usage": {
        "prompt_tokens": 194,
        "completion_tokens": 2,
        "total_tokens": 196,
        "cost": 0.00014,
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 50},
        "completion_tokens_details": {"reasoning_tokens": 0},
        "cost_details": {"upstream_inference_cost": None},
    },
}
DEEPINFRA = {
    "id": "chatcmpl-guMTxWgpFf",
    "object": "chat.completion",
    "created": 1694623155,
    "model": "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": " Hello!",
                "reasoning_content": None,
                "name": None,
                "tool_calls": None,
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 15,
        "total_tokens": 31,
        "completion_tokens": 16,
        "estimated_cost": 0.0000268,
        "prompt_tokens_details": None,
    },
}
# Gemini's endpoint of this form and Grok leave hidden reasoning out of completion_tokens, but not
# out of the total.
GEMINI = {
    "choices": [{"finish_reason": "stop", "index": 0, "message": {"content": "4"}}],
    "id": "abc",
    "model": "gemini-2.5-flash",
    "usage": {"completion_tokens": 1, "prompt_tokens": 9, "total_tokens": 45},
}
RESPONSES = {
    "id": "resp_67ccd3a9da748190baa7f1570fe91ac604becb25c45c1d41",
    "object": "response",
    "created_at": 1741476777,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "o3-pro-2025-06-10",
    "output": [
        {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [
                {"type": "summary_text", "text": "**Greeting**"},
                {"type": "summary_text", "text": "The user greets."},
            ],
            "encrypted_content": None,
        },
        {
            "id": "msg_67ccd3acc8d48190a77525dc6de64b4104becb25c45c1d41",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Hello! ", "annotations": [], "logprobs": []},
                {"type": "output_text", "text": "How can I help?", "annotations": []},
            ],
        },
    ],
    "service_tier": "default",
    "store": False,
    "usage": {
        "input_tokens": 2006,
        "input_tokens_details": {"cached_tokens": 1920, "cache_write_tokens": 0},
        "output_tokens": 300,
        "output_tokens_details": {"reasoning_tokens": 192},
        "total_tokens": 2306,
    },
    "tool_usage": {"image_gen": {"total_tokens": 0}, "web_search": {"num_requests": 0}},
}
GOOGLE = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "The user greets.", "thought": True},
                    {"text": "Hello! ", "thoughtSignature": "CqgBAdHtim9"},
                    {"text": "How can I help?"},
                ],
                "role": "model",
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 2006,
        "cachedContentTokenCount": 1920,
        "candidatesTokenCount": 8,
        "thoughtsTokenCount": 192,
        "totalTokenCount": 2206,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2006}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 1920}],
        "serviceTier": "standard",
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "aBcD",
}
GROK = {
    "choices": [{"finish_reason": "stop", "index": 0, "message": {"content": "4"}}],
    "id": "abc",
    "model": "grok-4",
    "usage": {
        "prompt_tokens": 32,
        "completion_tokens": 9,
        "total_tokens": 135,
        "completion_tokens_details": {"reasoning_tokens": 94},
        "num_sources_used": 0,
    },
}
ANTHROPIC = {
    "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [
        {"type": "thinking", "thinking": "Who is asking?", "signature": "EqQBCgIYAhIM"},
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix/LafPsn4a"},
        {"type": "text", "text": "Hi! "},
        {"type": "text", "text": "My name is Claude."},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 21,
        "cache_creation_input_tokens": 188086,
        "cache_read_input_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": 188086, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 393,
        "service_tier": "standard",
    },
}


def request(*messages, **sampling):
    return Request(
        id="id",
        stage="subject",
        model="m",
        condition="all",
        query=0,
        sample=0,
        messages=messages,
        sampling={"max_tokens": 64} | sampling,
    )


def body(provider, /, *messages, model="some-model", reserve_card=None, **sampling):
    sent, to = request(*messages, **sampling), KNOWN.get(provider, provider)
    return find_api(to).build_body(
        to, model, sent, find_capability(to, model), reserve_card=reserve_card
    )


def read(provider, answer, **usage):
    """Read an answer as it comes off the wire, with another usage if told so."""
    name = "usage" if "usage" in answer else "usageMetadata"
    changed = answer | {name: answer[name] | usage}
    text = json.dumps(changed, default=float)
    return parse(KNOWN[provider], json.loads(text, parse_float=Decimal))


def parse(provider, answer):
    return find_api(provider).parse_response(provider, answer)


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        ("openai", "https://api.openai.com/v1/chat/completions"),
        ("deepinfra", "https://api.deepinfra.com/v1/openai/chat/completions"),
        ("google", "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"),
        ("anthropic", "https://api.anthropic.com/v1/messages"),
    ],
)
def test_requests_go_to_the_documented_address(provider, url):
    assert find_api(KNOWN[provider]).completion_url(KNOWN[provider], "m") == url


@pytest.mark.parametrize(
    ("provider", "endpoint", "url"),
    [
        ("openai", "responses", "https://api.openai.com/v1/responses"),
        ("openai", "chat", "https://api.openai.com/v1/chat/completions"),
        ("openai", "", "https://api.openai.com/v1/chat/completions"),
        ("anthropic", "messages", "https://api.anthropic.com/v1/messages"),
        (
            "google",
            "generate",
            "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
        ),
    ],
)
def test_a_models_record_chooses_among_the_apis_of_its_provider(provider, endpoint, url):
    api = find_api(KNOWN[provider], Capability(endpoint=endpoint))
    assert api.completion_url(KNOWN[provider], "m") == url


GENERATE = "models/a%2Fb:generateContent"


@pytest.mark.parametrize(
    ("kind", "base", "url"),
    [
        ("openai", "http://localhost:8000/v1/", "http://localhost:8000/v1/chat/completions"),
        ("anthropic", "http://localhost:8000", "http://localhost:8000/v1/messages"),
        ("anthropic", "http://localhost:8000/v1/", "http://localhost:8000/v1/messages"),
        ("responses", "http://localhost:8000/v1/", "http://localhost:8000/v1/responses"),
        ("google", "http://localhost:8000", f"http://localhost:8000/v1beta/{GENERATE}"),
        ("google", "http://localhost:8000/v1beta/", f"http://localhost:8000/v1beta/{GENERATE}"),
        (
            "google",
            "http://localhost:8000/v1beta/openai",
            f"http://localhost:8000/v1beta/{GENERATE}",
        ),
        (
            "google",
            "https://aiplatform.googleapis.com/v1/publishers/google",
            f"https://aiplatform.googleapis.com/v1/publishers/google/{GENERATE}",
        ),
    ],
)
def test_a_users_own_address_may_end_as_people_write_it(kind, base, url):
    mine = Provider("mine", kind, base)
    assert find_api(mine).completion_url(mine, "models/a/b") == url


def test_the_key_stands_where_the_provider_expects_it_and_nowhere_else():
    assert find_api(KNOWN["openai"]).auth_headers("sk-1") == {"Authorization": "Bearer sk-1"}
    assert find_api(KNOWN["anthropic"]).auth_headers("sk-1") == {
        "x-api-key": "sk-1",
        "anthropic-version": "2023-06-01",
    }
    assert find_api(KNOWN["responses"]).auth_headers("sk-1") == {"Authorization": "Bearer sk-1"}
    assert find_api(KNOWN["google"]).auth_headers("sk-1") == {"x-goog-api-key": "sk-1"}
    for name in ("vllm", "responses", "google"):
        assert find_api(KNOWN[name]).auth_headers(None) == {}


def test_a_request_says_the_model_the_messages_the_limit_and_the_sampling():
    assert body("deepinfra", SYSTEM, USER, temperature=1.0, top_p=0.9) == {
        "model": "some-model",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello!"},
        ],
        "max_tokens": 64,
        "temperature": 1.0,
        "top_p": 0.9,
    }


@pytest.mark.parametrize("provider", [name for name, p in KNOWN.items() if p.kind != "none"])
def test_every_request_carries_its_limit_exactly_once(provider):
    sent = body(provider, USER)
    newer = ("openai", "groq", "cerebras", "moonshotai", "minimax")
    names = dict.fromkeys(newer, "max_completion_tokens") | {"responses": "max_output_tokens"}
    limits = {"max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"}
    everything = sent | sent.get("generationConfig", {})
    field = names.get(provider, "maxOutputTokens" if provider == "google" else "max_tokens")
    assert everything[field] == 64
    assert len(limits & everything.keys()) == 1


def test_a_model_with_a_temperature_of_its_own_is_sent_none():
    sampling = {"temperature": 1.0, "top_p": 0.9, "top_k": 5, "reasoning_effort": "low"}
    sent = body("openai", USER, model="o3", **sampling)
    fields = {"model", "messages", "max_completion_tokens", "reasoning_effort", "service_tier"}
    assert sent.keys() == fields


def test_openai_is_asked_for_the_standard_tier_unless_the_experiment_asks_for_another():
    assert body("openai", USER)["service_tier"] == "default"
    assert body("openai", USER, service_tier="flex")["service_tier"] == "flex"


def test_a_server_of_the_users_own_is_asked_for_no_tier():
    own = replace(KNOWN["openai"], base_url="http://localhost:8000/v1", builtin_url=False)
    assert "service_tier" not in body(own, USER)
    assert body(own, USER, service_tier="flex")["service_tier"] == "flex"


@pytest.mark.parametrize("provider", [n for n, p in KNOWN.items() if p.kind != "none"])
def test_only_where_a_setting_could_choose_a_dearer_tier_the_standard_is_asked_for(provider):
    asked = {"openai": "default", "anthropic": "standard_only"}.get(provider)
    assert body(provider, USER).get("service_tier") == asked
    assert body(provider, USER, service_tier=None).get("service_tier") == asked


def test_a_regional_address_of_openai_is_openai_and_another_address_is_not():
    regional = replace(KNOWN["openai"], base_url="https://eu.api.openai.com/v1", builtin_url=False)
    assert body(regional, USER)["service_tier"] == "default"


RESERVED = RateCard("openrouter", "m", Rate(Decimal("0.72")), Rate(Decimal("1.50")))


def test_openrouter_is_told_the_highest_price_that_was_reserved():
    sent = body("openrouter", USER, reserve_card=RESERVED)
    assert sent["provider"] == {"max_price": {"prompt": 0.72, "completion": 1.5}}
    assert "provider" not in body("openrouter", USER)


@pytest.mark.parametrize("provider", [n for n, p in KNOWN.items() if p.kind != "none"])
def test_only_openrouter_is_told_a_highest_price(provider):
    told = "provider" in body(provider, USER, reserve_card=RESERVED)
    assert told == (provider == "openrouter")


def test_routing_of_the_users_own_is_kept_and_only_a_lower_price_is():
    routing = {"order": ["DeepInfra"], "max_price": {"prompt": 0.5, "completion": 9, "image": 1}}
    sent = body("openrouter", USER, reserve_card=RESERVED, provider=routing)
    lowest = {"prompt": 0.5, "completion": 1.5, "image": 1}
    assert sent["provider"] == {"order": ["DeepInfra"], "max_price": lowest}


def test_anthropic_takes_the_system_text_apart_from_the_turns():
    sent = body("anthropic", SYSTEM, Message("system", "Be kind."), USER, PREFILL, temperature=1.0)
    assert sent == {
        "model": "some-model",
        "system": "Be brief.\n\nBe kind.",
        "messages": [
            {"role": "user", "content": "Hello!"},
            {"role": "assistant", "content": "<OUTPUT>"},
        ],
        "max_tokens": 64,
        "temperature": 1.0,
        "service_tier": "standard_only",
    }
    assert "system" not in body("anthropic", USER)


def test_mistral_is_told_that_the_last_message_is_a_prefix():
    sent = body("mistral", USER, PREFILL)["messages"]
    assert sent[-1] == {"role": "assistant", "content": "<OUTPUT>", "prefix": True}
    assert sent[0] == {"role": "user", "content": "Hello!"}
    assert "prefix" not in body("mistral", USER)["messages"][-1]


def test_vllm_is_told_to_go_on_from_the_last_message():
    flags = {"continue_final_message": True, "add_generation_prompt": False}
    assert flags.items() <= body("vllm", USER, PREFILL).items()
    assert not flags.keys() & body("vllm", USER).keys()


@pytest.mark.parametrize("provider", ["deepinfra", "openrouter", "ollama"])
def test_others_go_on_from_the_last_message_as_it_stands(provider):
    sent = body(provider, USER, PREFILL)
    assert sent.keys() == {"model", "messages", "max_tokens"}
    assert sent["messages"][-1] == {"role": "assistant", "content": "<OUTPUT>"}


def test_fireworks_models_are_written_with_their_path_once():
    path = "accounts/fireworks/models/llama-v3p1-8b-instruct"
    assert body("fireworks", USER, model="llama-v3p1-8b-instruct")["model"] == path
    assert body("fireworks", USER, model=path)["model"] == path


def test_openai_counts_cached_tokens_and_reasoning_inside_and_they_are_billed_once():
    reply = read("openai", OPENAI)
    assert reply.usage == Usage(86, 300, cache_read=1920, reasoning=192)
    assert (reply.usage.prompt_tokens, reply.stated_cost) == (2006, None)
    assert (reply.text, reply.finish) == ("Hello! How can I assist you today?", "stop")
    assert (reply.model, reply.id) == ("gpt-4.1-2025-04-14", OPENAI["id"])
    assert dict(reply.raw_usage) == OPENAI["usage"]


def test_openrouters_stated_cost_is_read_to_the_pico_dollar():
    reply = read("openrouter", OPENROUTER)
    assert reply.stated_cost == Money.from_usd("0.00014")
    assert reply.usage == Usage(44, 2, cache_read=100, cache_write=50)
    assert (reply.text, reply.reasoning, reply.finish) == ("Yes", "Let me think.", "length")


@pytest.mark.parametrize(
    ("cost", "stated"),
    [
        (0.1, Money.from_usd("0.1")),
        (1e-7, Money(100_000)),
        (1.5e-12, Money(2)),  # rounded up
        (3, Money.from_usd("3")),
        ("0.25", Money.from_usd("0.25")),
        (0, None),
        (None, None),
        ("free", None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
    ],
)
def test_a_stated_cost_is_exact_and_what_is_none_says_nothing(cost, stated):
    assert read("openrouter", OPENROUTER, cost=cost).stated_cost == stated


@pytest.mark.parametrize("cost", [-0.5, -1e-12, "-1"])
def test_a_negative_stated_cost_gives_no_money_back(cost):
    try:
        stated = read("openrouter", OPENROUTER, cost=cost).stated_cost
    except MalformedResponse:
        return  # then its money is held
    assert stated is None


def test_a_cost_is_read_only_where_the_provider_is_known_to_state_one():
    assert read("deepinfra", DEEPINFRA, cost=1e-9).stated_cost is None


def test_deepinfra_answers_without_details():
    reply = read("deepinfra", DEEPINFRA)
    assert reply.usage == Usage(15, 16)
    assert (reply.text, reply.reasoning) == (" Hello!", "")


@pytest.mark.parametrize(
    ("provider", "answer", "output"), [("deepinfra", GEMINI, 36), ("x-ai", GROK, 103)]
)
def test_reasoning_that_stands_only_in_the_total_is_billed(provider, answer, output):
    assert read(provider, answer).usage.output == output


def test_a_total_below_the_sum_takes_nothing_away():
    assert read("openai", OPENAI, total_tokens=2000).usage.output == 300


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_shown_apart_is_kept_apart(field):
    message = {"role": "assistant", "content": None, field: "Hm."}
    answer = DEEPINFRA | {"choices": [{"message": message, "finish_reason": "length"}]}
    reply = read("deepinfra", answer)
    assert (reply.text, reply.reasoning) == ("", "Hm.")


def test_a_content_in_parts_is_joined():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "reference"}]
    answer = DEEPINFRA | {"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]}
    assert read("mistral", answer).text == "ab"


def test_anthropic_counts_cached_tokens_beside_and_they_are_billed_too():
    reply = read("anthropic", ANTHROPIC)
    assert reply.usage == Usage(21, 393, cache_read=7, cache_write=188086)
    assert reply.usage.prompt_tokens == 188114
    assert (reply.text, reply.reasoning) == ("Hi! My name is Claude.", "Who is asking?")
    assert (reply.finish, reply.model, reply.id) == ("stop", ANTHROPIC["model"], ANTHROPIC["id"])


def test_anthropics_cache_writes_for_an_hour_are_told_from_those_for_five_minutes():
    split = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 40}
    usage = {"cache_creation_input_tokens": 140, "cache_creation": split}
    assert read("anthropic", ANTHROPIC, **usage).usage == Usage(
        21, 393, cache_read=7, cache_write=100, cache_write_1h=40
    )


@pytest.mark.parametrize(
    ("provider", "answer", "tier"),
    [
        ("openai", OPENAI, "default"),
        ("anthropic", ANTHROPIC, "standard"),
        ("openrouter", OPENROUTER, ""),
        ("responses", RESPONSES, "default"),
        ("google", GOOGLE, "standard"),
        ("openai", OPENAI | {"service_tier": None}, ""),
        ("openai", OPENAI | {"service_tier": 3}, ""),
        ("openai", OPENAI | {"service_tier": "priority"}, "priority"),
    ],
)
def test_the_tier_that_a_request_was_served_in_is_read_where_it_is_said(provider, answer, tier):
    assert read(provider, answer).tier == tier


def test_an_answer_cut_at_the_limit_is_called_so_for_both_kinds():
    cut = ANTHROPIC | {"stop_reason": "max_tokens"}
    assert read("anthropic", cut).finish == read("openrouter", OPENROUTER).finish == "length"


def test_an_anthropic_answer_without_cache_fields_or_text_is_read():
    bare = ANTHROPIC | {"content": [], "usage": {"input_tokens": 5, "output_tokens": 0}}
    reply = parse(KNOWN["anthropic"], bare)
    assert (reply.usage, reply.text) == (Usage(5, 0), "")


SHAPES = [
    *(("openai", OPENAI), ("openrouter", OPENROUTER), ("anthropic", ANTHROPIC)),
    *(("responses", RESPONSES), ("google", GOOGLE)),
]
REQUIRED = {"openai": ("prompt_tokens", "completion_tokens")}
REQUIRED |= {"openrouter": REQUIRED["openai"], "anthropic": ("input_tokens", "output_tokens")}
REQUIRED |= {"responses": REQUIRED["anthropic"], "google": ("promptTokenCount",)}


@pytest.mark.parametrize(("provider", "answer"), SHAPES)
@pytest.mark.parametrize("value", [None, -1, True, False, 1.5, -12.0, "12 tokens", "-1", [12], {}])
@pytest.mark.parametrize("which", [0, 1])
def test_usage_that_is_no_count_is_unreadable_never_zero(provider, answer, value, which):
    name = REQUIRED[provider][which % len(REQUIRED[provider])]
    with pytest.raises(MalformedResponse, match=rf"usage\.{name}"):
        read(provider, answer, **{name: value})


@pytest.mark.parametrize(("provider", "answer"), SHAPES)
@pytest.mark.parametrize("usage", [None, [], 5, "none", {}])
def test_an_answer_without_usage_is_unreadable(provider, answer, usage):
    name = "usage" if "usage" in answer else "usageMetadata"
    with pytest.raises(MalformedResponse, match="usage"):
        parse(KNOWN[provider], answer | {name: usage})
    with pytest.raises(MalformedResponse, match="no usage"):
        parse(KNOWN[provider], {k: v for k, v in answer.items() if k != name})


@pytest.mark.parametrize(
    ("provider", "answer", "usage"),
    [
        ("openai", OPENAI, {"total_tokens": -5}),
        ("openai", OPENAI, {"total_tokens": True}),
        ("openai", OPENAI, {"prompt_tokens_details": {"cached_tokens": -1}}),
        ("openai", OPENAI, {"prompt_tokens_details": [1]}),
        ("openai", OPENAI, {"completion_tokens_details": {"reasoning_tokens": 1.5}}),
        ("anthropic", ANTHROPIC, {"cache_read_input_tokens": -7}),
        ("anthropic", ANTHROPIC, {"cache_creation_input_tokens": True}),
        ("anthropic", ANTHROPIC, {"cache_creation": {"ephemeral_1h_input_tokens": -1}}),
        ("anthropic", ANTHROPIC, {"cache_creation": [1]}),
        ("responses", RESPONSES, {"total_tokens": -5}),
        ("responses", RESPONSES, {"input_tokens_details": {"cached_tokens": -1}}),
        ("responses", RESPONSES, {"input_tokens_details": [1]}),
        ("responses", RESPONSES, {"output_tokens_details": {"reasoning_tokens": 1.5}}),
        ("google", GOOGLE, {"totalTokenCount": -5}),
        ("google", GOOGLE, {"thoughtsTokenCount": -5}),
        ("google", GOOGLE, {"thoughtsTokenCount": "many"}),
        ("google", GOOGLE, {"candidatesTokenCount": 1.5}),
        ("google", GOOGLE, {"cachedContentTokenCount": True}),
        ("google", GOOGLE, {"toolUsePromptTokenCount": -1}),
    ],
)
def test_usage_that_contradicts_itself_is_unreadable(provider, answer, usage):
    with pytest.raises(MalformedResponse):
        read(provider, answer, **usage)


@pytest.mark.parametrize(
    ("provider", "answer", "usage"),
    [
        ("openai", OPENAI, {"prompt_tokens": 10**9 + 1}),
        ("openai", OPENAI, {"completion_tokens": 10**30}),
        ("openai", OPENAI, {"total_tokens": 10**30}),
        ("anthropic", ANTHROPIC, {"input_tokens": 2**63}),
        ("anthropic", ANTHROPIC, {"cache_read_input_tokens": 10**30}),
        ("openrouter", OPENROUTER, {"cost": 10**30}),
        ("responses", RESPONSES, {"output_tokens": 2**63}),
        ("google", GOOGLE, {"thoughtsTokenCount": 2**63}),
    ],
)
def test_usage_that_no_call_can_have_is_unreadable(provider, answer, usage):
    with pytest.raises(MalformedResponse, match=f"usage.{next(iter(usage))} is"):
        read(provider, answer, **usage)


@pytest.mark.parametrize(("provider", "answer"), SHAPES)
def test_a_whole_number_is_a_count_however_it_is_written(provider, answer):
    def write(node, as_number):
        if isinstance(node, dict):
            return {name: write(each, as_number) for name, each in node.items()}
        return as_number(node) if type(node) is int else node

    name = "usage" if "usage" in answer else "usageMetadata"
    expected = read(provider, answer).usage
    forms = (float, lambda n: Decimal(f"{n}.0"), lambda n: Decimal(f"{n}0e-1"), str)
    for form in forms:
        assert parse(KNOWN[provider], answer | {name: write(answer[name], form)}).usage == expected


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1e400", "1e999999999", "-0.5", "0.5", "1e-999999999"]
)
@pytest.mark.parametrize(
    "usage", ["prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens"]
)
def test_a_figure_that_is_no_count_of_tokens_is_unreadable_and_takes_no_time(usage, value):
    with pytest.raises(MalformedResponse):
        parse(KNOWN["openai"], OPENAI | {"usage": OPENAI["usage"] | {usage: Decimal(value)}})


def test_a_stated_cost_beyond_all_numbers_says_nothing():
    assert parse_stated_cost("1e999999999") is None


def test_what_no_database_holds_is_read_as_characters_that_stand_for_it():
    said = "a\0b \ud800 c"
    message = {"content": said, "reasoning": said}
    choices = [{"message": message, "finish_reason": said}]
    reply = read("openai", OPENAI | {"choices": choices, "id": said, "model": said})
    texts = {reply.text, reply.reasoning, reply.finish, reply.id, reply.model}
    blocks = [{"type": "text", "text": said}, {"type": "thinking", "thinking": said}]
    reply = read("anthropic", ANTHROPIC | {"content": blocks, "stop_reason": said, "id": said})
    texts |= {reply.text, reply.reasoning, reply.finish, reply.id}
    thought = {"type": "reasoning", "summary": [{"text": said}]}
    items = [thought, {"type": "message", "content": [{"type": "output_text", "text": said}]}]
    reply = read("responses", RESPONSES | {"output": items, "status": said, "id": said})
    texts |= {reply.text, reply.reasoning, reply.finish, reply.id}
    content = {"parts": [{"text": said, "thought": True}, {"text": said}]}
    candidates = [{"content": content, "finishReason": said}]
    reply = read("google", GOOGLE | {"candidates": candidates, "responseId": said})
    assert texts | {reply.text, reply.reasoning, reply.finish, reply.id} == {"a\u2400b \ufffd c"}


@pytest.mark.parametrize("text", ["\U0001f600 \ue001\ufffe", "tab\tline\r\nend", "e\u0301"])
def test_all_other_text_is_read_as_it_is(text):
    choices = [{"message": {"content": text}, "finish_reason": "stop"}]
    assert read("openai", OPENAI | {"choices": choices}).text == text


@pytest.mark.parametrize(
    ("provider", "answer"),
    [
        ("openai", None),
        ("openai", []),
        ("openai", "Hello!"),
        ("openai", OPENAI | {"choices": []}),
        ("openai", OPENAI | {"choices": None}),
        ("openai", OPENAI | {"choices": [{"finish_reason": "stop"}]}),
        ("openai", OPENAI | {"choices": [{"message": "Hello!"}]}),
        ("openai", OPENAI | {"choices": [{"message": {"content": ["a"]}}]}),
        ("anthropic", ANTHROPIC | {"content": None}),
        ("anthropic", ANTHROPIC | {"content": [{"type": "text"}]}),
        ("anthropic", ANTHROPIC | {"content": ["Hi!"]}),
    ],
)
def test_an_answer_without_a_text_is_unreadable(provider, answer):
    with pytest.raises(MalformedResponse):
        parse(KNOWN[provider], answer)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def list_places(node, path=()):
    """Return the paths to everything in an answer."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for name, child in children:
        yield (*path, name)
        if isinstance(child, dict | list):
            yield from list_places(child, (*path, name))


NEW_FIELDS = [("tool_usage",), ("promptFeedback",), ("incomplete_details",), ("citations",)]
PLACES = [(*shape, place) for shape in SHAPES for place in (*list_places(shape[1]), *NEW_FIELDS)]


@settings(STEADY, max_examples=1000)
@given(where=st.sampled_from(PLACES), junk=JUNK)
def test_whatever_a_provider_says_it_is_read_or_unreadable_and_nothing_else(where, junk):
    provider, answer, (*outer, name) = where
    changed = copy.deepcopy(answer)
    inside = changed
    for each in outer:
        inside = inside[each]
    inside[name] = junk
    try:
        reply = parse(KNOWN[provider], changed)
    except MalformedResponse:
        return
    assert reply.usage.prompt_tokens >= 0
    assert all(isinstance(each, str) for each in (reply.text, reply.reasoning, *reply.other_texts))


@settings(STEADY, max_examples=200)
@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 3 * 10**6)
)
def test_no_token_is_lost_or_billed_twice(fresh, cached, completion, total):
    usage = {
        "prompt_tokens": fresh + cached,
        "completion_tokens": completion,
        "total_tokens": total,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": None,
    }
    billed = read("openai", OPENAI, **usage).usage
    assert (billed.input, billed.cache_read, billed.cache_write) == (fresh, cached, 0)
    assert billed.prompt_tokens + billed.output == max(fresh + cached + completion, total)


@pytest.mark.parametrize(
    ("usage", "stated"),
    [
        ({"cost": 0.000021, "is_byok": False}, "0.000021"),
        (
            {
                "cost": 0.000021,
                "is_byok": True,
                "cost_details": {"upstream_inference_cost": 0.000419},
            },
            "0.00044",
        ),
        (
            {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.000419}},
            "0.000419",
        ),
        ({"cost": 0.000021, "is_byok": True}, None),
    ],
)
def test_with_a_key_of_ones_own_openrouters_fee_is_not_the_whole_bill(usage, stated):
    found = read("openrouter", OPENROUTER, **usage).stated_cost
    assert found == (Money.from_usd(stated) if stated else None)


def test_a_tier_that_would_move_a_terminal_is_shown_without_it():
    told = OPENAI | {"service_tier": "\x1b[2Jpriority" + "y" * 100}
    assert read("openai", told).tier == ("[2Jpriority" + "y" * 100)[:40]


@pytest.mark.parametrize(
    ("provider", "url"),
    [
        ("openai", "https://api.openai.com/v1/models"),
        ("google", "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000"),
        ("anthropic", "https://api.anthropic.com/v1/models"),
    ],
)
def test_a_model_list_is_asked_for_where_the_provider_keeps_it(provider, url):
    assert find_api(KNOWN[provider]).models_url(KNOWN[provider]) == url


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_model_list_is_read_into_its_ids(provider):
    listed = {"data": [{"id": "one"}, {"id": "two", "object": "model"}]}
    assert find_api(KNOWN[provider]).parse_model_list(listed) == {"one", "two"}


def test_googles_ids_may_be_named_with_and_without_what_it_puts_before_them():
    own = Provider("mine", "openai", "https://generativelanguage.googleapis.com/v1beta/openai")
    ids = {"models/gemini-x", "gemini-x"}
    native = {"models": [{"name": "models/gemini-x", "version": "001"}], "nextPageToken": "x"}
    assert find_api(KNOWN["google"]).parse_model_list(native) == ids
    assert find_api(own).parse_model_list({"data": [{"id": "models/gemini-x"}]}) == ids


@pytest.mark.parametrize("provider", ["openai", "anthropic", "responses", "google"])
@pytest.mark.parametrize("listed", [None, [], {}, {"data": 3}, {"data": [1]}, {"data": [{}]}])
def test_a_model_list_that_is_none_is_malformed(provider, listed):
    with pytest.raises(MalformedResponse):
        find_api(KNOWN[provider]).parse_model_list(listed)
