"""Of figures that contradict each other the larger is billed, wherever a provider puts them."""

import copy

import pytest

from pricing.money import Money
from pricing.usage import Usage
from providers.errors import MalformedResponse
from providers.usage_fields import read_usage_fields
from tests.providers.test_requests_and_replies import ANTHROPIC, DEEPINFRA, KNOWN, OPENAI, parse

PLAIN = {"prompt_tokens": 40, "completion_tokens": 5}


def billed(usage, provider="deepinfra"):
    return parse(KNOWN[provider], DEEPINFRA | {"usage": usage}).usage


def billed_by_anthropic(**usage):
    counts = {"input_tokens": 40, "output_tokens": 5}
    return parse(KNOWN["anthropic"], ANTHROPIC | {"usage": counts | usage}).usage


@pytest.mark.parametrize(
    "beside",
    [
        {"reasoning_tokens": 95},
        {"completion_tokens_details": {"reasoning_tokens": 95}},
        {"output_tokens_details": {"reasoning_tokens": 95}},
        {"output_tokens_details": {"thinking_tokens": 95}},
        {"details": {"thoughts_token_count": 95}},
        {"details": {"thoughts_token_count": "95"}},
        {"total_tokens": 140},
        {"completion_tokens_details": {"audio_tokens": 50, "rejected_prediction_tokens": 45}},
    ],
)
def test_what_is_more_than_the_output_is_billed_beside_it(beside):
    assert billed(PLAIN | beside).output == 100


def test_reasoning_within_the_output_is_a_part_of_it():
    usage = {"prompt_tokens": 40, "completion_tokens": 100, "reasoning_tokens": 95}
    assert billed(usage) == Usage(40, 100, reasoning=95)
    assert billed(usage | {"total_tokens": 235}).output == 195


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 440}, Usage(440, 5)),
        ({"output_tokens": 60}, Usage(40, 60)),
        ({"prompt_tokens_details": {"cached_tokens": 400}}, Usage(40, 5, cache_read=400)),
        (
            {"prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 400}},
            Usage(40, 5, 30, 400),
        ),
    ],
)
def test_a_prompt_is_no_less_than_any_figure_of_it(usage, expected):
    assert billed(PLAIN | usage) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"cache_creation": {"ephemeral_1h_input_tokens": 70, "ephemeral_5m_input_tokens": 9}},
            Usage(40, 5, cache_write=9, cache_write_1h=70),
        ),
        (
            {
                "cache_creation_input_tokens": 100,
                "cache_creation": {"ephemeral_1h_input_tokens": 70},
            },
            Usage(40, 5, cache_write=30, cache_write_1h=70),
        ),
        ({"output_tokens_details": {"thinking_tokens": 95}}, Usage(40, 100, reasoning=95)),
        (
            {
                "iterations": [
                    {"input_tokens": 30, "output_tokens": 80},
                    {"input_tokens": 40, "output_tokens": 5, "cache_read_input_tokens": 7},
                ]
            },
            Usage(70, 85, cache_read=7),
        ),
        ({"iterations": [{"input_tokens": 3, "output_tokens": 1}]}, Usage(40, 5)),
    ],
)
def test_anthropics_parts_and_iterations_are_billed_where_they_are_more(usage, expected):
    assert billed_by_anthropic(**usage) == expected


@pytest.mark.parametrize("iterations", [[{"input_tokens": -1}], [3], {"a": 1}])
def test_iterations_that_cannot_be_read_make_an_answer_unreadable(iterations):
    with pytest.raises(MalformedResponse):
        billed_by_anthropic(iterations=iterations)


def test_a_model_that_an_iteration_names_takes_part():
    usage = ANTHROPIC["usage"] | {"iterations": [{"model": "claude-opus-4-5", "input_tokens": 1}]}
    answer = parse(KNOWN["anthropic"], ANTHROPIC | {"usage": usage})
    assert answer.other_models == ("claude-opus-4-5",)


@pytest.mark.parametrize(("speed", "tier"), [("fast", "fast"), ("standard", "standard")])
def test_a_fast_answer_of_anthropics_is_in_a_tier_of_its_own(speed, tier):
    usage = ANTHROPIC["usage"] | {"speed": speed}
    assert parse(KNOWN["anthropic"], ANTHROPIC | {"usage": usage}).tier == tier


