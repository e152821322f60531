"""Sampling fields: what may cost is refused in any spelling and at any depth, and says why."""

from __future__ import annotations

import time

import pytest

from experiment.definition.sampling_fields import (
    FREE_FIELDS,
    PRICED_FIELDS,
    REFUSED_FIELDS,
    check_sampling_field,
    is_known_field,
)
from experiment.errors import BadExperiment

JUDGE = "{name: j, model: gpt-4o, messages: [{role: user, content: x}], sampling: {%s}}"
COSTLY = [
    "search_parameters: {mode: on}",
    "models: [openai/gpt-5-pro], route: fallback",
    "route: fallback",
    "enable_search: true",
    "modalities: [text, audio]",
    "modalities: [audio]",
    "modalities: audio",
    "audio: {voice: alloy, format: wav}",
    "compound_custom: {models: {answering_model: x}}",
    "web_search_options: {}",
    "web_search: true",
    "web_search_enabled: true",
    "search_mode: web",
    "search_settings: {}",
    "prediction: {type: content, content: x}",
    "tools: [{type: web_search}]",
    "tool_choice: auto",
    "toolConfig: {}",
    "functions: []",
    "plugins: [{id: web}]",
    "mcp_servers: []",
    "n: 2",
    "best_of: 2",
    "num_return_sequences: 2",
    "candidateCount: 2",
    "use_beam_search: true",
    "stream: true",
    "background: true",
    "deferred: true",
    "extra_body: {n: 3}",
    "options: {num_predict: 100000}",
    "n_predict: 100000",
    "max_completion_tokens: 5",
    "maxOutputTokens: 5",
    "max_new_tokens: 5",
    "documents: [x]",
    "safe_prompt: true",
    "chat_template: x",
    "cache_control: {type: ephemeral}",
    "messages: []",
    "system: x",
    "model: openai/gpt-5-pro",
    "preset: mine",
    "fallbacks: [x]",
    "betas: [x]",
    "reasoning: {effort: high, mode: pro}",
    "reasoning: {tools: []}",
    "thinking: {type: enabled, tools: []}",
    "provider: {order: [x], plugins: [y]}",
    "provider: {order: {n: 1}}",
    "provider: fast",
    "usage: {web: true}",
    "temperature: {n: 2}",
    "stop: [{tools: []}]",
    "chat_template_kwargs: {documents: [x]}",
    "service_tier: {n: 1}",
    "my_option: {inner: [{tools: [x]}]}",
    "my_option: {extra_body: {}}",
    # other spellings
    "Tools: []",
    "TOOLS: []",
    "N: 2",
    '" tools": []',
    '"tools ": []',
    '"to-ols": []',
    '"search.parameters": {}',
    "searchParameters: {}",
    "Search-Parameters: {}",
    '"tools\\u200b": []',
    '"ｔｏｏｌｓ": []',
    '"т00ls": []',
    '"": 1',
    '"a\\u001b[2J": 1',
    "1: 1",
    "true: 1",
    "null: 1",
    "Temperature: 1",
    "topP: 1",
    "temperature: .inf",
    "logit_bias: {a: .nan}",
    "metadata: {day: 2026-01-01}",
]


EXTRA = [
    *(each for each in COSTLY if not each.startswith(("Temperature", "topP"))),
    "max_tokens: 100000",
    "maxTokens: 100000",
    "service_tier: priority",
    "serviceTier: priority",
    "extra: {a: 1}",
    "mcpServers: []",
    "function_calling: auto",
    "responseModalities: [AUDIO]",
    "generationConfig: {responseModalities: [AUDIO]}",
    "generationConfig: {maxOutputTokens: 9}",
    "inferenceConfig: {maxTokens: 9}",
    "my_option: {modalities: [audio]}",
    "google_search: {}",
    "presets: [a]",
    "live_search: true",
]


@pytest.mark.parametrize("fields", EXTRA)
def test_what_may_cost_is_refused_in_extra_as_well(fields, tiny, read):
    given = f"max_tokens: 10, extra: {{{fields}}}"
    with pytest.raises(BadExperiment, match="sampling"):
        read(tiny.replace("max_tokens: 10", given))


def test_extra_takes_fields_that_no_list_knows(tiny, read):
    given = "max_tokens: 10, extra: {my_option: {a: 1}, temperature: 3, top_h: 0.1}"
    fields = read(tiny.replace("max_tokens: 10", given)).spec.sampling.request_fields()
    assert fields["extra"] == {"my_option": {"a": 1}, "temperature": 3, "top_h": 0.1}


