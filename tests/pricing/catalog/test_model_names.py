"""Names: a written name means one model at one provider, or it is an error that lists others."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pricing.catalog import (
    ModelName,
    at_provider,
    list_aliases,
    provider_ids,
    resolve_model_name,
)
from pricing.errors import UnknownModel
from pricing.price_book import PriceBook

PROVIDERS = (
    "anthropic", "deepinfra", "google", "groq", "my-lab", "novita", "openai", "openrouter",
    "together", "vllm", "x-ai",
)  # fmt: skip
ALIASES = list_aliases()
BOOK = PriceBook(date(2026, 11, 21))


def resolve(written: str) -> ModelName:
    return BOOK.resolve_name(written, PROVIDERS)


def by_table(written: str) -> ModelName:
    return resolve_model_name(written, PROVIDERS, lambda _lab, _id: False)


@pytest.mark.parametrize(
    ("written", "provider", "model_id", "alias"),
    [
        ("llama-3.1-70b", "deepinfra", "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo",
         "llama-3.1-70b"),
        ("novita/llama-3.1-70b", "novita", "meta-llama/llama-3.1-70b-instruct", "llama-3.1-70b"),
        ("novita/meta-llama/llama-3.1-70b-instruct", "novita",
         "meta-llama/llama-3.1-70b-instruct", "llama-3.1-70b"),
        ("openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o", "gpt-4o"),
        ("my-lab/llama-3.1-70b", "my-lab", "llama-3.1-70b", "llama-3.1-70b"),
        ("my-lab/some/model", "my-lab", "some/model", None),
        ("gpt-4.1", "openai", "gpt-4.1", "gpt-4.1"),
        ("gemini-3.1-pro-preview", "google", "gemini-3.1-pro-preview", "gemini-3.1-pro"),
        ("gpt-4o-2024-08-06", "openai", "gpt-4o-2024-08-06", None),
        ("claude-opus-4-1-20250805", "anthropic", "claude-opus-4-1-20250805", None),
    ],
)  # fmt: skip
def test_a_name_means_one_model_at_one_provider(written, provider, model_id, alias):
    assert resolve(written) == ModelName(written, provider, model_id, alias)


def test_a_model_is_called_by_its_alias_where_it_has_one():
    assert str(resolve("llama-3.1-70b")) == "deepinfra/llama-3.1-70b"
    assert str(resolve("my-lab/some/model")) == "my-lab/some/model"


@pytest.mark.parametrize("alias", ALIASES)
def test_every_alias_is_found_again_by_the_id_of_each_of_its_providers(alias):
    hosts = provider_ids(alias)
    assert hosts
    for provider, model_id in hosts.items():
        found = resolve_model_name(f"{provider}/{model_id}", [provider], lambda _lab, _id: False)
        assert (found.id, found.alias) == (model_id, alias)


@given(st.text())
def test_a_text_that_is_no_name_never_resolves(written):
    with pytest.raises(UnknownModel):
        by_table(written)


@given(st.sampled_from(ALIASES), st.data())
def test_an_alias_with_a_letter_missing_never_resolves_to_another(alias, data):
    missing = data.draw(st.integers(0, len(alias) - 1))
    written = alias[:missing] + alias[missing + 1 :]
    assume(written not in ALIASES)
    try:
        assert by_table(written).alias == alias  # only a separator is missing
        assert not alias[missing].isdecimal()
    except UnknownModel as error:
        suggested = str(error).partition("did you mean ")[2].partition("?")[0].split(", ")
        assert all(each[0] == alias[0] for each in suggested if each) or missing == 0


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("gpt-4.1-micro", "did you mean gpt-4.1?"),
        ("gpt-4-o", "did you mean gpt-4o?"),
        ("lama-3.1-70b", "did you mean llama-3.1-70b"),
        ("llama-3.1-70b ", "did you mean llama-3.1-70b"),
        ("openia/gpt-4o", "'openia' is not a provider; did you mean openai?"),
        ("nobody/model", "known providers: anthropic, deepinfra"),
        ("zzz", "is unknown; `afcost prices list` shows all names"),
        ("openai/", "write any other model as provider/model"),
        ("gpt-4o-2024", " gpt-4o, "),
        ("claude-3-5-sonnet-latest", "did you mean claude-3.5-sonnet?"),
        ("claude-sonet-4.5", "did you mean claude-sonnet-4.5?"),
        ("mistral-large-2411", "is unknown; `afcost prices list`"),
        ("gpt-5-high", "did you mean gpt-5"),
        ("deepseek-r1:8b", "write ollama/deepseek-r1:8b for a server of your own"),
        ("gpt-4o-mini-fast", "did you mean gpt-4o-mini"),
    ],
)
def test_an_unknown_name_lists_what_it_may_have_meant(written, said):
    with pytest.raises(UnknownModel) as error:
        resolve(written)
    assert repr(written) in str(error.value)
    assert said in str(error.value)


def test_an_id_that_two_labs_have_does_not_stand_for_either():
    with pytest.raises(UnknownModel):
        resolve_model_name("twins", PROVIDERS, lambda lab, _: lab in {"openai", "google"})


def test_a_provider_that_the_experiment_does_not_know_is_no_provider():
    with pytest.raises(UnknownModel, match="'my-lab' is not a provider"):
        resolve_model_name("my-lab/llama-3.1-70b", ["deepinfra"], lambda _lab, _id: False)


def test_an_id_that_only_hosts_sell_names_each_of_them_and_stands_for_none():
    with pytest.raises(UnknownModel) as error:
        resolve("Llama-3.3-70B-Instruct-Turbo")
    for provider in ("deepinfra", "together"):
        assert f"{provider}/meta-llama/Llama-3.3-70B-Instruct-Turbo" in str(error.value)
    assert "is ambiguous; specify the provider" in str(error.value)
    with pytest.raises(
        UnknownModel, match="is one provider's id; specify the provider: groq/mixtral-8x7b-32768"
    ):
        resolve("mixtral-8x7b-32768")


def test_the_first_host_of_an_alias_is_where_its_bare_name_leads():
    for alias in ALIASES:
        provider, model_id = next(iter(provider_ids(alias).items()))
        found = resolve_model_name(alias, PROVIDERS, lambda _lab, _id: False)
        assert (found.provider, found.id) == (provider, model_id)


def test_a_model_without_an_alias_has_no_known_hosts():
    assert provider_ids(None) == provider_ids("nonesuch") == {}


@pytest.mark.parametrize(
    "written",
    [
        "llama-3.1-70b",
        "deepinfra/llama-3.1-70b",
        "deepinfra/meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo",
    ],
)
def test_a_model_with_an_alias_keeps_it_at_another_provider(written):
    assert at_provider(written, "novita") == "novita/llama-3.1-70b"