@pytest.mark.parametrize(
    ("usage", "extras"),
    [
        ({"num_sources_used": 5}, ("num_sources_used 5",)),
        ({"server_tool_use": {"web_search_requests": 2}}, ("web_search_requests 2",)),
        ({"search_units": 1}, ("search_units 1",)),
        ({"num_search_queries": 3}, ("num_search_queries 3",)),
        ({"citation_tokens": 300}, ("citation_tokens 300",)),
        ({"prompt_tokens_details": {"audio_tokens": 9}}, ("audio_tokens 9",)),
        ({"completion_tokens_details": {"image_tokens": 9}}, ("image_tokens 9",)),
        ({"prompt_audio_seconds": 4}, ("prompt_audio_seconds 4",)),
        ({"server_side_tool_usage_details": {"x_search_calls": 3}}, ("x_search_calls 3",)),
        ({"num_server_side_tools_used": "3"}, ("num_server_side_tools_used 3",)),
        (
            {"candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}]},
            ("audio_tokens 7",),
        ),
        ({"toolUsePromptTokenCount": 12}, ("toolUsePromptTokenCount 12",)),
        ({"completion_tokens_details": {"music_tokens": 4}}, ("music_tokens 4",)),
        ({"code_interpreter_sessions": 1}, ("code_interpreter_sessions 1",)),
    ],
)
def test_what_no_token_of_a_text_pays_for_is_named(usage, extras):
    assert read_usage_fields(PLAIN | usage).extras == extras
    assert read_usage_fields(PLAIN | usage).unknown_counts == ()


HONEST = [
    OPENAI["usage"],
    DEEPINFRA["usage"],
    ANTHROPIC["usage"],
    PLAIN | {"num_sources_used": 0, "server_tool_use": {"web_search_requests": 0}},
    PLAIN | {"prompt_cache_hit_tokens": 3, "prompt_cache_miss_tokens": 37},
    PLAIN | {"prompt_tokens_details": {"text_tokens": 40, "audio_tokens": 0, "image_tokens": 0}},
    PLAIN | {"queue_time": 0.01, "total_time": 0.2, "completion_time": 0.1},
    PLAIN | {"is_byok": False, "cost_details": {"upstream_inference_cost": None}},
    PLAIN | {"num_cached_tokens": 3, "prompt_audio_seconds": None, "search_context_size": "low"},
    {
        "promptTokenCount": 40,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 9,
        "cachedContentTokenCount": 8,
        "totalTokenCount": 54,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 40}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 8}],
    },
]


@pytest.mark.parametrize(
    ("usage", "classes"),
    [
        ({"prompt_tokens_details": {"audio_tokens": 9}}, ("input_audio",)),
        ({"completion_tokens_details": {"audio_tokens": 9}}, ("output_audio",)),
        ({"input_tokens_details": {"image_tokens": 9}}, ("input_image",)),
        ({"output_tokens_details": {"image_tokens": 9}}, ("output_image",)),
        ({"promptTokensDetails": [{"modality": "VIDEO", "tokenCount": 9}]}, ("input_video",)),
        ({"candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 9}]}, ("output_image",)),
        ({"citation_tokens": 9}, ("output_citation",)),
        ({"audio_tokens": 9}, ("input_audio", "output_audio")),
        ({"server_tool_use": {"web_search_requests": 9}}, ("search",)),
        ({"num_sources_used": 9}, ("search",)),
    ],
)
def test_what_is_billed_beside_texts_has_a_price_class(usage, classes):
    (count,) = read_usage_fields(PLAIN | usage).extra_counts
    assert (count.classes, count.number) == (classes, 9)
    assert (count.described,) == read_usage_fields(PLAIN | usage).extras


def test_cached_tokens_of_another_kind_are_in_the_whole_already():
    usage = {"audio_tokens": 9, "cached_tokens_details": {"audio_tokens": 4}}
    found = read_usage_fields({"prompt_tokens_details": usage}).extra_counts
    assert [each.number for each in found] == [9]


def test_googles_thoughts_are_reasoning():
    assert read_usage_fields({"thoughtsTokenCount": 9}).reasoning == 9


@pytest.mark.parametrize("usage", HONEST)
def test_usage_as_providers_write_it_names_nothing_else(usage):
    assert (read_usage_fields(usage).extras, read_usage_fields(usage).unknown_counts) == ((), ())


@pytest.mark.parametrize(
    ("field", "value"), [("quantum_tokens", 3), ("fax_requests", 1), ("premium_units", "2")]
)
def test_counts_that_are_not_known_are_named(field, value):
    assert read_usage_fields(PLAIN | {"details": {field: value}}).unknown_counts == (
        f"{field} {value}",
    )


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        ({"cost": 0.5}, "0.5"),
        ({"cost": {"input_tokens_cost": 0.1, "total_cost": 0.5}}, "0.5"),
        ({"estimated_cost": "0.5"}, "0.5"),
        ({"cost_in_usd_ticks": 37756000}, "0.0037756"),
        ({"cost_details": {"upstream_inference_cost": 0.5}}, "0.5"),
    ],
)
def test_a_stated_cost_is_found_by_whatever_name(usage, dollars):
    costs = [cost for _, cost in read_usage_fields(PLAIN | usage).costs]
    assert max(costs) == Money.from_usd(dollars)


@pytest.mark.parametrize("cost", [0, None, -1, "free", True, float("nan")])
def test_a_cost_that_is_none_is_not_stated(cost):
    assert read_usage_fields(PLAIN | {"cost": cost}).costs == ()


