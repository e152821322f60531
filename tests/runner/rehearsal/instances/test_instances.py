"""What is written for a schema satisfies it, as the jsonschema library reads the standard."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.clients import ClientApi, read_call
from providers.clients.bodies import write_json
from runner.rehearsal.instances import NoInstance, write_instance
from tests.support.rows import check_each

TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["name", "children", "next"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
STEPS = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "minItems": 3,
            "items": {
                "type": "object",
                "properties": {"explanation": {"type": "string"}, "output": {"type": "string"}},
                "required": ["explanation", "output"],
                "additionalProperties": False,
            },
        },
        "kind": {"enum": [None, "a", "b"]},
        "when": {"type": "string", "format": "date-time"},
        "sure": {"type": ["boolean", "null"]},
    },
    "required": ["steps", "kind", "when", "sure"],
    "additionalProperties": False,
}
SHAPES = {
    "kind": {
        "oneOf": [
            {
                "type": "object",
                "properties": {"shape": {"const": name}, size: {"type": "number", "minimum": 0}},
                "required": ["shape", size],
                "additionalProperties": False,
            }
            for name, size in (("circle", "radius"), ("square", "side"))
        ]
    }
}
ROW = {"type": "array", "minItems": 900, "items": {"type": "integer"}}
MANY = {"type": "array", "minItems": 900, "items": ROW}
SCHEMAS = [
    {},
    {"type": "string"},
    {"type": "string", "minLength": 300, "maxLength": 310},
    {"type": "string", "maxLength": 5},
    {"type": "string", "maxLength": 0},
    {"type": "string", "pattern": r"^\d{4}-\d{2}$"},
    {"type": "string", "pattern": r"^(yes|no)$", "maxLength": 3},
    {"type": "string", "pattern": r"[A-Z]{2,3}\|[^a-z]\w+\.?$", "minLength": 9},
    *({"type": "string", "format": each} for each in ("date", "email", "uuid", "ipv4", "uri")),
    {"type": "integer", "minimum": 1, "maximum": 5},
    {"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7},
    {"type": "integer", "maximum": -3, "multipleOf": 5},
    {"type": "number", "minimum": 0, "maximum": 0.5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
    {"type": "number", "multipleOf": 0.25, "minimum": 0.3},
    {"type": "boolean"},
    {"type": "null"},
    {"enum": ["x", "y"]},
    {"const": {"a": [1, 2.5]}},
    {"type": ["null", "integer"]},
    {"type": "array"},
    {"type": "array", "items": {"type": "string"}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer"}, "minItems": 5, "uniqueItems": True},
    {"type": "array", "items": STEPS["properties"]["steps"]["items"], "minItems": 3},
    {"type": "array", "maxItems": 0},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    {"type": "array", "contains": {"const": 7}, "minContains": 2, "minItems": 4},
    {"type": "object", "minProperties": 3, "additionalProperties": {"type": "integer"}},
    {"type": "object", "patternProperties": {"^x-": {"type": "null"}}, "minProperties": 1},
    {"type": "object", "required": ["a"], "maxProperties": 1, "properties": {"b": {}, "a": {}}},
    {"properties": {"a": {"type": "integer"}}, "required": ["a", "b"]},
    {"allOf": [{"properties": {"a": {"minimum": 3}}}, {"properties": {"a": {"type": "integer"}}}]},
    {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 4}], "multipleOf": 2},
    {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 5}]},
    {"anyOf": [False, {"type": "integer"}]},
    {"$defs": {"a/b": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/a~1b"}}},
    {"$defs": {"s": {"type": "string"}}, "$ref": "#/$defs/s", "minLength": 80},
    {"type": "object", "properties": SHAPES, "required": ["kind"]},
    TREE,
    STEPS,
    {"type": "array", "minItems": 2, "items": TREE["$defs"]["node"], "$defs": TREE["$defs"]},
]


def say(nth: int) -> str:
    return f"{'some words ' * 7}and {nth}."


def check(schema):
    """Write an instance for a schema as a call has it, with exact numbers, and validate it."""
    body = {"model": "m", "messages": [], "schema": schema}
    read = read_call(ClientApi.CHAT, json.dumps(body).encode()).body["schema"]
    instance = json.loads(write_json(write_instance(read, say)))
    standard = jsonschema.Draft202012Validator
    standard(schema, format_checker=standard.FORMAT_CHECKER).validate(instance)


def test_instances_satisfy_their_schemas():
    check_each([(each,) for each in SCHEMAS], check)


def leaves():
    bound = st.integers(-20, 20)
    size = st.integers(0, 12)
    return st.one_of(
        st.just({"type": "boolean"}),
        st.just({"type": "null"}),
        st.builds(lambda values: {"enum": values}, st.lists(st.text() | bound, min_size=1)),
        st.builds(
            lambda kind, low, more: {"type": kind, "minimum": low, "maximum": low + more},
            st.sampled_from(["integer", "number"]),
            bound,
            size,
        ),
        st.builds(
            lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
            size,
            size,
        ),
    )


def nests(inner):
    names = st.text("abcd", min_size=1, max_size=2)
    return st.one_of(
        st.builds(
            lambda properties, is_open: {
                "type": "object",
                "properties": properties,
                "required": sorted(properties)[::2],
                "additionalProperties": is_open,
            },
            st.dictionaries(names, inner, max_size=4),
            st.booleans(),
        ),
        st.builds(
            lambda items, low, more: {
                "type": "array",
                "items": items,
                "minItems": low,
                "maxItems": low + more,
            },
            inner,
            st.integers(0, 3),
            st.integers(0, 2),
        ),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda one: {"allOf": [one, {}]}, inner),
        st.builds(lambda one: {"$defs": {"x": one}, "anyOf": [one, {"type": "null"}]}, inner),
    )


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.recursive(leaves(), nests, max_leaves=12))
def test_instances_satisfy_schemas_of_any_shape(schema):
    check(schema)


def test_googles_spelling_is_understood():
    schema = {
        "type": "OBJECT",
        "properties": {
            "list": {"type": "ARRAY", "minItems": "2", "items": {"type": "STRING"}},
            "grade": {"type": "STRING", "format": "enum", "enum": ["good", "bad"]},
            "none": {"type": "INTEGER", "nullable": True},
        },
        "required": ["list", "grade"],
        "propertyOrdering": ["list", "grade", "none"],
    }
    assert write_instance(schema, lambda nth: f"w{nth}") == {
        "list": ["w0", "w1"],
        "grade": "good",
        "none": 1,
    }


SLOW = {"type": "object", "required": ["x" * 40 + "!"], "patternProperties": {"^(x|xx)+$": {}}}


def check_nothing(schema):
    with pytest.raises(NoInstance):
        write_instance(schema, say)


def test_what_allows_nothing_or_is_not_understood_has_no_instance():
    check_each(
        [
            (False,),
            ({"enum": []},),
            ({"type": "integer", "minimum": 3, "maximum": 2},),
            ({"$ref": "#/$defs/none"},),
            ({"$ref": "https://example.org/schema"},),
            ({"$ref": "#"},),
            ({"type": "string", "pattern": "("},),
            ({"type": "integer", "minimum": "low"},),
            ({"type": "string", "minLength": 10**9},),
            ({"type": "string", "pattern": "a{100000}"},),
            (MANY,),
            (SLOW,),  # a pattern that takes years
            ({"type": "object", "properties": ["a"]},),
            ({"type": "string", "pattern": "^a$", "minLength": 3},),
            ({"type": "string", "minLength": 5, "maxLength": 3},),
        ],
        check_nothing,
    )
