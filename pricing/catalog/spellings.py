"""Spellings: how LiteLLM, Inspect, pydantic-ai and others write a provider; `spellings.yaml`."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pricing.catalog.canonical_ids import is_bedrock_id
from pricing.catalog.name_parts import split_parts
from pricing.data_files import read_data_file

_VERTEX_DATE = re.compile(r"[a-z0-9.-]+@(\d{8}|default|latest)")
_QUALIFIED = ("openai", "anthropic", "google", "mistral")
_TUNED = re.compile(r"ft:(?:gpt|o\d|chatgpt|davinci|babbage)[^:]*:.+")


class ProviderModel(NamedTuple):
    """A provider here and what follows it in a name."""

    provider: str
    model: str


def read_provider(written: str, providers: Collection[str]) -> ProviderModel | None:
    """Return the provider that a written name begins with, under whatever word, and its model.

    A provider that is known by that very word comes first, as the user may have named one.
    """
    head, separator, rest = _split_head(written)
    if not rest:
        return None
    cloud, slash, model = rest.partition("/")
    if head in _QUALIFIED and slash and cloud in load_spellings()["qualifiers"]:
        return ProviderModel(load_spellings()["qualifiers"][cloud], model)
    if head in providers:
        return ProviderModel(head, _strip_path(head, separator, rest))
    if head == "openai-api":  # Inspect: openai-api/SERVICE/MODEL
        return read_provider(rest, providers)
    meant = find_meaning(head)
    return ProviderModel(meant, _strip_path(meant, separator, rest)) if meant else None


def read_host_form(written: str) -> ProviderModel | None:
    """Return the provider whose form an id has: Bedrock's, Vertex's, or a fine-tune of OpenAI's."""
    for form in load_spellings()["forms"]:
        if found := re.match(form["begins"], written):
            return ProviderModel(form["means"], written[found.end() :])
    if _TUNED.fullmatch(written):
        return ProviderModel("openai", written)
    if is_bedrock_id(written):
        return ProviderModel("aws", written)
    return ProviderModel("vertex", written) if _VERTEX_DATE.fullmatch(written) else None


def find_meaning(head: str) -> str | None:
    """Return the provider here that another word for it means."""
    row = load_spellings()["providers"].get(head.lower())
    return row["means"] if row else None


def find_service(written: str) -> tuple[str, str, str] | None:
    """Return the word for a service that is no provider here, why not, and what follows it."""
    head, _, rest = _split_head(written)
    why = load_spellings()["services"].get(head.lower())
    return (head, why, rest) if why else None


def find_maker(model_id: str) -> str | None:
    """Return the lab that makes a model, by the first word of its name."""
    maker: str | None = load_spellings()["makers"].get((split_parts(model_id) or [""])[0])
    return maker


def is_weights_only(provider: str, model_id: str) -> bool:
    """Return whether a maker publishes the weights of a model and does not serve it."""
    return any(
        row["provider"] == provider and re.fullmatch(row["models"], model_id)
        for row in load_spellings()["weights"]
    )


def explain_variant(provider: str, model_id: str) -> str | None:
    """Return why a variant has no price of its own, and what to write; None for no variant."""
    base, _, variant = model_id.rpartition(":")
    why = load_spellings()["variants"].get(provider, {}).get(variant)
    return why and f"{base}:{variant}: {why.format(base=f'{provider}/{base}')}"


def _split_head(written: str) -> tuple[str, str, str]:
    """Split at the first `/`, or at a colon before it."""
    found = re.match(r"([^/:]+)([/:])(.*)", written, re.DOTALL)
    return (found[1], found[2], found[3]) if found else ("", "", "")


def _strip_path(provider: str, separator: str, model: str) -> str:
    """Take away what stands between the provider and its own id."""
    if separator == ":":
        model = re.sub(rf"^(?:{load_spellings()['apis']})", "", model) or model
    path = load_spellings()["paths"].get(provider)
    return re.sub(rf"^(?:{path})+", "", model) or model if path else model


@cache
def load_spellings() -> dict[str, Any]:
    """Return the tables of `spellings.yaml`."""
    tables: dict[str, Any] = read_data_file(Path(__file__).with_name("spellings.yaml"))
    return tables
