"""Lookup: the record that the rows of a model at a provider make together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from experiment.errors import BadExperiment
from pricing.catalog import canonical_id
from providers.capabilities.capability import Capability
from providers.capabilities.record_fields import LEVELS
from providers.capabilities.rows import MERGED, Row, load_rows, load_ways, parse_record, parse_row
from providers.provider import Provider

_SURE = ("high", "medium", "low")
_EVERYTHING = ".*"
_LETTERS = re.compile(r"[a-z0-9-]+(?![?*{])")  # that each match of a pattern begins with
_RESPONSES = "responses"
_OWN_PLACES = {"anthropic": "own-anthropic", "google": "own-google"}
_NO_PROVIDERS = {"*", "own", "google-openai", _RESPONSES, *_OWN_PLACES.values()}


def find_capability(provider: Provider, model_id: str, *, endpoint: str = "") -> Capability:
    """Return what a model takes at a provider, with what the user says of the provider.

    Args:
        provider: where it is asked.
        model_id: what the provider calls it.
        endpoint: the API that it is asked by; empty for the one that its record names.

    Raises:
        BadExperiment: what the user says of the provider is not what a record can hold.
    """
    changes = _parse_changes(provider)
    asked = endpoint or changes.get("endpoint")
    asked = asked or (_RESPONSES if provider.kind == _RESPONSES else "")
    record = _find_record(_find_place(provider), canonical_id(model_id), asked)
    over_responses = _RESPONSES in (asked, record.endpoint)
    if provider.max_tokens_field != "max_tokens" and not over_responses:
        record = replace(record, limit_field=provider.max_tokens_field)
    record = replace(record, endpoint=endpoint) if endpoint else record
    record = _change_record(record, changes) if changes else record
    return record if _has_choices(provider, record) else _without_choices(provider, record, changes)


def _parse_changes(provider: Provider) -> dict[str, Any]:
    try:
        return parse_record(provider.capabilities) if provider.capabilities else {}
    except ValueError as error:
        raise BadExperiment(f"providers.{provider.name}.capabilities: {error}") from None


def _change_record(record: Capability, changes: Mapping[str, Any]) -> Capability:
    """Return a record with a user's changes, field by field where it has rules of fields."""
    merged = {
        name: {**getattr(record, name), **changes[name]} for name in MERGED if name in changes
    }
    sources = ("the experiment file", *record.sources)
    if "choices" in changes:  # of whatever model it is
        changes = {"reasoning_choices": changes["choices"], **changes}
    return replace(record, **{**changes, **merged, "sources": sources})


def _has_choices(provider: Provider, record: Capability) -> bool:
    """Return whether the API that a model is asked by is the one that may give several answers."""
    return provider.kind in ("openai", "none") and record.endpoint in ("", "chat")


def _without_choices(
    provider: Provider, record: Capability, changes: Mapping[str, Any]
) -> Capability:
    """Return the record of a model that is asked by an API with one answer for each request.

    Raises:
        BadExperiment: a user says that it has more.
    """
    if max(changes.get("choices", 1), changes.get("reasoning_choices", 1)) > 1:
        raise BadExperiment(
            f"providers.{provider.name}.capabilities.choices: only chat completions (kind: openai) "
            "give several answers to one request; remove it"
        )
    return replace(record, choices=1, reasoning_choices=1)


def _find_place(provider: Provider) -> str:
    """Return where a provider's rows are: under its name, while it speaks its own API."""
    speaks = provider.name if provider.name in _OWN_PLACES else ""
    spoken = provider.kind if provider.kind in _OWN_PLACES else ""
    known = provider.name in _known_places()
    if known and (provider.kind == "none" or speaks == spoken):
        return provider.name
    if provider.name == "google" and not spoken:
        return "google-openai"
    return _OWN_PLACES.get(spoken, "own")


@cache
def _known_places() -> frozenset[str]:
    places = (row["at"] for row in load_rows())
    return frozenset().union(*places) - _NO_PROVIDERS


@lru_cache(maxsize=4096)
def _find_record(place: str, model: str, asked: str) -> Capability:
    """Return the record of a canonical id; asked: the endpoint that the user chose, if any."""
    rows = _find_rows(place, model)
    endpoint = asked or _merge_rows(rows).endpoint
    if endpoint == _RESPONSES:
        families = [row for row in rows if not _is_api(row)]
        rows = [*families, *(row for row in _find_rows(_RESPONSES, model) if _is_api(row))]
    return _drop_unaskable(_merge_rows(rows), endpoint)


def _find_rows(place: str, model: str) -> list[Row]:
    """Return the first row that matches in each group, the most specific group first."""
    groups: dict[tuple[bool, bool], Row] = {}
    for row in load_rows():
        where = place in row["at"]
        if not where and "*" not in row["at"]:
            continue
        group = (_is_api(row), not where)
        if group not in groups and _matches(row["models"], model):
            groups[group] = row
    return [groups[group] for group in sorted(groups)]


def _matches(pattern: str, model: str) -> bool:
    """Return whether a pattern matches the whole of a model's id.

    Compiling all patterns would take longer than the rest of a lookup, and most begin with letters
    that the id does not begin with.
    """
    begin = _LETTERS.match(pattern)
    if begin and "|" not in pattern and not model.startswith(begin[0]):
        return False
    return re.fullmatch(pattern, model) is not None


def _is_api(row: Row) -> bool:
    """Return whether a row is about an API, for all models, not about a family."""
    return row["models"] == _EVERYTHING  # type: ignore[no-any-return]


def _merge_rows(rows: list[Row]) -> Capability:
    values: dict[str, Any] = {}
    for row in rows:
        for name, value in parse_row(row["number"]).items():
            if name in MERGED:
                values[name] = {**value, **values.get(name, {})}
            elif name == "notes":
                values[name] = tuple(dict.fromkeys((*values.get(name, ()), *value)))
            else:
                values.setdefault(name, value)
    # The last row, which knows nothing, counts where there is none of the model's family.
    known = rows if _is_api(rows[0]) else rows[:-1]
    values["sources"] = tuple(dict.fromkeys(each for row in known for each in row["sources"]))
    values["sure"] = max((row["sure"] for row in known), key=_SURE.index)
    values["checked"] = min(row["checked"] for row in known)
    return Capability(**values)


def _drop_unaskable(record: Capability, endpoint: str) -> Capability:
    """Return a record with the levels of its endpoint, and no way to ask for what it has not."""
    wanted = {*record.levels, *(record.responses_levels if endpoint == _RESPONSES else ())}
    levels = tuple(level for level in LEVELS if level in wanted and record.reasons != "never")
    askable = record.reasons == "unknown" or levels or record.budget or record.stops
    way = record.asked_by if askable and record.reasons != "never" else ""
    asks = load_ways().get(way, {})
    budget = record.budget if "budget" in asks else None
    budgets = record.budgets if "budget" in asks and "level" not in asks else {}
    return replace(record, levels=levels, asked_by=way, budget=budget, budgets=budgets)
