"""Words of YAML 1.1: `on`, `off`, `yes` and `no` are words where a word is expected."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from experiment.definition.bounded_yaml import parse_yaml
from experiment.errors import BadExperiment
from experiment.yaml_words import YamlWord, read_booleans

SPELLINGS = [
    each for word in ("on", "off", "yes", "no") for each in (word, word.title(), word.upper())
]
WORDS = st.sampled_from([*SPELLINGS, "free", "a b", "7a"])


@given(st.recursive(WORDS, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner)))
def test_any_mapping_of_words_is_read_as_the_words_that_are_written(value):
    text = json.dumps({"top": value}).replace('"', "")  # without a single quote
    assert parse_yaml(text)[0] == {"top": value}


@given(st.recursive(WORDS, st.lists))
def test_any_list_of_words_is_read_as_yaml_reads_it_where_booleans_are_expected(value):
    text = json.dumps(value).replace('"', "")
    assert read_booleans(parse_yaml(text)[0]) == yaml.safe_load(text)


@pytest.mark.parametrize("word", SPELLINGS)
def test_a_word_is_the_boolean_of_yaml_where_no_word_is_expected(word):
    (read,) = parse_yaml(f"[{word}]")[0]
    assert isinstance(read, YamlWord)
    assert read.boolean is yaml.safe_load(word)
    assert read == word


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "false", "False", "FALSE"])
def test_true_and_false_are_booleans_everywhere(word):
    assert parse_yaml(f"[{word}]")[0] == [word.lower() == "true"]


def test_quoted_words_are_texts():
    assert parse_yaml("['on', \"no\"]")[0] == ["on", "no"]
    assert not any(isinstance(each, YamlWord) for each in parse_yaml("['on', \"no\"]")[0])


@pytest.mark.parametrize("word", SPELLINGS)
def test_every_name_in_a_file_may_be_such_a_word(word, read):
    other = "paid"
    text = f"""\
name: {word}
study: {word}
models: [{word}]
factors:
  {word}:
    {word}: {{a: {word}, {word}: 1}}
    {other}: {{a: x, {word}: 2}}
queries: {{file: queries.txt}}
messages:
  - {{role: user, content: {word}}}
sampling: {{max_tokens: 5}}
judges:
  - name: {word}
    model: {word}
    messages: [{{role: user, content: {word}}}]
    sampling: {{max_tokens: 5}}
answer: {{output: {word}, accept: {word}}}
compare: {word}
expect: {{{word}: answer}}
tokenizer: {{{word}: {word}}}
providers: {{{word}: {{kind: openai, base_url: "http://localhost/v1", api_key_env: {word}}}}}
"""
    spec = read(text).spec
    assert (spec.name, spec.study, spec.models, spec.compare) == (word, word, (word,), word)
    assert list(spec.factors) == [word]
    assert list(spec.factors[word]) == [word, other]
    assert spec.messages[0].content == spec.answer.output == spec.answer.accept == word
    assert (spec.judges[0].name, spec.judges[0].model) == (word, word)
    assert (spec.expect, spec.tokenizer) == ({word: "answer"}, {word: word})
    assert spec.providers[word].api_key_env == word
    boolean = yaml.safe_load(word)
    assert spec.factors[word][word] == {"a": boolean, word: 1}
    stored = json.loads(json.dumps(spec.to_stored()))
    assert json.dumps(stored).count(f'"{word}"') > 15
    for value in (spec.name, *spec.models, *spec.factors, *spec.expect, *spec.tokenizer.values()):
        assert type(value) is str


def test_a_variable_of_a_template_is_a_boolean_at_any_depth(tiny, read):
    text = tiny.replace('{pays: "yes"}', "{pays: yes, list: [on, {in: off}], plain: {no: No}}")
    assert read(text).spec.factors["tier"]["paid"] == {
        "pays": True, "list": [True, {"in": False}], "plain": {"no": False},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "read_as"),
    [
        ("logprobs: yes", {"logprobs": True}),
        ("chat_template_kwargs: {enable_thinking: off}",
         {"chat_template_kwargs": {"enable_thinking": False}}),
        ("stop: no", {"stop": "no"}),
        ("stop: [Yes, No]", {"stop": ["Yes", "No"]}),
        ("guided_choice: [yes, no]", {"guided_choice": ["yes", "no"]}),
        ("structured_outputs: {choice: [yes, no]}",
         {"structured_outputs": {"choice": ["yes", "no"]}}),
        ("reasoning: off", {"reasoning": "off"}),
        ("reasoning: Off", {"reasoning": "off"}),
        ("reasoning: {enabled: off}", {"reasoning": {"enabled": False}}),
        ("extra: {a: off, no: 1}", {"extra": {"a": False, "no": 1}}),
        ("guided_json: {properties: {on: {type: string, enum: [yes, no]}}, required: [on]}",
         {"guided_json": {
             "properties": {"on": {"type": "string", "enum": ["yes", "no"]}}, "required": ["on"]}}),
        ("guided_json: {type: boolean, enum: [yes]}",
         {"guided_json": {"type": "boolean", "enum": [True]}}),
    ],
)  # fmt: skip
def test_a_sampling_field_has_texts_where_it_takes_texts_and_booleans_elsewhere(
    fields, read_as, tiny, read
):
    sampling = read(tiny.replace("max_tokens: 10", f"max_tokens: 10, {fields}")).spec.sampling
    assert sampling.request_fields() == {"max_tokens": 10} | read_as


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: tiny", "name: tiny\nsamples: yes", r"line 2: samples: .*\(found 'yes'\)"),
        ("max_tokens: 10", "max_tokens: on", r"sampling.max_tokens: .*\(found 'on'\)"),
        ('{pays: "yes"}', "no", r"line 6: factors.tier.paid: .*\(found 'no'\)"),
        ("sampling:", "expect: {free: no}\nsampling:", r"line 10: expect.free"),
        ("queries.txt}", "queries.txt, limit: off}", r"line 7: queries.limit: .*\(found 'off'\)"),
        ("role: user", "role: on", r"line 9: messages.0.role: .*\(found 'on'\)"),
        ("name: tiny", "name: tiny\non: 1", "line 2: on: unknown field"),
        ("name: tiny", "name: tiny\non: 1\n'on': 2", "'on' is given twice"),
    ],
)
def test_a_word_that_fits_nothing_is_shown_as_it_is_written(old, new, said, tiny, read):
    with pytest.raises(BadExperiment, match=said):
        read(tiny.replace(old, new, 1))


def test_again_may_be_no(tiny, read):
    assert read(tiny + "answer: {again: no}\n").spec.answer.again == 0
