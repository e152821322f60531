"""Rows of `capabilities.yaml`: each is complete, and a record of the user's is read like a row."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date

import pytest

from experiment.definition.sampling_fields import FREE_FIELDS, PRICED_FIELDS
from experiment.errors import BadExperiment
from providers.capabilities import (
    Capability,
    FieldRule,
    capability_from_json,
    find_capability,
    load_ways,
    parse_record,
)
from providers.capabilities.record_fields import LEVELS, parse_rule
from providers.capabilities.rows import load_rows, parse_row
from providers.registry import builtin_providers

ROWS = load_rows()
KNOWN = builtin_providers()
# The fields of these are named by other APIs, which are no built-in providers.
_ELSEWHERE = {"thinking_budget"}  # Alibaba's
_SET_APART = {"max_tokens"}  # which `limit_field` names


def describe(row):
    return f"{row['models'][:40]} at {','.join(sorted(row['at']))}"


@pytest.mark.parametrize("row", ROWS, ids=describe)
def test_a_row_says_what_it_is_about_where_from_and_how_sure(row):
    parse_row(row["number"])
    re.compile(row["models"])
    assert row["sources"]
    assert all(isinstance(each, str) and each for each in row["sources"])
    assert row["sure"] in {"high", "medium", "low"}
    assert isinstance(row["checked"], date)
    assert row["checked"] <= date(2026, 11, 26)


def test_a_row_is_at_places_that_exist():
    others = {"*", "own", "own-anthropic", "own-google", "google-openai", "responses"}
    named = {place for row in ROWS for place in row["at"]}
    assert named <= {*KNOWN, *others, "azure", "vertex"}


def test_every_provider_has_a_row_about_its_api():
    about = {place for row in ROWS if row["models"] == ".*" for place in row["at"]}
    assert set(KNOWN) <= about


def test_no_row_is_hidden_by_one_before_it():
    """Two rows with the same pattern at one place: the second would never be read."""
    seen = [(row["models"], place) for row in ROWS for place in row["at"]]
    assert len(seen) == len(set(seen))


def test_every_way_that_a_row_names_exists():
    assert {parse_row(row["number"]).get("asked_by", "") for row in ROWS} <= {*load_ways(), ""}


@pytest.mark.parametrize("way", load_ways())
def test_a_way_is_written_with_the_words_that_are_replaced(way):
    said = load_ways()[way]
    assert said.keys() <= {"level", "budget", "off", "on"}
    assert "LEVEL" in json.dumps(said.get("level", "LEVEL"))
    assert "TOKENS" in json.dumps(said.get("budget", "TOKENS"))
    assert not re.search("LEVEL|TOKENS", json.dumps([said.get("off"), said.get("on")]))


def test_every_field_that_leaves_the_price_alone_is_taken_somewhere():
    named = {field for row in ROWS for field in parse_row(row["number"]).get("fields", {})}
    ways = {name for way in load_ways().values() for each in way.values() for name in each}
    assert (FREE_FIELDS | PRICED_FIELDS) - named - ways <= _ELSEWHERE | _SET_APART


@pytest.mark.parametrize("place", ["openai", "anthropic", "google", "own", "vllm"])
def test_an_api_does_not_take_every_field(place):
    provider = KNOWN.get(place) or replace(KNOWN["vllm"], name="mine")
    fields = find_capability(provider, "some-model").fields
    assert not {"tools", "web_search_options", "functions", "n", "never_heard_of"} & fields.keys()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("taken", FieldRule()),
        ("0..2", FieldRule(low=0, high=2)),
        ("-2..2", FieldRule(low=-2, high=2)),
        ("as stop_sequences", FieldRule(name="stop_sequences")),
        ("as text.format", FieldRule(name="text.format")),
        ("at most 5; as stopSequences", FieldRule(name="stopSequences", most=5)),
        ("one of json_object, text", FieldRule(only=("json_object", "text"))),
        ("0..1; at least 0.01", FieldRule(low=0, high=1, least=0.01)),
        ("refused", FieldRule("refused")),
    ],
)
def test_a_rule_is_read_as_it_is_written(text, rule):
    assert parse_rule(text) == rule


@pytest.mark.parametrize("text", ["", "maybe", "2..0", "as ", "at most five", True, None, 3])
def test_what_is_no_rule_is_refused_with_what_is_one(text):
    with pytest.raises(ValueError, match="range"):
        parse_rule(text)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"prefil": False}, "'prefil' is not a field of a record; these are: reasons, levels"),
        ({"sure": "high"}, "'sure' is not a field"),
        ({"reasons": "sometimes"}, "never, on_request, default, always, unknown"),
        (
            {"levels": ["low", "huge"]},
            "'huge' is not one of minimal, low, medium, high, xhigh, max",
        ),
        ({"levels": 3}, "levels: expected a list"),
        ({"default_level": "off"}, "default_level: 'off'"),
        ({"prefill": "perhaps"}, "prefill: 'perhaps' is neither true nor false"),
        ({"prefill": 1}, "prefill: 1 is neither"),
        ({"budget": 1024}, "the least and the most"),
        ({"budget": [32000, 1024]}, "largest number first"),
        ({"budgets": {"low": "few"}}, "budgets: low: expected a number of tokens"),
        ({"budgets": {"huge": 5}}, "budgets: 'huge'"),
        ({"max_output": 0}, "max_output: expected a number of tokens, 1 or more, not 0"),
        ({"max_output": True}, "max_output: expected a number of tokens"),
        ({"limit_field": "max tokens"}, "limit_field: 'max tokens'"),
        ({"asked_by": "telepathy"}, "asked_by: 'telepathy' is not one of effort"),
        ({"endpoint": "completions"}, "chat, responses, messages, generate"),
        ({"text": "some"}, "full, summary, none, unknown"),
        ({"fields": {"top_k": "perhaps"}}, "fields: top_k: 'perhaps' is not a rule of a field"),
        ({"fields": ["top_k"]}, "fields: expected a rule for each field"),
        ({"while_reasoning": {"top k": "taken"}}, "'top k' is not the name of a field"),
        ({"exclusive": ["temperature", "top_p"]}, "each list needs two fields or more"),
        ({"notes": [3]}, "notes: expected a list of texts"),
        ({"fee": 5}, "fee: expected a text"),
    ],
)
def test_a_record_of_the_users_is_refused_by_the_name_of_what_is_wrong(given, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_record(given)
    provider = replace(KNOWN["vllm"], name="mine", capabilities=given)
    with pytest.raises(BadExperiment, match=r"providers\.mine\.capabilities: "):
        find_capability(provider, "llama3.1:8b")


def test_what_the_user_says_of_a_provider_comes_before_what_is_known():
    changes = {"prefill": "no", "reasons": "default", "stops": "yes", "max_output": 100,
               "fields": {"top_k": "as k", "seed": "refused"}}  # fmt: skip
    provider = replace(KNOWN["vllm"], name="mine", capabilities=changes)
    record = find_capability(provider, "meta-llama/Llama-3.1-8B-Instruct")
    assert (record.prefill, record.reasons, record.stops) == (False, "default", True)
    assert record.max_output == 100
    assert record.fields["top_k"] == FieldRule(name="k")
    assert record.fields["seed"].taken == "refused"
    assert record.fields["min_p"] == FieldRule(low=0, high=1), "others stay as they are known"
    assert record.sources[0] == "the experiment file"


def test_what_one_experiment_says_of_a_provider_is_not_kept_for_another():
    said = replace(KNOWN["vllm"], name="mine", capabilities={"max_output": 100})
    assert find_capability(said, "llama3.1:8b").max_output == 100
    assert find_capability(replace(said, capabilities={}), "llama3.1:8b").max_output is None


def test_every_record_is_the_same_after_it_was_written_as_json():
    for name, provider in KNOWN.items():
        for model in ("claude-sonnet-4-5", "gpt-6-astra", "gemini-2.5-pro", "o3-pro", "unheard-of"):
            record = find_capability(provider, model)
            assert capability_from_json(json.loads(json.dumps(record.to_json()))) == record, name


def test_levels_are_listed_weakest_first():
    assert parse_record({"levels": ["max", "low", "high"]})["levels"] == ("low", "high", "max")
    for row in ROWS:
        levels = parse_row(row["number"]).get("levels", ())
        assert list(levels) == sorted(levels, key=LEVELS.index)


def test_a_rule_with_words_allows_these_alone():
    rule = FieldRule(only=("json_object", "text"))
    assert rule.allows("text")
    assert rule.allows({"type": "json_object"})
    assert rule.allows(None)
    assert not rule.allows({"type": "json_schema", "json_schema": {}})
    assert not rule.allows("json_schema")
    assert FieldRule().allows({"type": "json_schema"})


def test_a_number_below_the_least_is_raised_to_it():
    rule = FieldRule(least=0.01)
    assert [rule.raise_to_least(each) for each in (0, 0.5, None, False)] == [0.01, 0.5, None, False]
    assert FieldRule().raise_to_least(0) == 0


def test_a_record_by_itself_knows_nothing():
    record = Capability()
    assert (record.reasons, record.prefill, record.sure) == ("unknown", None, "low")
