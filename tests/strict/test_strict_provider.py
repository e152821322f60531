"""The strict provider: what it refuses, what it accepts, and in which form it says so."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from providers.apis import find_api
from providers.registry import builtin_providers
from tests.strict.checks import find_faults
from tests.strict.server import run_strict_provider

ASK = [{"role": "user", "content": "Why?"}]
GO_ON = [*ASK, {"role": "assistant", "content": "Because"}]
NOW, BEFORE = "2026-10-21", "2023-06-01"


def body(model: str, messages: Any = ASK, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": messages, **fields}


def claude(model: str, messages: Any = ASK, **fields: Any) -> dict[str, Any]:
    return {"max_tokens": 4096, **body(model, messages, **fields)}


def gemini(contents: Any = None, **config: Any) -> dict[str, Any]:
    turns = contents or [{"role": "user", "parts": [{"text": "Why?"}]}]
    return {"contents": turns, "generationConfig": {"maxOutputTokens": 99, **config}}


def refused_fields(
    provider: str, api: str, sent: dict[str, Any], model: str = "", version: str = BEFORE
) -> list[str]:
    headers = {"anthropic-version": version}
    found = find_faults(provider, api, sent, model=model, headers=headers)
    return [fault.field for fault in found]


ENABLED = {"type": "enabled", "budget_tokens": 2000}


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (claude("claude-opus-4-8", temperature=1.0), "temperature"),
        (claude("claude-sonnet-5", temperature=0), "temperature"),
        (claude("claude-haiku-4-5", stop=["END"]), "stop"),
        (claude("claude-opus-4-1", temperature=0.5, top_p=0.9), "top_p"),
        (claude("claude-sonnet-4-6", temperature=0.5, top_p=0.9), "top_p"),
        (
            claude("claude-haiku-4-5", [*ASK, {"role": "assistant", "content": "<OUTPUT>\n"}]),
            "prefill",
        ),
        (claude("claude-opus-4-6", GO_ON), "prefill"),
        (claude("claude-sonnet-4-5", GO_ON, thinking=ENABLED), "prefill"),
        (
            claude("claude-sonnet-4-5", thinking=ENABLED | {"budget_tokens": 4096}),
            "thinking.budget_tokens",
        ),
        (
            claude("claude-sonnet-4-5", thinking=ENABLED | {"budget_tokens": 500}),
            "thinking.budget_tokens",
        ),
        (claude("claude-haiku-4-5", temperature=2), "temperature"),
        (claude("claude-sonnet-4-5", thinking=ENABLED, temperature=0.5), "temperature"),
        (claude("claude-opus-4-8", thinking=ENABLED), "thinking.budget_tokens"),
        (claude("claude-opus-5-5", thinking={"type": "disabled"}), "thinking.type"),
        (claude("claude-sonnet-5-5", thinking={"type": "disabled"}), "thinking.type"),
        (claude("claude-sonnet-4-6", output_config={"effort": "xhigh"}), "output_config.effort"),
        (claude("claude-sonnet-4-5", output_config={"effort": "low"}), "output_config.effort"),
        (
            claude("claude-opus-5", thinking={"type": "disabled"}, output_config={"effort": "max"}),
            "output_config.effort",
        ),
        (claude("claude-3-haiku-20240307", max_tokens=5000), "max_tokens"),
        (claude("claude-haiku-4-5", reasoning_effort="low"), "reasoning_effort"),
        (
            claude("claude-haiku-4-5", [*ASK, {"role": "system", "content": "No."}]),
            "messages.1.role",
        ),
    ],
)
def test_anthropic_refuses(sent, field):
    assert field in refused_fields("anthropic", "messages", sent)


@pytest.mark.parametrize(
    "sent",
    [
        claude("claude-opus-4-8"),
        claude("claude-haiku-4-5", GO_ON, temperature=1.0, stop_sequences=["END"], system="Be."),
        claude("claude-sonnet-4-5", thinking=ENABLED),
        claude("claude-opus-4-8", thinking={"type": "adaptive"}, output_config={"effort": "xhigh"}),
        claude("claude-sonnet-5-5", thinking={"type": "between_tools"}),
        claude("claude-opus-5", thinking={"type": "disabled"}, output_config={"effort": "high"}),
        claude("claude-opus-4-6", thinking=ENABLED),
    ],
)
def test_anthropic_accepts(sent):
    assert refused_fields("anthropic", "messages", sent) == []


def test_anthropic_takes_no_sampling_fields_in_its_newest_version():
    sent = claude("claude-haiku-4-5", temperature=1.0)
    assert refused_fields("anthropic", "messages", sent, version=BEFORE) == []
    assert refused_fields("anthropic", "messages", sent, version=NOW) == ["temperature"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (body("gpt-5.1", presence_penalty=1), "presence_penalty"),
        (body("gpt-5.1", logit_bias={"1": 1}), "logit_bias"),
        (body("gpt-5.1", temperature=0, reasoning_effort="low"), "temperature"),
        (body("gpt-5.5", temperature=0), "temperature"),
        (body("gpt-5", reasoning_effort="none"), "reasoning_effort"),
        (body("gpt-5.1", reasoning_effort="minimal"), "reasoning_effort"),
        (body("gpt-6.1-sol", reasoning_effort="none"), "reasoning_effort"),
        (body("gpt-6-sol", reasoning_effort="max"), "reasoning_effort"),
        (body("gpt-5", max_tokens=9), "max_tokens"),
        (body("o3", max_completion_tokens=9, stop="x"), "stop"),
        (body("gpt-4o", reasoning_effort="low"), "reasoning_effort"),
        (body("gpt-4o", max_completion_tokens=20_000), "max_completion_tokens"),
        (body("gpt-4o", top_k=5), "top_k"),
        (body("gpt-4o", GO_ON), "prefill"),
        (body("o3-pro"), "model"),
        (body("gpt-5-pro"), "model"),
        (body("gpt-5-codex"), "model"),
    ],
)
def test_openai_refuses(sent, field):
    assert field in refused_fields("openai", "chat", sent)


@pytest.mark.parametrize(
    "sent",
    [
        body("gpt-5.1", temperature=0, reasoning_effort="none"),
        body("gpt-5.2", temperature=0),
        body("gpt-5", reasoning_effort="minimal", max_completion_tokens=4096, temperature=1),
        body("gpt-4o-mini", temperature=0, stop=["END"], seed=1, max_completion_tokens=512),
        body("gpt-6-luna", reasoning_effort="none", temperature=0.3),
    ],
)
def test_openai_accepts(sent):
    assert refused_fields("openai", "chat", sent) == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"max_output_tokens": 15}, "max_output_tokens"),
        ({"stop": ["x"]}, "stop"),
        ({"reasoning": {"effort": "none"}}, "reasoning.effort"),
        ({"temperature": 0}, "temperature"),
        ({"max_completion_tokens": 99}, "max_completion_tokens"),
    ],
)
def test_openai_serves_some_models_only_by_responses(changed, field):
    asked = {"reasoning": {"effort": "low", "summary": "auto"}}
    sent = {"model": "o3-pro", "input": ASK, "max_output_tokens": 16, **asked}
    assert refused_fields("openai", "responses", sent) == []
    assert field in refused_fields("openai", "responses", sent | changed)


MODEL_TURN = [
    {"role": "user", "parts": [{"text": "Why?"}]},
    {"role": "model", "parts": [{"text": "Because"}]},
]
THINKING = "generationConfig.thinkingConfig"


@pytest.mark.parametrize(
    ("model", "sent", "field"),
    [
        (
            "gemini-2.5-pro",
            gemini(thinkingConfig={"thinkingBudget": 0}),
            f"{THINKING}.thinkingBudget",
        ),
        (
            "gemini-2.5-flash",
            gemini(thinkingConfig={"thinkingLevel": "LOW"}),
            f"{THINKING}.thinkingLevel",
        ),
        (
            "gemini-3.8-flash",
            gemini(thinkingConfig={"thinkingLevel": "MINIMAL"}),
            f"{THINKING}.thinkingLevel",
        ),
        (
            "gemini-3-pro-preview",
            gemini(thinkingConfig={"thinkingLevel": "MEDIUM"}),
            f"{THINKING}.thinkingLevel",
        ),
        ("gemini-2.0-flash", gemini(thinkingConfig={"thinkingBudget": 0}), THINKING),
        ("gemini-2.5-flash", gemini(max_tokens=9), "generationConfig.max_tokens"),
        ("gemini-2.5-flash", gemini(stopSequences=["x"] * 6), "generationConfig.stopSequences"),
        ("gemini-3.8-flash", gemini(MODEL_TURN), "prefill"),
        ("gemini-2.5-flash", gemini() | {"messages": []}, "messages"),
    ],
)
def test_google_refuses(model, sent, field):
    assert field in refused_fields("google", "generate", sent, model)


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("gemini-2.5-flash", gemini(temperature=1.0, thinkingConfig={"thinkingBudget": 0})),
        (
            "gemini-2.5-pro",
            gemini(thinkingConfig={"thinkingBudget": 2000, "includeThoughts": True}),
        ),
        ("gemini-3.1-pro-preview", gemini(thinkingConfig={"thinkingLevel": "MEDIUM"})),
        ("gemini-3-flash-preview", gemini(thinkingConfig={"thinkingLevel": "minimal"})),
    ],
)
def test_google_accepts(model, sent):
    assert refused_fields("google", "generate", sent, model) == []


@pytest.mark.parametrize(
    ("provider", "sent", "field"),
    [
        ("openrouter", body("google/gemini-3.5-flash", GO_ON), "prefill"),
        ("openrouter", body("openai/gpt-4.1", GO_ON), "prefill"),
        ("openrouter", body("x-ai/grok-4.3", GO_ON), "prefill"),
        ("openrouter", body("anthropic/claude-opus-4.6", GO_ON), "prefill"),
        ("openrouter", body("z-ai/glm-5.3", reasoning={"effort": "none"}), "reasoning.effort"),
        ("openrouter", body("openai/gpt-5", reasoning={"enabled": False}), "reasoning.enabled"),
        (
            "openrouter",
            body("z-ai/glm-5", reasoning={"effort": "low", "max_tokens": 9}),
            "reasoning.max_tokens",
        ),
        ("openrouter", body("openai/gpt-4o", max_tokens=9), "max_tokens"),
        ("x-ai", body("grok-4.3", stop=["x"]), "stop"),
        ("x-ai", body("grok-4.3", presence_penalty=0), "presence_penalty"),
        ("x-ai", body("grok-4.7", reasoning_effort="none"), "reasoning_effort"),
        ("deepseek", body("deepseek-v4-pro", GO_ON), "prefill"),
        ("deepseek", body("deepseek-v4-pro", seed=1), "seed"),
        ("mistral", body("mistral-large-2512", seed=1), "seed"),
        ("mistral", body("mistral-large-2512", GO_ON), "prefill"),
        ("mistral", body("mistral-medium-3-5", reasoning_effort="low"), "reasoning_effort"),
        ("mistral", body("mistral-large-2512", temperature=1.6), "temperature"),
        ("groq", body("qwen/qwen3-32b", reasoning_effort="low"), "reasoning_effort"),
        ("groq", body("llama-3.3-70b-versatile", top_k=4), "top_k"),
        ("groq", body("openai/gpt-oss-20b", logprobs=True), "logprobs"),
        ("together", body("zai-org/GLM-5.3", reasoning={"enabled": False}), "reasoning.enabled"),
        (
            "together",
            body("meta-llama/Llama-3.3-70B-Instruct-Turbo", reasoning_effort="low"),
            "reasoning_effort",
        ),
        (
            "fireworks",
            body("accounts/fireworks/models/kimi-k3", reasoning_effort="none"),
            "reasoning_effort",
        ),
        (
            "fireworks",
            body("accounts/fireworks/models/kimi-k3", enable_thinking=False),
            "enable_thinking",
        ),
        ("cerebras", body("gpt-oss-120b", disable_reasoning=True), "disable_reasoning"),
        ("moonshotai", body("kimi-k3", temperature=0), "temperature"),
        (
            "moonshotai",
            body("kimi-k2.6", temperature=1, thinking={"type": "disabled"}),
            "temperature",
        ),
        ("moonshotai", body("kimi-k3", thinking={"type": "disabled"}), "thinking"),
        (
            "moonshotai",
            body("kimi-k2.6", thinking={"type": "enabled"}, reasoning_effort="low"),
            "reasoning_effort",
        ),
        ("moonshotai", body("kimi-k2.6", top_p=0.9), "top_p"),
        ("zai", body("GLM-5.3", thinking={"type": "disabled"}), "thinking.type"),
        ("zai", body("GLM-4.7", reasoning_effort="low"), "reasoning_effort"),
        ("zai", body("GLM-5", temperature=1.5), "temperature"),
        ("minimax", body("MiniMax-M3", temperature=1.5), "temperature"),
        ("deepinfra", body("Qwen/Qwen3-32B", reasoning_effort="ultra"), "reasoning_effort"),
        ("deepinfra", body("anthropic/claude-opus-4-8", temperature=0), "temperature"),
        ("novita", body("deepseek/deepseek-v4-pro", reasoning={"effort": "low"}), "reasoning"),
        ("novita", body("deepseek/deepseek-v4-pro", reasoning_effort="none"), "reasoning_effort"),
        ("novita", body("deepseek/deepseek-v4-pro", enable_thinking="false"), "enable_thinking"),
        ("cohere", body("command-a", presence_penalty=-1), "presence_penalty"),
        ("cohere", body("command-r", max_tokens=5000), "max_tokens"),
        ("vllm", body("any", GO_ON), "prefill"),
        (
            "vllm",
            body("any", GO_ON, continue_final_message=True, add_generation_prompt=True),
            "prefill",
        ),
        ("vllm", body("any", [*ASK, {"role": "assistant", "content": ""}]), "messages.1"),
    ],
)
def test_chat_completions_refuses(provider, sent, field):
    assert field in refused_fields(provider, "chat", sent)


@pytest.mark.parametrize(
    ("provider", "sent"),
    [
        ("openrouter", body("anthropic/claude-haiku-4.5", GO_ON, temperature=1.0, max_tokens=99)),
        ("openrouter", body("z-ai/glm-5.3", reasoning={"effort": "max"}, temperature=0)),
        ("openrouter", body("openai/gpt-5.1", reasoning={"enabled": False}, max_tokens=99)),
        ("x-ai", body("grok-4.3", reasoning_effort="none", temperature=0, max_tokens=99)),
        ("deepseek", body("deepseek-v4-pro", thinking={"type": "disabled"}, temperature=0)),
        ("mistral", body("mistral-large-2512", [*ASK, GO_ON[1] | {"prefix": True}], random_seed=1)),
        ("groq", body("qwen/qwen3-32b", GO_ON, reasoning_effort="none")),
        ("together", body("moonshotai/Kimi-K3", reasoning_effort="max", top_k=4)),
        ("fireworks", body("accounts/fireworks/models/deepseek-v4-pro", reasoning_effort="none")),
        ("cerebras", body("gpt-oss-120b", reasoning_effort="low", seed=1)),
        ("moonshotai", body("kimi-k2.6", thinking={"type": "disabled"}, max_tokens=99)),
        ("zai", body("GLM-4.7", thinking={"type": "disabled"}, temperature=1.0)),
        ("minimax", body("MiniMax-M3", thinking={"type": "disabled"}, temperature=1.0)),
        (
            "deepinfra",
            body("meta-llama/Llama-3.3-70B-Instruct-Turbo", GO_ON, reasoning_effort="none"),
        ),
        ("novita", body("deepseek/deepseek-v4-pro", enable_thinking=False)),
        ("cohere", body("command-a", temperature=1.0, max_tokens=4096, seed=1)),
        ("vllm", body("any", GO_ON, continue_final_message=True, add_generation_prompt=False)),
    ],
)
def test_chat_completions_accepts(provider, sent):
    assert refused_fields(provider, "chat", sent) == []


@pytest.fixture(scope="module")
def server():
    with run_strict_provider() as strict:
        yield strict


def post(url: str, sent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310 - loopback
        url, json.dumps(sent).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize(
    ("path", "sent", "status", "where"),
    [
        ("openai/v1/chat/completions", body("gpt-5", foo=1), 400, ("error", "param")),
        ("openai/v1/chat/completions", body("o3-pro"), 404, ("error", "message")),
        (
            "openai/v1/responses",
            {"model": "o3-pro", "foo": 1, "input": ASK},
            400,
            ("error", "param"),
        ),
        ("anthropic/v1/messages", claude("claude-opus-4-8", foo=1), 400, ("error", "message")),
        (
            "google/v1beta/models/gemini-2.5-pro:generateContent",
            gemini(foo=1),
            400,
            ("error", "message"),
        ),
        (
            "openrouter/api/v1/chat/completions",
            body("a/b", foo=1),
            400,
            ("error", "metadata", "raw"),
        ),
        ("x-ai/v1/chat/completions", body("grok-4.3", foo=1), 400, ("error",)),
        ("mistral/v1/chat/completions", body("m", foo=1), 422, ("message", "detail", 0, "msg")),
        ("deepinfra/v1/openai/chat/completions", body("m", foo=1), 422, ("detail", 0, "msg")),
        ("cohere/compatibility/v1/chat/completions", body("m", foo=1), 400, ("message",)),
        ("cerebras/v1/chat/completions", body("m", foo=1), 400, ("message",)),
    ],
)
def test_a_refusal_has_the_status_and_the_form_of_its_api_and_names_the_field(
    server, path, sent, status, where
):
    code, reply = post(f"{server.url}/{path}", sent)
    for step in where:
        reply = reply[step]
    assert code == status
    assert "foo" in reply or status == 404
    assert server.refusals[-1][0] == path.split("/")[0]


@pytest.mark.parametrize(
    ("provider", "path", "sent"),
    [
        ("openai", "openai/v1/chat/completions", body("gpt-4o-mini")),
        ("anthropic", "anthropic/v1/messages", claude("claude-haiku-4-5")),
    ],
)
def test_an_answer_is_what_our_own_reader_takes(server, provider, path, sent):
    code, reply = post(f"{server.url}/{path}", sent)
    known = builtin_providers()[provider]
    read = find_api(known).parse_response(known, reply)
    assert code == 200
    assert read.usage.output > 0
    assert read.text


@pytest.mark.parametrize(
    ("path", "sent", "usage"),
    [
        ("openai/v1/responses", {"model": "o3-pro", "input": ASK}, "usage"),
        ("google/v1beta/models/gemini-2.5-pro:generateContent", gemini(), "usageMetadata"),
    ],
)
def test_an_answer_states_its_usage(server, path, sent, usage):
    code, reply = post(f"{server.url}/{path}", sent)
    assert code == 200
    assert reply[usage]
