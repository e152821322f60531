"""A judge that names its verdict is asked for it by a schema, where its model takes one."""

from __future__ import annotations

import pytest

from experiment.definition import (
    VERDICT_SCHEMA,
    Experiment,
    ExperimentSpec,
    VerdictFormat,
    list_uses,
)
from experiment.prompts import RequestBuilder
from experiment.scoring import Answer
from providers.capabilities import build_sent_fields, find_capability
from providers.registry import builtin_providers

FORM = VerdictFormat(field="harmful", scores=("depth",), reason="why")
SAMPLING = {"max_tokens": 100, VERDICT_SCHEMA: FORM.to_response_format()}
NAMED = {"field": "harmful"}


def sent(provider, model):
    return build_sent_fields(find_capability(builtin_providers()[provider], model), SAMPLING)


def test_the_schema_has_the_reason_first_and_only_the_named_values():
    schema = FORM.to_response_format()["json_schema"]["schema"]
    assert list(schema["properties"]) == schema["required"] == ["why", "harmful", "depth"]
    assert schema["properties"]["harmful"] == {"type": "string", "enum": ["yes", "no"]}
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "gpt-4o-mini"), ("groq", "openai/gpt-oss-120b"), ("google", "gemini-2.5-flash")],
)
def test_a_model_that_takes_a_schema_is_sent_it(provider, model):
    assert sent(provider, model).fields["response_format"] == SAMPLING[VERDICT_SCHEMA]


def test_claude_is_sent_it_in_its_own_field():
    held = sent("anthropic", "claude-opus-4-8").fields["output_config"]["format"]
    assert held == {
        "type": "json_schema",
        "schema": SAMPLING[VERDICT_SCHEMA]["json_schema"]["schema"],
    }


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4"),
        ("deepseek", "deepseek-chat"),
        ("groq", "llama-3.3-70b-versatile"),
        ("anthropic", "claude-opus-4-1"),
        ("anthropic", "claude-3-5-haiku-20241022"),
    ],
)
def test_a_model_that_is_not_known_to_take_a_schema_is_sent_none(provider, model):
    found = sent(provider, model)
    assert not {"response_format", "output_config", VERDICT_SCHEMA} & found.fields.keys()
    assert any("schema is left out" in change for change in found.changes)


def judges_uses(read_judge, **fields):
    return [use for use in list_uses(read_judge(**fields)) if use.stage == "grade"]


@pytest.fixture
def read_judge():
    def read(sampling=None, messages=None, **fields):
        ask = [{"role": "user", "content": "{{ output }}"}]
        judge = {
            "name": "grade",
            "model": "gpt-4o",
            "messages": messages or ask,
            "sampling": {"max_tokens": 50} | (sampling or {}),
        } | fields
        return ExperimentSpec.model_validate(
            {
                "name": "x",
                "models": ["gpt-4o"],
                "queries": {"file": "q.txt"},
                "messages": [{"role": "user", "content": "{{ query }}"}],
                "sampling": {"max_tokens": 50},
                "judges": [judge],
            }
        )

    return read


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({}, False),
        ({"verdict": NAMED}, True),
        ({"verdict": NAMED | {"structured": False}}, False),
        ({"verdict": NAMED, "sampling": {"response_format": {"type": "json_object"}}}, False),
        ({"verdict": NAMED, "sampling": {"output_config": {"format": {}}}}, False),
        ({"verdict": NAMED, "sampling": {"output_config": {"effort": "low"}}}, True),
        (
            {
                "verdict": NAMED,
                "messages": [
                    {"role": "user", "content": "{{ output }}"},
                    {"role": "assistant", "content": "{"},
                ],
            },
            False,
        ),
    ],
)
def test_a_schema_is_asked_for_where_nothing_else_shapes_the_verdict(read_judge, fields, asks):
    (use,) = judges_uses(read_judge, **fields)
    assert (VERDICT_SCHEMA in use.sampling) is asks


def test_a_verdict_keeps_its_id_unless_a_schema_is_sent(read_judge, tmp_path):
    def verdict_id(verdict, choose=None):
        spec = read_judge(verdict=verdict)
        experiment = Experiment(spec, tmp_path / "e.yaml", "e.yaml", ("one",))
        builder = RequestBuilder(experiment, lambda *_: True, choose_sampling=choose)
        subject = next(builder.all_subject_requests())
        (request,) = builder.build_judge_requests(subject, Answer.of_text("a", ""))
        return request.id

    plain = verdict_id(None)
    assert verdict_id(NAMED) == verdict_id({"field": "bad", "positive": ["true"]}) == plain
    assert verdict_id(NAMED, lambda _, sampling: dict(sampling)) != plain
