"""Model identity: whether the model that an answer names is the one that was asked for.

Providers answer with a dated snapshot, with or without the maker's name, with a suffix for how it
is served, or with the parts in another order. What is left after these are taken away decides: the
family, its version, its size and its kind (mini, turbo, reasoner), which move the price.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pricing.catalog.alias_table import provider_ids
from pricing.catalog.model_names import ModelName

_DATES = re.compile(
    r"[-_@](20\d\d[-_.]?\d\d[-_.]?\d\d|\d{6}|\d\d-\d{4}|\d\d-\d\d|\d{4}|0\d\d)(?=$|[-_@])"
)
_VERSION_POINT = re.compile(r"(?<=\d)p(?=\d)")  # Fireworks writes v3p1 for 3.1
_PARTS = re.compile(r"\d+[a-z]+|\d+|[a-z]+")
_LONGEST_NAME = 200  # characters of a name that is remembered
_SERVING_WORDS = {
    "0",  # Anthropic's claude-opus-4-0 is answered by claude-opus-4
    *("v", "meta", "instruct", "it", "chat", "hf", "instant", "versatile", "specdec", "tput"),
    *("latest", "preview", "exp", "experimental", "beta", "stable", "free"),
    *("fp4", "fp8", "nvfp4", "mxfp4", "bf16", "fp16", "int4", "int8", "awq", "gptq", "gguf"),
}


def is_same_model(asked: ModelName, answered: str) -> bool:
    """Return whether an answer's model is the one that was asked for, or a snapshot of it.

    Args:
        asked: the model that was asked for; where its name has `latest` or no version in it, any
            version is that begins with the numbers which the name has.
        answered: what the provider calls the model that answered; empty where it does not say.
    """
    if len(answered) > _LONGEST_NAME:  # what a server sends is not kept
        return _compare(asked, answered)
    return _compare_once(asked, answered)


def _compare(asked: ModelName, answered: str) -> bool:
    names = {asked.id, asked.written, asked.short_name, *provider_ids(asked.alias).values()}
    if not answered or _identify(answered) in map(_identify, names):
        return True
    version = _version(asked.id)
    is_alias = "latest" in asked.id or not version
    same_version = _version(answered)[: len(version)] == version
    return is_alias and same_version and _kind(answered) == _kind(asked.id)


_compare_once = lru_cache(maxsize=1024)(_compare)


def is_same_family(one: str, other: str) -> bool:
    """Return whether two names begin with the same word, such as `gpt` or `claude`."""
    return _kind(one)[:1] == _kind(other)[:1]


def _identify(name: str) -> tuple[list[str], list[str]]:
    """Return what tells a model from others: its words in any order, and its version."""
    return sorted(_kind(name)), _version(name)


def _kind(name: str) -> list[str]:
    """Return the words of a name, without its version."""
    return [part for part in _split_name(name) if not part.isdecimal()]


def _version(name: str) -> list[str]:
    """Return the numbers of a name in their order: 4.5 is not 5.4."""
    return [part for part in _split_name(name) if part.isdecimal()]


def _split_name(name: str) -> list[str]:
    bare = name.lower().strip().partition("#")[0].rpartition("/")[2]
    tuned = bare.startswith("ft:")  # OpenAI's fine-tuned models: ft:MODEL:ORGANIZATION::ID
    model, _, suffix = bare.removeprefix("ft:").partition(":")
    undated = _VERSION_POINT.sub(".", _DATES.sub("", model))
    parts = [part for part in _PARTS.findall(undated) if part not in _SERVING_WORDS]
    # OpenRouter's `:online` searches the web, which costs; other suffixes say how it is served.
    return parts + ["online"] * (suffix == "online") + ["ft"] * tuned