@pytest.mark.parametrize("fields", COSTLY)
@pytest.mark.parametrize("of", ["subject", "judge"])
def test_what_may_cost_is_refused_when_the_file_is_read(fields, of, tiny, read):
    given = f"max_tokens: 10, {fields}"
    text = tiny.replace("max_tokens: 10", given) if of == "subject" else (
        tiny + f"judges: [{JUDGE % given}]\n"
    )  # fmt: skip
    with pytest.raises(BadExperiment, match="sampling: ") as error:
        read(text)
    assert str(error.value).isprintable() or "\n" in str(error.value)
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize(
    "fields",
    [
        "temperature: 0.5, top_p: 1, top_k: 5, min_p: 0.1, seed: 7, stop: [a, b]",
        "logit_bias: {50256: -100}",
        "response_format: {type: json_schema, json_schema: {schema: {properties: {n: {}}}}}",
        "reasoning_effort: high, reasoning: {effort: low, max_tokens: 100, exclude: true}",
        "thinking: {type: enabled, budget_tokens: 1024}",
        "provider: {order: [a], sort: price, max_price: {prompt: 1, completion: 2}}",
        "chat_template_kwargs: {enable_thinking: false}",
        "modalities: [text]",
        "metadata: {tools: mine}",
        "service_tier: flex",
        "service_tier: null, stop: null",
        "repeat_penalty: 1.1, mirostat: 2, grammar: x",
        "guided_json: {properties: {n: {type: integer}}}",
    ],
)
def test_what_only_shapes_one_text_answer_may_be_sent(fields, tiny, read):
    sampling = read(tiny.replace("max_tokens: 10", f"max_tokens: 10, {fields}")).spec.sampling
    assert all(map(is_known_field, sampling.request_fields()))


def test_a_field_that_is_on_no_list_is_known_to_be_unknown():
    assert not any(map(is_known_field, ("my_option", "other")))


@pytest.mark.parametrize(
    "field",
    [
        *('"tools": []', '"N": 2', '"extra_body": {}', '" x": 1', '"service_tier": flex'),
        *('"max_tokens": 5', '"extra": {a: 1}', '"stream": true', '"max_output_tokens": 5'),
        *('"my_option": {tools: []}', '"my_option": .inf', '"a\\u001b[2J": 1'),
    ],
)
@pytest.mark.parametrize("of", ["subject", "judge", "model", "level"])
def test_what_is_refused_is_refused_in_extra_too(field, of, tiny, read):
    extra = f"extra: {{{field}}}"
    text = {
        "subject": tiny.replace("max_tokens: 10", f"max_tokens: 10, {extra}"),
        "judge": tiny + f"judges: [{JUDGE % f'max_tokens: 1, {extra}'}]\n",
        "model": tiny.replace("[gpt-4o]", f"[{{name: gpt-4o, sampling: {{{extra}}}}}]"),
        "level": tiny.replace('{pays: "no"}', f'{{pays: "no", sampling: {{{extra}}}}}'),
    }[of]
    with pytest.raises(BadExperiment, match="sampling: ") as error:
        read(text)
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("chat_template_kwargs", ["5", "1.5", "yes", "text", "[a]"]),
        ("response_format", ["json", "5", "[json_object]", "true"]),
        ("metadata", ["5", "text"]),
        ("logit_bias", ["[]", "1"]),
        ("stop", ["5", "[1]", "{a: b}", "true", "[a, [b]]"]),
        ("stop_sequences", ["5"]),
        ("seed", ["x", "1.5", "[1]", "true", "'3'"]),
        ("top_k", ["1.5", "many"]),
        ("top_logprobs", ["all"]),
    ],
)
@pytest.mark.parametrize("write", ["{}: {}", "extra: {{{}: {}}}"])
def test_a_value_that_no_api_takes_is_refused_with_its_form(field, values, write, tiny, read):
    for value in values:
        changed = tiny.replace("max_tokens: 10", f"max_tokens: 10, {write.format(field, value)}")
        with pytest.raises(BadExperiment, match=f"sampling: {field}: expected "):
            read(changed)


@pytest.mark.parametrize(
    "fields",
    ["stop: off", "stop: [a, no]", "stop: null", "seed: 0", "top_k: -1", "logit_bias: {50256: -1}"],
)
def test_a_value_of_its_form_is_read(fields, tiny, read):
    read(tiny.replace("max_tokens: 10", f"max_tokens: 10, {fields}"))


def test_free_fields_of_before_are_refused_with_what_is_written_now(tiny, read):
    with pytest.raises(BadExperiment, match=r"line 11: free_fields: .*sampling: {extra: {…}}"):
        read(tiny + "free_fields: [my_option]\n")


def test_the_lists_do_not_overlap_and_each_refusal_says_why():
    assert not FREE_FIELDS & REFUSED_FIELDS.keys()
    assert not PRICED_FIELDS & (FREE_FIELDS | REFUSED_FIELDS.keys())
    for name, reason in REFUSED_FIELDS.items():
        assert not is_known_field(name)
        with pytest.raises(ValueError, match=r"is (set by afcost|not allowed: \w)") as error:
            check_sampling_field(name, None)
        assert reason in str(error.value)
    for name in FREE_FIELDS | PRICED_FIELDS:
        assert is_known_field(name)
        check_sampling_field(name, None)


def test_a_value_that_shares_its_parts_a_billion_times_is_looked_at_once():
    value = ["x"]
    for _ in range(60):
        value = [value, value]
    started = time.process_time()
    check_sampling_field("my_option", value)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "field",
    [
        "seed: 2026-01-01",
        "temperature: .nan",
        "top_p: -.inf",
        "stop: [a, 2026-01-01]",
        "metadata: {a: [.nan]}",
        "metadata: {2026-01-01: a}",
    ],
)
def test_what_json_cannot_hold_is_refused_before_anything_is_counted(tiny, read, field):
    with pytest.raises(BadExperiment, match=f"sampling: {field.split(':')[0]} holds .*JSON"):
        read(tiny.replace("max_tokens: 10", f"max_tokens: 10, {field}"))
