"""Several answers to one request: where its prompt is documented as billed once; what is read."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.definition import ProviderFields
from experiment.errors import BadExperiment
from experiment.prompts import Message, Request
from pricing.usage import Usage
from providers import generated_text
from providers.apis import find_api
from providers.capabilities import (
    Capability,
    capability_from_json,
    count_choices,
    find_capability,
    repeats_prompt,
)
from providers.registry import load_providers
from providers.reply import Choice, clean_response
from tests.strict.checks import find_faults

KNOWN = load_providers({})
SAMPLING = {"max_tokens": 20}
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-mini",
    "choices": [
        {"message": {"content": "yes"}, "finish_reason": "stop"},
        {"message": {"content": None, "refusal": "I will not."}, "finish_reason": "stop"},
        {"message": {"content": "no, becau"}, "finish_reason": "length"},
        {"message": {"content": ""}, "finish_reason": "content_filter"},
    ],
    "usage": {"prompt_tokens": 40, "completion_tokens": 30, "total_tokens": 70},
}


def count(provider, model, **sampling):
    return count_choices(find_capability(KNOWN[provider], model), SAMPLING | sampling)


def own(**capabilities):
    kind = capabilities.pop("kind", "openai")
    fields = {"kind": kind, "base_url": "http://h/v1", "capabilities": capabilities}
    return load_providers({"lab": ProviderFields.model_validate(fields)})["lab"]


@pytest.mark.parametrize(
    ("provider", "model", "most"),
    [
        ("openai", "gpt-4o-mini", 128),
        ("openai", "gpt-4.1", 128),
        ("openai", "gpt-5", 1),
        ("openai", "gpt-5.1", 1),
        ("openai", "o3-mini", 1),
        ("openai", "o3-pro", 1),
        ("openai", "a-model-of-tomorrow", 1),
        ("azure", "gpt-4o-mini", 128),
        ("mistral", "mistral-large-latest", 128),
        ("mistral", "magistral-medium-latest", 128),
        ("vllm", "meta-llama/Llama-3.1-8B-Instruct", 128),
        ("vllm", "Qwen/Qwen3-8B", 128),
        ("x-ai", "grok-4", 1),
        ("anthropic", "claude-haiku-4-5", 1),
        ("google", "gemini-2.5-flash", 1),
        ("openrouter", "openai/gpt-4o-mini", 1),
        ("deepinfra", "meta-llama/Meta-Llama-3.1-8B-Instruct", 1),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", 1),
        ("fireworks", "llama-v3p1-8b-instruct", 1),
        ("groq", "llama-3.1-8b-instant", 1),
        ("ollama", "llama3.1", 1),
    ],
)
def test_several_answers_are_asked_for_where_it_is_documented_and_by_no_model_that_refuses_it(
    provider, model, most
):
    assert count(provider, model) == most


def test_a_request_that_names_a_number_of_its_own_asks_for_no_others():
    assert count("openai", "gpt-4o-mini", extra={"n": 2}) == 1


def test_the_responses_api_gives_one_answer():
    record = find_capability(KNOWN["openai"], "gpt-4o-mini", endpoint="responses")
    assert count_choices(record, SAMPLING) == 1


def test_a_server_of_ones_own_gives_one_unless_the_file_says_more():
    assert count_choices(find_capability(own(), "m"), SAMPLING) == 1
    record = find_capability(own(choices=8), "m")
    assert count_choices(record, SAMPLING) == 8
    assert count_choices(find_capability(own(choices=8), "qwen3-8b"), SAMPLING) == 8
    assert capability_from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize("kind", ["anthropic", "google", "responses"])
def test_other_apis_give_one_and_a_file_that_says_more_is_refused(kind):
    assert count_choices(find_capability(own(kind=kind), "m"), SAMPLING) == 1
    with pytest.raises(BadExperiment, match=r"providers.lab.capabilities.choices: only chat"):
        find_capability(own(kind=kind, choices=8), "m")


@pytest.mark.parametrize("most", [0, "many", True, 1.5])
def test_a_number_of_answers_is_a_whole_number(most):
    with pytest.raises(BadExperiment, match=r"capabilities.choices: choices: expected a number"):
        own(choices=most)


def test_a_plan_of_before_has_one():
    assert capability_from_json({"reasons": "never"}).choices == 1


def send(provider, choices, model="some-model"):
    request = Request(
        "v1", "judge", model, "c", 0, 0, (Message("user", "Why?"),), SAMPLING, choices=choices
    )
    known = KNOWN[provider]
    return find_api(known).build_body(known, model, request, Capability())


def test_the_body_says_n_only_where_there_are_several():
    assert send("openai", 5)["n"] == 5
    assert "n" not in send("openai", 1)


@pytest.mark.parametrize(
    ("model", "refused"), [("gpt-4o-mini", []), ("o3", ["n"]), ("gpt-5.1", ["n"]), ("gpt-5", ["n"])]
)
def test_the_strict_provider_refuses_it_where_it_is_refused(model, refused):
    body = {"model": model, "messages": [{"role": "user", "content": "Why?"}], "n": 3}
    assert [each.field for each in find_faults("openai", "chat", body)] == refused


def test_each_answer_is_read_with_why_it_ended_and_the_usage_is_of_all():
    read = find_api(KNOWN["openai"]).parse_response(KNOWN["openai"], ANSWER)
    assert read.usage == Usage(40, 30)
    assert (read.text, read.finish) == ("yes", "stop")
    assert read.other_texts == ("I will not.", "no, becau"), "all that was written is counted"
    assert read.choices == (
        Choice("yes", "", "stop"),
        Choice("", "", "stop", refusal="I will not."),
        Choice("no, becau", "", "length"),
        Choice("", "", "content_filter"),
    )


def test_one_answer_has_no_choices():
    one = ANSWER | {"choices": ANSWER["choices"][:1]}
    assert find_api(KNOWN["openai"]).parse_response(KNOWN["openai"], one).choices == ()


def test_what_is_stored_of_each_answer_is_bounded():
    long = copy.deepcopy(ANSWER)
    long["choices"][2]["message"]["content"] = "x" * 9_000
    read = find_api(KNOWN["openai"]).parse_response(KNOWN["openai"], long)
    assert len(clean_response(read, 100).choices[2].text) == 100


@pytest.mark.parametrize(
    ("counted", "billed", "answers", "repeats"),
    [
        (100, 100, 5, False),
        (100, 130, 5, False),  # a frame that was not counted
        (100, 500, 5, True),
        (100, 300, 5, True),  # of those that came
        (100, 200, 2, True),
        (130, 200, 2, True),  # counted too high
        (100, 500, 1, False),  # one answer: a longer prompt
        (0, 0, 5, False),
    ],
)
def test_a_prompt_is_billed_for_each_answer_where_the_bill_has_it_so_often(
    counted, billed, answers, repeats
):
    assert repeats_prompt(counted, billed, answers) is repeats


NAMES = ("role", "provider_specific_fields", "index", "refusal", "reasoning", "finish_reason")
NAMES += ("logprobs", "error", "annotations", "tool_calls", "message", "stop_reason", "state")
VALUES = ["", "a text", "stop", None, 0, 3, True, [], {}, {"content": [{"x": "two words"}]}]
FIELDS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4)


@given(FIELDS, FIELDS)
def test_a_choice_that_is_one_text_is_read_as_if_it_were_searched_for_more(choice, message):
    found = [choice | {"message": {"content": "a text"} | message}]
    read = generated_text.read_choices(found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated_text, "_holds_one_text", lambda *_: False)
        assert generated_text.read_choices(found) == read
