"""Suggestions: what an unknown name may have meant, and how that is written here.

Only a name of the same family with the same numbers is suggested: a wrong suggestion is worse than
none.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from functools import cache

from pricing.catalog.alias_table import (
    find_alias_of_weights,
    find_spelled_alias,
    is_organisation,
    list_aliases,
    provider_ids,
)
from pricing.catalog.name_parts import split_parts
from pricing.catalog.spellings import explain_variant, find_meaning, find_service

_MAX_CANDIDATES = 8
_NEAR_WORD = 0.8  # of difflib: a letter missing, doubled or exchanged
_DATE_LENGTH = 4
_OLLAMA_TAG = re.compile(r"[a-z0-9.-]+:(?:latest|e?\d+(?:\.\d+)?[bmx][\w.-]*)", re.IGNORECASE)


def explain_unknown(written: str, providers: Collection[str], candidates: list[str]) -> str:
    """Return the message for a name that leads to no model."""
    said = f"model {written!r}"
    if service := find_service(written):
        head, why, rest = service
        return f"{said}: {head}: {why}{_format_alias(rest)}"
    head, slash, rest = written.partition("/")
    if slash and head not in providers and not candidates:
        return f"{said}: {_explain_head(head, rest, written, providers)}"
    if candidates:
        several = ", ".join(candidates[:_MAX_CANDIDATES])
        why = "is ambiguous" if len(candidates) > 1 else "is one provider's id"
        return f"{said} {why}; specify the provider: {several}"
    if _OLLAMA_TAG.fullmatch(written):
        alias = find_spelled_alias(written.replace(":", "-"))
        hosted = f", or {alias}, which {_list_hosts(alias)} serves" if alias else ""
        return (
            f"{said} is a tag of Ollama's; write ollama/{written} for a server of your own{hosted}"
        )
    near = find_near_aliases(written)
    hint = f"did you mean {', '.join(near)}? " if near else ""
    return (
        f"{said} is unknown; {hint}`afcost prices list` shows all names; "
        "write any other model as provider/model."
    )


def explain_routed(written: str, providers: Collection[str]) -> str | None:
    """Return the message for weights with a host's name behind: Hugging Face's router has these."""
    weights, colon, host = written.partition(":")
    organisation, slash, _ = weights.partition("/")
    host = find_meaning(host) or host
    if not (colon and slash and host in providers and is_organisation(organisation)):
        return None
    alias = find_alias_of_weights(weights)
    own = alias if host in provider_ids(alias) else weights
    return f"model {written!r} is how Hugging Face's router names a host; write {host}/{own}"


def explain_unserved(written: str, provider: str, model_id: str) -> str:
    """Return the message for weights that their maker does not serve itself."""
    return (
        f"model {written!r}: {provider} publishes the weights of {model_id} and does not serve them"
        f"{_format_alias(model_id)}; for a server of your own write vllm/{written}, or add it with "
        "its base_url and a name of its own under `providers:`"
    )


def explain_unpriced(provider: str, model_id: str, written: str) -> str:
    """Return what a name without a price may have meant; empty where nothing is known."""
    if why := explain_variant(provider, model_id):
        return f" {why}."
    alias = find_alias_of_weights(written)
    return f" The weights of that name are {alias}, at {_list_hosts(alias)}." if alias else ""


def find_near_aliases(written: str) -> list[str]:
    """Return the aliases of the same family, version and kind as a name, nearest first."""
    if spelled := [alias for alias in list_aliases() if _squeeze(alias) == _squeeze(written)]:
        return spelled  # with other separators
    parts = split_parts(written)
    names = [(alias, split_parts(alias)) for alias in list_aliases()]
    alike = [alias for alias, other in names if _is_alike(parts, other)]
    # Without its family's name: sonnet-4.5, r1.
    alike = alike or [alias for alias, other in names if _is_alike(parts, other[1:])]
    same = [alias for alias in alike if _numbers(split_parts(alias)) == _numbers(parts)] or alike
    sized = [alias for alias in same if _is_same_size(parts, split_parts(alias))] or same
    near = sorted(sized, key=lambda alias: -_similarity(written.lower(), alias))
    return near[:_MAX_CANDIDATES]


def _squeeze(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_alike(parts: list[str], other: list[str]) -> bool:
    """Return whether the family, the kind, and the version as far as it is written, agree."""
    if not parts or not other or not _is_near_word(parts[0], other[0]):
        return False
    numbers, others = _numbers(parts), _numbers(other)
    is_dated = any(part.isdecimal() and len(part) >= _DATE_LENGTH for part in parts)
    begins = not (_sizes(parts) or is_dated) and others[: len(numbers)] == numbers
    return (numbers == others or begins) and _is_same_kind(parts, other)


def _is_same_kind(parts: list[str], other: list[str]) -> bool:
    """Return whether the words of one name are among the other's: sonnet is not haiku."""
    fewer, more = sorted((_words(parts), _words(other)), key=len)
    return all(any(_is_near_word(word, each) for each in more) for word in fewer)


def _is_same_size(parts: list[str], other: list[str]) -> bool:
    sizes, others = _sizes(parts), _sizes(other)
    return sizes <= others or others <= sizes


def _is_near_word(word: str, other: str) -> bool:
    """Return whether a word is another one misspelt; mistral is a word itself, not mixtral."""
    if word in _family_words():
        return word == other
    return word == other or (len(word) > 1 and _similarity(word, other) >= _NEAR_WORD)


@cache
def _family_words() -> frozenset[str]:
    return frozenset(split_parts(alias)[0] for alias in list_aliases())


def _numbers(parts: list[str]) -> list[str]:
    """Return the numbers of a version, without dates."""
    return [part for part in parts if part.isdecimal() and len(part) < _DATE_LENGTH]


def _words(parts: list[str]) -> list[str]:
    return [part for part in parts if part.isalpha()]


def _sizes(parts: list[str]) -> set[str]:
    return {part for part in parts if not part.isdecimal() and any(map(str.isdecimal, part))}


def _similarity(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def _explain_head(head: str, rest: str, written: str, providers: Collection[str]) -> str:
    """Return what is wrong with the word before the slash."""
    meant = find_meaning(head)
    if meant is not None:
        return f"{head} is {meant}, which is no provider here{_format_alias(rest)}"
    if is_organisation(head):
        near = find_near_aliases(rest)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        return (
            f"these weights have no name of their own here.{hint} Write provider/{written} for a "
            f"host that serves them, or vllm/{written} for a server of your own"
        )
    near = [each for each in providers if _is_near_word(head, each) and head[:1] == each[:1]]
    hint = f"did you mean {', '.join(near)}? " if near else ""
    known = ", ".join(sorted(providers))
    return (
        f"{head!r} is not a provider; {hint}known providers: {known}, and those in the experiment "
        f"file{_format_alias(rest)}"
    )


def _format_alias(name: str) -> str:
    """Say how a model is written here, if its name is another spelling of an alias."""
    last = name.rpartition("/")[2].rpartition(":")[2]
    alias = find_alias_of_weights(name) or find_spelled_alias(last)
    return f"; here it is {alias}, at {_list_hosts(alias)}" if alias else ""


def _list_hosts(alias: str) -> str:
    hosts = list(provider_ids(alias))
    others = f" (or {', '.join(f'{host}/{alias}' for host in hosts[1:4])})" if hosts[1:] else ""
    return f"{hosts[0]}{others}"
