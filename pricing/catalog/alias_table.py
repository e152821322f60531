"""The alias table: the names in `models.yaml`, what providers call them, and other spellings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from pricing.catalog.name_parts import NameKey, name_key, split_parts
from pricing.data_files import read_data_file

_KINDS_OF_WEIGHTS = ("instruct", "it")  # what a host's id of an alias may say and the alias not


def provider_ids(alias: str | None) -> dict[str, str]:
    """Return the providers of an alias, with the model's id at each."""
    entry = load_aliases().get(alias or "") or {"at": {}}
    return dict(entry["at"])


def list_aliases() -> list[str]:
    """Return every alias in the table."""
    return list(load_aliases())


def list_labs() -> list[str]:
    """Return the providers whose own ids may stand alone."""
    labs: list[str] = _load_table()["labs"]
    return labs


def find_context_window(alias: str | None) -> int | None:
    """Return the context window of an alias in tokens, or None where the table has none."""
    entry = load_aliases().get(alias or "") or {}
    return entry.get("window")


def find_alias(provider: str, model_id: str) -> str | None:
    """Return the alias of a provider's own id."""
    return _index_ids().get((provider, model_id))


def find_spelled_alias(name: str, provider: str | None = None) -> str | None:
    """Return the one alias that a name is another spelling of, at a provider if one is given.

    `GPT-4o`, `claude-4.6-opus` and `Llama-3.1-8B-Instruct` are; a name with another word, size,
    number or date is not.
    """
    if provider is None:
        return _only(_index_names().get(name_key(name), ()))
    key = name_key(name.rpartition("/")[2])
    at = [alias for alias in _index_names().get(key, ()) if provider in provider_ids(alias)]
    at += [alias for alias, own in _index_keys_at(provider) if own == key]
    return _only(at)


def find_alias_of_weights(name: str) -> str | None:
    """Return the alias of `organisation/name` on Hugging Face, which some host has as its id.

    Neither a base model, a fine-tune nor another quantisation is one: each word counts.
    """
    organisation, _, weights = name.rpartition("/")
    return _only(_index_weights().get((organisation.lower(), name_key(weights)), ()))


def is_organisation(word: str) -> bool:
    """Return whether a word is the maker of weights that some alias has."""
    return any(organisation == word.lower() for organisation, _ in _index_weights())


@cache
def load_aliases() -> dict[str, Any]:
    """Return alias -> its entry, in the order of the table."""
    models: dict[str, Any] = _load_table()["models"]
    return models


@cache
def _load_table() -> dict[str, Any]:
    table: dict[str, Any] = read_data_file(Path(__file__).with_name("models.yaml"))
    return table


@cache
def _index_ids() -> dict[tuple[str, str], str]:
    return {
        (provider, model_id): alias
        for alias in reversed(list_aliases())
        for provider, model_id in provider_ids(alias).items()
    }


@cache
def _index_names() -> dict[NameKey | None, set[str]]:
    index: dict[NameKey | None, set[str]] = defaultdict(set)
    for alias in list_aliases():
        words = {part for each in provider_ids(alias).values() for part in split_parts(each)}
        index[name_key(alias)].add(alias)
        for kind in words.intersection(_KINDS_OF_WEIGHTS):
            index[name_key(alias, kind)].add(alias)
    index.pop(None, None)
    return index


@cache
def _index_keys_at(provider: str) -> list[tuple[str, NameKey]]:
    ids = ((alias, provider_ids(alias).get(provider, "")) for alias in list_aliases())
    keys = ((alias, name_key(model_id.rpartition("/")[2])) for alias, model_id in ids)
    return [(alias, key) for alias, key in keys if key is not None]


@cache
def _index_weights() -> dict[tuple[str, NameKey | None], set[str]]:
    index: dict[tuple[str, NameKey | None], set[str]] = defaultdict(set)
    for alias in list_aliases():
        for model_id in provider_ids(alias).values():
            organisation, slash, weights = model_id.rpartition("/")
            if slash and (key := name_key(weights)) is not None:
                index[organisation.lower(), key].add(alias)
    return index


def _only(aliases: Iterable[str]) -> str | None:
    found = set(aliases)
    return found.pop() if len(found) == 1 else None
