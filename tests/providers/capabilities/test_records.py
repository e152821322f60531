"""Records: what is known of each model at each of its providers.

The lists here are written from what is generally known of these models, not from the rows.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pricing.catalog import canonical_id, list_aliases, provider_ids
from providers.capabilities import FieldRule, find_capability, load_ways
from providers.capabilities.record_fields import LEVELS
from providers.registry import builtin_providers
from tests.support.rows import check_each

KNOWN = {
    **builtin_providers(),
    "google": replace(builtin_providers()["google"], kind="google", max_tokens_field="max_tokens"),
}
OFFERS = [(alias, *offer) for alias in list_aliases() for offer in provider_ids(alias).items()]
MODELS = sorted({(provider, model) for _, provider, model in OFFERS})
REASON_UNASKED = re.compile(
    r"o[134](-mini)?|gpt-5(-mini|-nano)?|gpt-5\.[5-9].*|gpt-[6-9].*|gpt-oss-.*"
    r"|claude-(opus|sonnet|haiku|fable)-5.*|gemini-2\.5-(pro|flash)|gemini-[3-9].*|grok-[4-9].*"
    r"|deepseek-(r1|v4).*|qwen3(-\d+b(-a\d+b)?)?|qwen3-.*thinking.*|qwen3\.[5-9].*|qwq.*"
    r"|kimi-k2-thinking|kimi-k2\.[5-9]|kimi-k[3-9].*|glm-(4\.[5-9]|[5-9]).*|minimax-m[2-9].*"
    r"|magistral.*|mistral-large-4|nemotron-3.*"
)
REASON_IF_ASKED = re.compile(
    r"gpt-5\.[1-4]|claude-3\.7-sonnet|claude-(opus|sonnet|haiku)-4.*|deepseek-v3\.[12]"
    r"|mistral-(small-4|medium-3\.5)|hermes-4.*|gemma-4.*"
)
# Where a provider demands more than the maker of a model does.
STRICTER = {("claude-sonnet-5.5", "openrouter"): "always"}


def record(provider, model):
    return find_capability(KNOWN[provider], model)


def own(kind="openai", model="some-model", **changes):
    provider = replace(KNOWN["vllm"], name="mine", kind=kind, **changes)
    return find_capability(provider, model)


def check_reasoning(alias, provider, model):
    found = record(provider, model).reasons
    if expected := STRICTER.get((alias, provider)):
        assert found == expected
    elif REASON_UNASKED.fullmatch(alias):
        assert found in {"always", "default"}
    elif REASON_IF_ASKED.fullmatch(alias):
        assert found == "on_request"
    else:
        assert found == "never"
    offers = [each for each in provider_ids(alias).items() if (alias, each[0]) not in STRICTER]
    assert len({record(*offer).reasons for offer in offers}) == 1


def test_whether_an_alias_reasons_is_known_and_the_same_everywhere():
    check_each(OFFERS, check_reasoning)


def check_ways(provider, model):
    found = record(provider, model)
    way = load_ways().get(found.asked_by, {})
    by_number = "budget" in way and found.levels == tuple(found.budgets)
    assert not found.levels or "level" in way or by_number
    assert not found.stops or "off" in way
    assert not found.budget or "budget" in way
    assert found.default_level in {"", *LEVELS}
    assert found.reasons not in {"always", "never"} or not found.stops
    assert not found.budgets or ("budget" in way and "level" not in way)
    if found.budget and found.budgets:
        low, high = found.budget
        assert all(low <= tokens <= high for tokens in found.budgets.values())


def test_what_an_alias_takes_can_be_asked_for():
    check_each(MODELS, check_ways)


def check_sources(provider, model):
    found = record(provider, model)
    assert found.sources
    assert found.checked is not None
    assert not any("not known" in each for each in found.sources), "it has a row of its own"


def test_a_record_of_an_alias_says_where_it_is_from():
    check_each(MODELS, check_sources)


def test_the_alias_table_is_as_large_as_ever():
    assert len(OFFERS) > 380


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        # As hosts write them.
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "on_request"),
        ("claude-sonnet-4@20250514", "on_request"),
        ("claude-3-5-sonnet-v2@20241022", "never"),
        ("anthropic/claude-opus-4.8-fast", "on_request"),
        ("accounts/fireworks/models/deepseek-v3p1", "on_request"),
        ("accounts/fireworks/models/qwen2p5-72b-instruct", "never"),
        ("accounts/fireworks/models/llama-v3p1-405b-instruct", "never"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", "never"),
        ("llama3.1:8b", "never"),
        ("meta.llama4-scout-17b-instruct-v1:0", "never"),
        ("deepseek.r1-v1:0", "always"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "always"),
        ("deepseek-ai/DeepSeek-V3", "never"),
        ("deepseek/deepseek-chat-v3-0324:free", "never"),
        ("ft:gpt-4o-mini-2024-07-18:org::id", "never"),
        ("openai.gpt-oss-120b-1:0", "always"),
        ("gpt-4o-2024-08-06", "never"),
        ("gpt-5.1-codex-max", "always"),
        ("gpt-5.2-pro-2025-12-11", "always"),
        ("o3-deep-research", "always"),
        ("gemini-1.5-pro-002", "never"),
        ("gemini-2.0-flash-lite", "never"),
        ("gemini-2.5-flash-lite", "on_request"),
        ("gemini-3.5-flash-lite", "on_request"),
        ("gemini-3.5-flash", "always"),
        ("gemini-2.5-flash-preview-09-2025", "default"),
        ("grok-4-fast-non-reasoning", "never"),
        ("grok-4-fast-reasoning", "default"),
        ("grok-3-mini", "default"),
        ("qwen3:8b", "default"),
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct", "never"),
        ("Qwen/Qwen3-Next-80B-A3B-Thinking", "always"),
        ("qwen/qwen3.6-plus", "default"),
        ("zai-org/GLM-4.7-Flash", "default"),
        ("accounts/fireworks/models/glm-5p3", "always"),
        ("magistral-medium-2509", "always"),
        ("mistral-medium-2508", "never"),
        ("mistral-small-latest", "on_request"),
        ("nvidia/Llama-3.1-Nemotron-70B-Instruct", "never"),
        ("nvidia.nemotron-super-3-120b:0", "default"),
        ("nvidia/llama-3.3-nemotron-super-49b-v1", "unknown"),  # its system message decides
        ("perplexity/sonar-reasoning-pro", "always"),
        ("amazon.nova-pro-v1:0", "never"),
        # Of which nothing is known.
        ("claude-sonnet-9", "unknown"),
        ("gpt-7", "unknown"),
        ("gemini-9-pro", "unknown"),
        ("somebody/their-own-model", "unknown"),
    ],
)
def test_a_model_is_recognised_however_its_host_writes_it(model, reasons):
    assert record("openrouter", model).reasons == reasons, canonical_id(model)


@pytest.mark.parametrize("model", ["claude-sonnet-9", "gpt-7", "gemini-9-pro", "unheard-of"])
def test_what_is_not_known_is_said_to_be_unsure(model):
    assert record("openrouter", model).sure == "low"


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("anthropic", "claude-opus-4-8"),
        ("anthropic", "claude-sonnet-5"),
        ("openrouter", "anthropic/claude-haiku-5.5"),
        ("aws", "global.anthropic.claude-opus-5-5"),
        ("deepinfra", "anthropic/claude-opus-4-7"),
        ("openai", "o3"),
        ("openai", "gpt-5-mini"),
        ("openai", "gpt-6-astra"),
        ("openrouter", "openai/gpt-5"),
        ("aws", "global.openai.gpt-6.1-sol"),
        ("aws", "openai.gpt-5.4-pro"),
        ("moonshotai", "kimi-k2.6"),
        ("moonshotai", "kimi-k3"),
        ("openai", "gpt-7"),
    ],
)
def test_models_with_a_temperature_of_their_own(provider, model):
    rules = record(provider, model).fields
    assert {rules["temperature"].taken, rules["top_p"].taken} <= {"own", "ignored"}


@pytest.mark.parametrize("model", ["gpt-5.1", "gpt-5.2", "gpt-5.4", "gpt-5.5", "gpt-6-sol"])
def test_these_take_a_temperature_while_they_do_not_reason(model):
    found = record("openai", model)
    assert found.fields["temperature"] == FieldRule(low=0, high=2)
    assert found.while_reasoning["temperature"].taken == "own"
    assert found.stops


@pytest.mark.parametrize("model", ["gpt-5", "gpt-5.1", "gpt-6.1-sol", "o4-mini"])
@pytest.mark.parametrize("field", ["presence_penalty", "frequency_penalty", "logit_bias", "stop"])
def test_these_refuse_penalties_biases_and_stops_always(model, field):
    assert record("openai", model).fields[field].taken == "refused"
    assert record("openrouter", f"openai/{model}").fields[field].taken == "refused"


def test_stops_are_renamed_where_they_are_called_something_else():
    claude, gemini = record("anthropic", "claude-haiku-4-5"), record("google", "gemini-2.5-flash")
    assert claude.fields["stop"] == FieldRule(name="stop_sequences")
    assert gemini.fields["stop"] == FieldRule(name="stopSequences", most=5)
    assert record("openrouter", "anthropic/claude-haiku-4.5").fields["stop"] == FieldRule()
    assert record("mistral", "mistral-nemo").fields["seed"] == FieldRule(name="random_seed")
    assert record("google", "gemini-2.5-flash").fields["top_p"].name == "topP"
    assert own("anthropic", "claude-3-haiku").fields["stop"].name == "stop_sequences"
    assert own("google", "gemma-3-27b-it").fields["stop"].name == "stopSequences"


@pytest.mark.parametrize(
    ("provider", "model", "name"),
    [
        ("openai", "gpt-4o", "max_completion_tokens"),
        ("openai", "o3-pro", "max_output_tokens"),
        ("openrouter", "openai/o3-pro", "max_tokens"),
        ("x-ai", "grok-4.20-multi-agent", "max_output_tokens"),
        ("anthropic", "claude-opus-5", "max_tokens"),
        ("google", "gemini-3.8-flash", "maxOutputTokens"),
        ("groq", "openai/gpt-oss-20b", "max_completion_tokens"),
        ("aws", "anthropic.claude-sonnet-4-6", "maxTokens"),
        ("deepinfra", "google/gemini-2.5-pro", "max_tokens"),
        ("vllm", "Qwen/Qwen3-8B", "max_tokens"),
    ],
)
def test_what_the_limit_is_called(provider, model, name):
    assert record(provider, model).limit_field == name


@pytest.mark.parametrize(
    ("provider", "model", "most"),
    [
        ("openai", "gpt-4o-2024-05-13", 4096),
        ("openrouter", "openai/gpt-4o-2024-05-13", 4096),
        ("openai", "gpt-4o-2024-08-06", 16384),
        ("cohere", "command-a-plus-05-2026", 64000),
        ("cohere", "command-a-reasoning-08-2025", 32000),
        ("groq", "qwen/qwen3.8-27b", 16384),
        # Longer answers have to be streamed there.
        ("fireworks", "deepseek-v4-pro", 4096),
        ("fireworks", "gpt-oss-120b", 4096),
        ("fireworks", "glm-5p3", 4096),
    ],
)
def test_how_long_an_answer_may_be(provider, model, most):
    assert record(provider, model).max_output == most


def test_no_answer_of_fireworks_may_be_longer_than_one_that_is_not_streamed():
    offered = [model for provider, model in MODELS if provider == "fireworks"]
    assert {record("fireworks", model).max_output for model in offered} == {4096}


def test_claude_takes_an_effort_by_itself_from_opus_4_5_on():
    for model in ("sonnet-4-5", "haiku-4-5", "opus-4-1", "sonnet-4-0", "3-7-sonnet-latest"):
        rules = record("anthropic", f"claude-{model}").fields
        assert rules["output_config.effort"].taken == "refused"
    assert record("anthropic", "claude-opus-4-5").fields["output_config.effort"].taken == "taken"


@pytest.mark.parametrize(
    ("model", "levels"),
    [
        ("claude-opus-5", ("low", "medium", "high")),
        ("claude-haiku-5-5", ("low", "medium", "high")),
        ("claude-sonnet-5-5", ("low", "medium", "high")),
        ("claude-sonnet-5", ()),
        ("claude-opus-4-8", ()),
    ],
)
def test_which_efforts_claude_takes_beside_thinking_that_is_off(model, levels):
    assert record("anthropic", model).levels_while_off == levels


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-3.5-turbo-instruct"),
        ("openai", "text-davinci-003"),
        ("openai", "gpt-4o-realtime-preview"),
        ("openai", "gpt-4o-mini-transcribe"),
        ("openai", "gpt-4o-mini-tts"),
        ("openai", "gpt-image-1"),
        ("openai", "gpt-realtime"),
        ("openai", "text-embedding-3-small"),
        ("google", "gemini-2.5-flash-preview-tts"),
        ("google", "gemini-2.5-flash-native-audio-preview-09-2025"),
        ("google", "gemini-embedding-001"),
        ("google", "imagen-4.0-generate-001"),
    ],
)
def test_what_is_no_model_for_chats(provider, model):
    assert record(provider, model).endpoint == "none"


def check_chats(provider, model):
    assert record(provider, model).endpoint != "none"


def test_every_alias_is_a_model_for_chats():
    check_each(MODELS, check_chats)
    assert record("openai", "gpt-audio").endpoint == ""


def test_a_user_names_the_limit_of_a_provider():
    sent_on = replace(KNOWN["openai"], max_tokens_field="max_tokens", builtin_url=False)
    assert find_capability(sent_on, "gpt-4o").limit_field == "max_tokens"
    assert own(max_tokens_field="max_completion_tokens").limit_field == "max_completion_tokens"
    assert own(capabilities={"limit_field": "max_new"}).limit_field == "max_new"


@pytest.mark.parametrize(
    ("provider", "model", "continues"),
    [
        ("anthropic", "claude-haiku-4-5", True),
        ("anthropic", "claude-3-haiku-20240307", True),
        ("anthropic", "claude-opus-4-6", False),
        ("anthropic", "claude-sonnet-5", False),
        ("openrouter", "anthropic/claude-haiku-4.5", True),
        ("openrouter", "anthropic/claude-opus-4.8", False),
        ("openrouter", "google/gemini-3.5-flash", False),
        ("openrouter", "openai/gpt-4.1", False),
        ("openrouter", "x-ai/grok-4.3", False),
        ("openrouter", "meta-llama/llama-3.1-8b-instruct", True),
        ("openrouter", "perplexity/sonar", False),
        ("deepinfra", "anthropic/claude-haiku-4-5", False),
        ("deepinfra", "meta-llama/Meta-Llama-3-8B-Instruct", True),
        ("groq", "openai/gpt-oss-120b", False),
        ("aws", "meta.llama3-3-70b-instruct-v1:0", False),
        ("mistral", "mistral-nemo", True),
        ("deepinfra", "moonshotai/Kimi-K3", False),
        ("vllm", "Qwen/Qwen2.5-7B-Instruct", True),
        ("vllm", "their-own-model", None),
    ],
)
def test_where_a_model_continues_from_a_prefill(provider, model, continues):
    found = record(provider, model)
    assert found.prefill is continues
    assert not found.prefill_while_reasoning


def test_a_prefill_of_claude_may_not_end_with_white_space():
    assert not record("anthropic", "claude-haiku-4-5").prefill_space
    assert not record("openrouter", "anthropic/claude-haiku-4.5").prefill_space
    assert record("deepinfra", "meta-llama/Meta-Llama-3-8B-Instruct").prefill_space


def test_temperature_and_top_p_exclude_each_other_from_claude_4_1_to_4_6():
    for model in ("opus-4-1", "opus-4-5", "sonnet-4-5", "haiku-4-5", "opus-4-6", "sonnet-4-6"):
        assert record("anthropic", f"claude-{model}").exclusive == (("temperature", "top_p"),)
    for model in ("claude-3-haiku-20240307", "claude-opus-4-0"):
        assert record("anthropic", model).exclusive == ()


def test_claude_takes_temperatures_up_to_one():
    for provider, model in (("anthropic", "claude-haiku-4-5"), ("openrouter", "claude-3-haiku")):
        assert record(provider, model).fields["temperature"] == FieldRule(low=0, high=1)


@pytest.mark.parametrize("field", ["seed", "presence_penalty", "logit_bias", "frequency_penalty"])
def test_claude_refuses_what_its_makers_api_does_not_have(field):
    assert record("anthropic", "claude-haiku-4-5").fields[field].taken == "refused"
    assert record("openrouter", "anthropic/claude-haiku-4.5").fields[field].taken == "refused"


@pytest.mark.parametrize(
    ("provider", "model", "levels", "default"),
    [
        ("openai", "o3", "low medium high", "medium"),
        ("openai", "gpt-5", "minimal low medium high", "medium"),
        ("openai", "gpt-5.1", "low medium high", ""),
        ("openai", "gpt-5-pro", "high", "high"),
        ("openai", "gpt-6-astra", "low medium high xhigh", "medium"),
        ("openrouter", "openai/gpt-6-astra", "low medium high xhigh max", "medium"),
        ("openrouter", "openai/gpt-6.1-sol", "low medium high xhigh max", "medium"),
        ("anthropic", "claude-opus-4-6", "low medium high max", "high"),
        ("anthropic", "claude-opus-5-5", "low medium high xhigh max", "medium"),
        ("google", "gemini-3-pro-preview", "low high", "high"),
        ("google", "gemini-3.1-pro-preview", "low medium high", "high"),
        ("google", "gemini-3-flash-preview", "minimal low medium high", "high"),
        ("google", "gemini-3.8-flash", "low medium high", "medium"),
        ("x-ai", "grok-4", "", ""),
        ("x-ai", "grok-4.7", "low medium high xhigh", "high"),
        ("deepseek", "deepseek-v4-pro", "low high max", "high"),
        ("moonshotai", "kimi-k3", "low high max", "max"),
        ("zai", "GLM-5.3", "low high max", "max"),
        ("together", "zai-org/GLM-5.3", "low medium high max", "max"),
        ("groq", "openai/gpt-oss-20b", "low medium high", "medium"),
        ("groq", "qwen/qwen3.8-27b", "low medium high", "medium"),
        ("mistral", "mistral-medium-3-5", "high", ""),
    ],
)
def test_which_levels_a_model_takes(provider, model, levels, default):
    found = record(provider, model)
    assert " ".join(found.levels) == levels
    assert found.default_level == default


@pytest.mark.parametrize(
    ("provider", "model", "level", "off"),
    [
        ("openai", "gpt-5.1", {"reasoning_effort": "LEVEL"}, {"reasoning_effort": "none"}),
        ("openrouter", "qwen/qwen3-32b", None, {"reasoning": {"enabled": False}}),
        ("anthropic", "claude-haiku-4-5", None, {}),
        (
            "anthropic",
            "claude-opus-4-8",
            {"thinking": {"type": "adaptive", "display": "summarized"},
             "output_config": {"effort": "LEVEL"}},
            {"thinking": {"type": "disabled"}},
        ),
        ("google", "gemini-2.5-flash", None, {"thinkingConfig": {"thinkingBudget": 0}}),
        ("google", "gemini-4-argon", {"thinkingConfig": {"thinkingLevel": "LEVEL"}}, None),
        (
            "deepseek",
            "deepseek-v4-pro",
            {"thinking": {"type": "enabled"}, "reasoning_effort": "LEVEL"},
            {"thinking": {"type": "disabled"}},
        ),
        ("moonshotai", "kimi-k2.6", None, {"thinking": {"type": "disabled"}}),
        ("zai", "GLM-4.6", None, {"thinking": {"type": "disabled"}}),
        ("novita", "zai-org/glm-4.6", None, {"enable_thinking": False}),
        ("vllm", "Qwen/Qwen3-8B", None, {"chat_template_kwargs": {"enable_thinking": False}}),
        ("vllm", "deepseek-ai/DeepSeek-V3.1", None, {"chat_template_kwargs": {"thinking": False}}),
        ("groq", "qwen/qwen3-32b", None, {"reasoning_effort": "none"}),
        ("cerebras", "zai-glm-4.7", None, {"disable_reasoning": True}),
        (
            "together",
            "deepseek-ai/DeepSeek-V4-Pro-0813",
            {"reasoning": {"enabled": True}, "reasoning_effort": "LEVEL"},
            {"reasoning": {"enabled": False}},
        ),
        ("minimax", "minimax-m3", None, {"thinking": {"type": "disabled"}}),
    ],
)  # fmt: skip
def test_how_a_model_is_asked_to_reason_and_not_to(provider, model, level, off):
    found = record(provider, model)
    way = load_ways()[found.asked_by]
    if level is not None:
        assert way["level"] == level
    if off is not None:
        assert found.stops
        assert way["off"] == off


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "o3"),
        ("openai", "gpt-5"),
        ("openai", "gpt-6.1-sol"),
        ("anthropic", "claude-opus-5-5"),
        ("anthropic", "claude-fable-5-1"),
        ("openrouter", "anthropic/claude-sonnet-5.5"),
        ("google", "gemini-2.5-pro"),
        ("google", "gemini-3.1-pro-preview"),
        ("x-ai", "grok-4.7"),
        ("zai", "GLM-5.3"),
        ("moonshotai", "kimi-k3"),
        ("groq", "openai/gpt-oss-120b"),
        ("minimax", "MiniMax-M2"),
    ],
)
def test_these_cannot_stop_reasoning(provider, model):
    found = record(provider, model)
    assert (found.reasons, found.stops) == ("always", False)


def test_a_number_of_reasoning_tokens():
    haiku = record("anthropic", "claude-haiku-4-5")
    assert haiku.budget == (1024, 63999)
    assert haiku.budgets["low"] == 1024
    assert record("google", "gemini-2.5-pro").budget == (128, 32768)
    assert record("google", "gemini-2.5-flash").budget == (1, 24576)
    assert record("openrouter", "anthropic/claude-haiku-4.5").budget == (1024, 63999)
    for provider, model in (("anthropic", "claude-opus-4-8"), ("openai", "gpt-5")):
        assert record(provider, model).budget is None


@pytest.mark.parametrize("model", ["o1-pro", "o3-pro", "gpt-5-pro", "gpt-5-codex", "gpt-5.2-pro",
                                   "gpt-5.3-codex", "o3-deep-research"])  # fmt: skip
def test_what_only_the_responses_api_serves(model):
    found = record("openai", model)
    assert (found.endpoint, found.limit_field) == ("responses", "max_output_tokens")
    assert found.asked_by == "responses"
    assert found.least_output == 16
    assert found.text == "summary"
    assert {found.fields[name].taken for name in ("stop", "seed", "logit_bias")} == {"refused"}
    assert record("openrouter", f"openai/{model}").endpoint == ""


def test_a_model_is_asked_over_responses_where_the_user_says_so():
    chosen = replace(KNOWN["openai"], capabilities={"endpoint": "responses"})
    astra = find_capability(chosen, "gpt-6-astra")
    assert astra.levels[-1] == "max", "a level that chat completions refuse"
    assert "max" not in record("openai", "gpt-6-astra").levels
    assert (astra.endpoint, astra.limit_field) == ("responses", "max_output_tokens")
    assert (astra.text, record("openai", "gpt-6-astra").text) == ("summary", "none")
    served = own("responses", "gpt-4o")
    assert served.limit_field == "max_output_tokens"
    assert "min_p" not in served.fields, "what vLLM takes in chat completions"


def test_reasoning_is_counted_apart_where_usage_has_it_apart():
    assert record("google", "gemini-2.5-pro").counted == "apart"
    assert record("openrouter", "google/gemini-2.5-pro").counted == "inside"
    assert record("x-ai", "grok-4.7").counted == "apart"
    assert record("anthropic", "claude-opus-5").counted == "inside"


def test_models_that_charge_for_each_call_say_so():
    for provider, model in (
        ("openai", "gpt-4o-search-preview"),
        ("openai", "gpt-5-search-api"),
        ("openrouter", "perplexity/sonar"),
        ("openai", "o4-mini-deep-research"),
    ):
        assert "$" in record(provider, model).fee
    assert record("openai", "gpt-4o").fee == ""


def test_a_limit_that_does_not_bound_the_reasoning_is_known():
    assert not record("openrouter", "qwen/qwen3.8-max").limit_bounds_reasoning
    assert record("openrouter", "qwen/qwen3.8-27b").limit_bounds_reasoning


def test_hosts_take_what_their_apis_have():
    assert record("fireworks", "llama-v3p1-8b-instruct").fields["min_p"] == FieldRule(low=0, high=1)
    assert record("groq", "llama-3.1-8b-instant").fields["logit_bias"].taken == "refused"
    assert record("cerebras", "llama3.1-8b").fields["temperature"].high == 1.5
    assert record("zai", "GLM-5.3").fields["stop"].most == 1
    assert record("deepseek", "deepseek-v4-pro").while_reasoning["temperature"].taken == "ignored"
    assert record("minimax", "minimax-m3").fields["temperature"].raise_to_least(0) == 0.01
    assert record("x-ai", "grok-4.7").fields["stop"].taken == "refused"


def test_which_take_a_json_schema():
    schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {}}}
    for provider, model in (
        ("openai", "gpt-4o-mini"),
        ("openai", "gpt-5"),
        ("google", "gemini-2.5-pro"),
    ):
        assert record(provider, model).fields["response_format"].allows(schema)
    for provider, model in (
        ("deepseek", "deepseek-v4-pro"),
        ("zai", "GLM-5.3"),
        ("openai", "gpt-4-turbo"),
    ):
        assert not record(provider, model).fields["response_format"].allows(schema)
    assert record("anthropic", "claude-opus-4-8").fields["response_format"].taken == "refused"


@pytest.mark.parametrize("field", ["temperature", "top_k", "min_p", "seed", "stop", "logit_bias",
                                   "guided_json", "chat_template_kwargs", "grammar"])  # fmt: skip
def test_a_server_of_the_users_own_takes_what_openai_and_open_servers_take(field):
    assert own(model="my-model").fields[field].taken == "taken"


def test_a_provider_under_a_known_name_that_speaks_another_api_is_the_users_own():
    compatible = replace(KNOWN["google"], kind="openai")
    found = find_capability(compatible, "gemini-2.5-flash")
    assert found.fields["stop"].name == ""
    assert found.asked_by == "effort"
    assert own("anthropic", "claude-opus-4-8").asked_by == "adaptive"
