"""What an experiment says that a provider's models take: checked at its place, and used."""

from __future__ import annotations

import pytest

from experiment.definition import ProviderFields
from experiment.errors import BadExperiment
from providers.capabilities import find_capability
from providers.registry import builtin_providers, list_changed_fields, load_providers


def load(name: str = "lab", **capabilities: object):
    own = {} if name in builtin_providers() else {"kind": "openai", "base_url": "http://h/v1"}
    fields = ProviderFields.model_validate(own | {"capabilities": capabilities})
    return load_providers({name: fields})[name]


def test_a_provider_of_ones_own_takes_what_the_file_says():
    found = find_capability(load(reasons="always", fields={"min_p": "0..1", "top_k": "own"}), "m")
    assert found.reasons == "always"
    assert (found.fields["min_p"].low, found.fields["min_p"].high) == (0, 1)
    assert found.fields["top_k"].taken == "own"


def test_what_the_file_leaves_out_of_a_built_in_provider_stays():
    ours, changed = builtin_providers()["openai"], load("openai", fields={"my_field": "taken"})
    usual, now = find_capability(ours, "gpt-5"), find_capability(changed, "gpt-5")
    assert now.fields["my_field"].taken == "taken"
    assert {**now.fields} == {**usual.fields, "my_field": now.fields["my_field"]}
    assert now.reasons == usual.reasons
    assert list_changed_fields(changed) == ("capabilities",)


@pytest.mark.parametrize(
    ("capabilities", "field"),
    [
        ({"reason": "always"}, "reason"),
        ({"fields": {"top_p": "perhaps"}}, "fields"),
        ({"fields": {"top_p": "0..x"}}, "fields"),
        ({"fields": {"top_p": "at most many"}}, "fields"),
        ({"fields": "top_p"}, "fields"),
        ({"while_reasoning": {"top_p": "sometimes"}}, "while_reasoning"),
        ({"fields": {"top_p": "as n"}}, "fields"),  # which would buy more answers
        ({"fields": {"top_p": "as tools"}}, "fields"),
        ({"exclusive": 7}, "exclusive"),
        ({"limit_field": "n"}, "limit_field"),
        ({"limit_field": 7}, "limit_field"),
    ],
)
def test_what_is_no_capability_is_refused_at_its_place(capabilities, field):
    with pytest.raises(BadExperiment, match=rf"^providers\.lab\.capabilities\.{field}: ."):
        load(**capabilities)


@pytest.mark.parametrize("kind", ["openai", "anthropic", "responses", "google"])
def test_a_provider_of_ones_own_may_speak_every_api(kind):
    assert ProviderFields(kind=kind).kind == kind
