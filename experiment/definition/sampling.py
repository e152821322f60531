"""Sampling: the fields of a request besides its messages, and changes to them.

The experiment has its own, which its models and the levels of its factors may change:

    sampling: {temperature: 1, max_tokens: 2000}
    models: [gpt-4o, {name: gpt-5, sampling: {reasoning: low, max_tokens: 8000}}]

A field that is changed to `null` is removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from experiment.definition.reasoning_field import read_reasoning
from experiment.definition.sampling_fields import check_sampling_field
from experiment.yaml_words import read_sampling_value

EXTRA = "extra"  # holds fields that are sent as they stand
MAX_TOKENS = 100_000_000  # of one answer; no model writes as many
_MaxTokens = Annotated[int, Field(ge=1, le=MAX_TOKENS)]


def _read_fields(data: object) -> object:
    """Return the fields, each checked, with its words as texts or booleans.

    Raises:
        ValueError: one may not be sent, or not with its value.
    """
    if not isinstance(data, dict):
        return data
    fields = {}
    for written, given in data.items():
        name = str(written) if isinstance(written, str) else written
        value = read_sampling_value(name, given)
        check_sampling_field(name, value)
        # A whole `reasoning` is a word, its inner fields may be booleans.
        word = given if isinstance(given, str) else value
        fields[name] = read_reasoning(word) if name == "reasoning" else value
    return fields


class Sampling(BaseModel):
    """The sampling fields of an experiment or a judge."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    max_tokens: _MaxTokens

    @model_validator(mode="before")
    @classmethod
    def _check_fields(cls, data: object) -> object:
        return _read_fields(data)

    def request_fields(self) -> dict[str, Any]:
        """Return all fields, including `max_tokens`."""
        return self.model_dump()


class _Changes(TypedDict, total=False):
    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    max_tokens: _MaxTokens


SamplingChanges = Annotated[_Changes, BeforeValidator(_read_fields)]


def merge_extra(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return sampling fields with those of `extra` beside them, which come first."""
    extra = fields.get(EXTRA)
    return {**fields, **extra} if isinstance(extra, Mapping) else fields


def change_sampling(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return sampling fields with changes: each replaces a field, and None removes it.

    The fields of `extra` are changed one by one, as they are sent beside the others.
    """
    changed = dict(fields)
    for name, value in changes.items():
        if name == EXTRA and value is not None:
            value = change_sampling(changed.get(EXTRA) or {}, value) or None  # noqa: PLW2901
        if value is None:
            changed.pop(name, None)
        else:
            changed[name] = value
    return changed
