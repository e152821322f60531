"""Providers: an experiment changes only what it names, and a key goes where it belongs."""

from __future__ import annotations

from typing import get_args

import pytest

from experiment.definition.schema import ProviderFields
from experiment.errors import BadExperiment
from providers.apis import API_KINDS
from providers.provider import Provider
from providers.registry import load_providers

URL = "http://localhost:8000/v1"


def test_another_address_keeps_the_key_and_all_else_of_a_provider():
    builtin = load_providers({})["fireworks"]
    changed = load_providers({"fireworks": ProviderFields(base_url=URL)})["fireworks"]
    assert changed.base_url == URL
    assert not changed.builtin_url
    assert changed.api_key_env == builtin.api_key_env == ("FIREWORKS_API_KEY",)
    assert (changed.kind, changed.model_prefix) == (builtin.kind, builtin.model_prefix)


def test_another_key_keeps_the_address():
    changed = load_providers({"openai": ProviderFields(api_key_env="MY_KEY")})["openai"]
    assert changed.api_key_env == ("MY_KEY",)
    assert changed.base_url == load_providers({})["openai"].base_url
    assert changed.builtin_url


def test_a_change_to_one_provider_leaves_the_others_alone():
    changed = load_providers({"openai": ProviderFields(base_url=URL)})
    assert {n: p for n, p in changed.items() if n != "openai"} == {
        n: p for n, p in load_providers({}).items() if n != "openai"
    }


def test_a_new_provider_is_what_the_experiment_says_and_needs_no_key():
    added = load_providers({"my-lab": ProviderFields(kind="openai", base_url=URL)})["my-lab"]
    assert added == Provider("my-lab", "openai", URL, builtin_url=False)
    assert added.api_key_env == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"base_url": URL}, "needs kind, such as"),
        ({"kind": "openai"}, "needs base_url, such as"),
        ({"prefill": "none"}, "needs base_url and kind, such as"),
    ],
)
def test_a_new_provider_without_kind_or_address_is_refused(fields, said):
    with pytest.raises(BadExperiment) as error:
        load_providers({"my-lab": ProviderFields(**fields)})
    assert str(error.value).startswith("providers.my-lab: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    "provider", load_providers({}).values(), ids=lambda provider: provider.name
)
def test_every_built_in_provider_can_be_sent_to_or_says_that_it_cannot(provider):
    if provider.kind == "none":
        assert not provider.base_url
    else:
        assert provider.kind in API_KINDS
        assert provider.base_url.startswith(("https://", "http://localhost"))
        assert provider.api_key_env or "localhost" in provider.base_url


def test_an_experiment_may_name_every_api_and_no_other():
    literal, nothing = get_args(ProviderFields.model_fields["kind"].annotation)
    assert nothing is type(None)
    assert set(get_args(literal)) == {"none", *API_KINDS}  # or that nothing is sent there