def nested(depth):
    return {"a": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    "usage", [{f"field_{n}": n for n in range(5000)}, nested(50), {"a": [[]] * 5000}]
)
def test_a_usage_with_no_end_is_unreadable(usage):
    with pytest.raises(MalformedResponse, match="more fields"):
        billed(PLAIN | usage)


def test_a_long_value_is_shown_cut():
    with pytest.raises(MalformedResponse) as problem:
        billed(PLAIN | {"prompt_tokens": "9" * 3_000_000})
    assert len(str(problem.value)) < 100


def message(**fields):
    answer = copy.deepcopy(DEEPINFRA)
    answer["choices"][0]["message"] = {"content": "Yes."} | fields
    return parse(KNOWN["deepinfra"], answer)


CALL = {"function": {"name": "look", "arguments": '{"at": "it"}'}}


@pytest.mark.parametrize(
    ("fields", "reasoning", "others"),
    [
        ({"refusal": "No."}, "", ("No.",)),
        ({"refusal": "Yes."}, "", ()),
        ({"tool_calls": [CALL, CALL]}, "", ('look {"at": "it"}',) * 2),
        ({"function_call": CALL["function"]}, "", ('look {"at": "it"}',)),
        ({"reasoning": "Hm.", "reasoning_content": "Hm."}, "Hm.", ()),
        ({"reasoning": "H", "reasoning_details": [{"text": "Hm"}, {"summary": "."}]}, "Hm.", ()),
        ({"content": [{"type": "thinking", "thinking": [{"text": "Hm."}]}]}, "Hm.", ()),
        ({"chain_of_thought": "Hm, so."}, "", ("Hm, so.",)),
        (
            {"thinking": {"steps": [{"text": "Hm, so."}, {"text": "No, no."}]}},
            "",
            ("Hm, so. No, no.",),
        ),
        ({"reasoning": {"text": "Hm, so."}}, "", ("Hm, so.",)),
        ({"reasoning": "Hm, so.", "extra": {"reasoning": "Hm, so."}}, "Hm, so.", ()),
        ({"id": "msg_1", "signature": "c2lnbmF0dXJl", "citations": ["A title"]}, "", ()),
        ({"reasoning": 3, "refusal": {"a": 1}, "tool_calls": "x", "annotations": 5}, "", ()),
    ],
)
def test_everything_that_a_message_shows_is_read_once(fields, reasoning, others):
    reply = message(**fields)
    assert (reply.reasoning, reply.other_texts) == (reasoning, others)


def test_other_choices_are_read_with_all_that_they_show():
    second = {"message": {"content": "No.", "reasoning": "Hm.", "refusal": "Never."}}
    answer = DEEPINFRA | {"choices": [*DEEPINFRA["choices"], second, second]}
    reply = parse(KNOWN["deepinfra"], answer)
    assert reply.text == " Hello!"
    assert reply.other_texts == ("No.", "Hm.", "Never.") * 2


def test_a_choice_shows_text_beside_its_message():
    answer = copy.deepcopy(DEEPINFRA)
    answer["choices"][0] |= {"text": "And more.", "stop_reason": "the end"}
    assert parse(KNOWN["deepinfra"], answer).other_texts == ("And more.",)


def test_listed_and_encrypted_tokens_are_counted():
    answer = copy.deepcopy(DEEPINFRA)
    answer["choices"][0]["logprobs"] = {"content": [{"token": "a"}] * 30, "refusal": None}
    assert parse(KNOWN["deepinfra"], answer).least_output == 30
    hidden = {"type": "redacted_thinking", "data": "A" * 16_000}
    reply = parse(KNOWN["anthropic"], ANTHROPIC | {"content": [hidden]})
    assert 1000 < reply.least_output < 2000
    assert parse(KNOWN["anthropic"], ANTHROPIC).least_output == 0, "short ones may be empty"


@pytest.mark.parametrize(
    "fields",
    [{"audio": {"data": "x"}}, {"images": ["x"]}, {"executed_tools": [{"name": "search"}]}],
)
def test_what_is_no_text_is_named(fields):
    assert message(**fields).extras == (f"{next(iter(fields))} in the answer",)


def test_pages_that_an_answer_cites_are_seen():
    assert message(annotations=[{"type": "url_citation"}]).cites_web
    assert parse(KNOWN["deepinfra"], DEEPINFRA | {"citations": ["https://a"]}).cites_web
    assert not message(annotations=[{"type": "file"}]).cites_web


def test_work_of_a_tool_of_anthropics_is_named():
    blocks = [{"type": "server_tool_use", "name": "web_search", "input": {"query": "x"}}]
    reply = parse(KNOWN["anthropic"], ANTHROPIC | {"content": blocks})
    assert reply.extras == ("a block server_tool_use",)
    assert reply.other_texts == ('{"query": "x"}',)
