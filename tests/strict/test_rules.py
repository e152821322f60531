"""The strict rules themselves: none is vacuous, each has a source, and every model is covered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.registry import builtin_providers
from tests.strict.campaign import list_pairs, wire_id
from tests.strict.checks import find_faults
from tests.strict.field_types import find_misfit
from tests.strict.rulebook import ModelRule, load_rulebooks

BOOKS = load_rulebooks()
APIS = [(name, api) for name, book in BOOKS.items() for api in book.apis]
IGNORE_UNKNOWN = {"vllm"}  # as documented; see `unknown_source` of its rules
PORTABLE = {"off", "minimal", "low", "medium", "high", "xhigh", "max", "budget"}
# A value that no type but `any` takes, then one for each type that a value of another type fits.
MISFITS = (object(), "", [], {}, -1e9, 1e9, [""] * 99)


def plain_body(api: str) -> dict[str, object]:
    model = "no-such-model"
    bodies: dict[str, dict[str, object]] = {
        "chat": {"model": model, "messages": [{"role": "user", "content": "Why?"}]},
        "responses": {"model": model, "input": [{"role": "user", "content": "Why?"}]},
        "messages": {
            "model": model,
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "Why?"}],
        },
        "generate": {"contents": [{"role": "user", "parts": [{"text": "Why?"}]}]},
    }
    return bodies[api]


def rules() -> Iterator[tuple[str, ModelRule]]:
    for name, book in BOOKS.items():
        yield from ((name, rule) for rule in book.models)


def kinds() -> set[str]:
    said = {
        kind
        for book in BOOKS.values()
        for api in book.apis.values()
        for kind in api.fields.values()
    }
    said |= {
        kind
        for book in BOOKS.values()
        for api in book.apis.values()
        for kind in api.message.values()
    }
    for _, rule in rules():
        for fields in (rule.fields, rule.while_reasoning, rule.while_off):
            said |= set(fields.values())
    return said


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_field_type_refuses_something(kind):
    misfits = [value for value in MISFITS if find_misfit(kind, value)]
    assert misfits or kind == "any"


@pytest.mark.parametrize(
    ("kind", "fits", "does_not"),
    [
        ("number 0..2", [0, 1.5, 2], [-0.1, 2.1, "1", True]),
        ("number >0..1", [0.1, 1], [0, 1.1]),
        ("integer 1..", [1, 10**9], [0, 1.5, False]),
        ("one of low high", ["low"], ["medium", "", None]),
        ("strings ..2", [[], ["a", "b"]], [["a"] * 3, "a", [1]]),
        ("text or strings 1..4", ["a", ["a"]], [[], ["a"] * 5, 3]),
        ("boolean", [True], [0, "true"]),
        ("refused for this model", [], [0, "", None]),
    ],
)
def test_a_field_type_takes_what_it_says(kind, fits, does_not):
    assert [value for value in fits if find_misfit(kind, value)] == []
    assert [value for value in does_not if not find_misfit(kind, value)] == []


@pytest.mark.parametrize(("provider", "api"), APIS)
def test_an_unknown_field_is_refused_unless_the_api_is_documented_to_ignore_it(provider, api):
    body = plain_body(api)
    assert find_faults(provider, api, body, model="no-such-model") == []
    faults = find_faults(provider, api, body | {"frobnicate": 1}, model="no-such-model")
    assert [fault.kind for fault in faults] == ([] if provider in IGNORE_UNKNOWN else ["unknown"])
    assert all(fault.field == "frobnicate" and fault.source for fault in faults)


@pytest.mark.parametrize(("provider", "api"), APIS)
def test_a_request_without_what_is_required_is_refused(provider, api):
    body = plain_body(api)
    for name in BOOKS[provider].apis[api].required:
        less = {key: value for key, value in body.items() if key != name}
        kinds_found = {fault.kind for fault in find_faults(provider, api, less, model="m")}
        assert "missing" in kinds_found


def test_every_rule_has_a_source_and_says_something():
    for provider, rule in rules():
        said = [
            *(rule.fields, rule.while_reasoning, rule.while_off, rule.exclusive, rule.below),
            *(rule.served_by, rule.prefill, rule.prefill_space, rule.reasons, rule.max_output),
            rule.levels is not None,
        ]
        assert rule.source, (provider, rule.match.pattern)
        assert any(said), (provider, rule.match.pattern)
        assert set(rule.levels or ()) <= PORTABLE
        assert rule.reasons in ("", "never", "on_request", "default", "always")
        assert "off" not in (rule.levels or ()) or rule.reasons != "always"


def test_every_field_that_a_rule_names_is_a_field_of_its_api():
    for provider, rule in rules():
        apis = [BOOKS[provider].apis[name] for name in rule.api or BOOKS[provider].apis]
        known = {field for api in apis for field in api.fields}
        named = {*rule.fields, *rule.while_reasoning, *rule.while_off}
        named |= {field for names in (*rule.exclusive, *rule.below) for field in names}
        assert named <= known, (provider, rule.match.pattern, named - known)


def set_path(body: dict, path: str, value: object) -> dict:
    *parents, last = path.split(".")
    inner = body
    for name in parents:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return body


def constrained() -> Iterator[tuple[str, str, ModelRule, str, str]]:
    """Yield provider, API, rule, model and field, for each rule about models that can be run."""
    for pair in list_pairs():
        book = BOOKS[pair.provider]
        for rule in book.rules_for(wire_id(pair)):
            for field in rule.fields:
                for api in book.apis:
                    if field in book.apis[api].fields and rule.header is None:
                        yield pair.provider, api, rule, wire_id(pair), field


def test_every_rule_about_a_field_refuses_a_value_of_it():
    tried = set()
    for provider, api, rule, model, field in constrained():
        if (key := (provider, api, rule.source, rule.match.pattern, field)) in tried:
            continue
        tried.add(key)
        misfits = [value for value in MISFITS[1:] if find_misfit(rule.fields[field], value)]
        body = set_path(plain_body(api) | {"model": model}, field, misfits[-1] if misfits else 0)
        found = find_faults(provider, api, body, model=model)
        refusing = [each for each in found if (each.field, each.source) == (field, rule.source)]
        assert refusing or rule.fields[field] == "any", key
    assert len(tried) > 100


def test_every_model_that_can_be_run_is_covered():
    assert {pair.provider for pair in list_pairs()} <= set(BOOKS)
    for pair in list_pairs():
        book = BOOKS[pair.provider]
        assert book.first(wire_id(pair), "reasons"), pair.written
        assert book.first(wire_id(pair), "levels") is not None, pair.written
        assert pair.provider == "vllm" or book.first(wire_id(pair), "prefill"), pair.written


def test_the_rules_name_only_providers_that_there_are():
    assert set(BOOKS) <= set(builtin_providers())
