"""The capability record of a model at a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

Taken = Literal["taken", "refused", "own", "ignored"]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Whether a sampling field is taken, and how.

    Attributes:
        taken: `taken`; `refused`, which is an error there; `own`: the model sets it itself, and any
            other value is an error, so it is left out; `ignored`: it has no effect, so it is left
            out.
        name: what it is called there; empty where it keeps its name.
        low, high: the range of its value; None where there is none.
        most: the most items of a list; None where there is no limit.
        least: a lower number is sent as this one; None where none is.
        only: the words that it may be, or the `type` that it may have; empty where it may be any.
    """

    taken: Taken = "taken"
    name: str = ""
    low: float | None = None
    high: float | None = None
    most: int | None = None
    only: tuple[str, ...] = ()
    least: float | None = None

    def raise_to_least(self, value: object) -> object:
        """Return a value, or the least that is taken where it is a lower number."""
        if self.least is None or isinstance(value, bool) or not isinstance(value, int | float):
            return value
        return max(self.least, value)

    def allows(self, value: object) -> bool:
        """Return whether a value, or its `type`, is one of those that it may be."""
        word = value.get("type") if isinstance(value, Mapping) else value
        return not self.only or word is None or word in self.only


@dataclass(frozen=True, slots=True)
class Capability:
    """What a model takes at a provider; see `capabilities.yaml` for the same in words.

    Attributes:
        reasons: never, on_request, default (unless told not to), always, or unknown.
        levels: of reasoning that it takes, weakest first, such as low, medium, high; never `off`.
        default_level: the level when none is asked for; empty where unknown.
        stops: whether its reasoning can be turned off.
        asked_by: how reasoning is asked for, a name in `ways`; empty where it cannot be.
        budget: the least and the most reasoning tokens that can be asked for; None where a number
            of tokens cannot be.
        budgets: level -> tokens, where only a number of tokens can be asked for.
        text: how its reasoning comes back: full, summary, none or unknown.
        counted: whether reasoning tokens are `inside` the output count of usage or `apart`.
        fields: sampling field -> rule; a field that is not in it is not known to be taken.
        while_reasoning: the same, for a request that reasons; it comes first.
        exclusive: sets of fields of which only one may be sent.
        limit_field: what `max_tokens` is called there.
        max_output: the most that `max_tokens` may be; None where unknown.
        prefill: whether it continues from a final assistant message; None where that is not known.
        prefill_while_reasoning: whether it also does in a request that reasons.
        prefill_space: whether a prefill may end with white space.
        endpoint: chat, responses, messages or generate; none for a model that answers over none of
            these, such as one for images; empty for the provider's own API.
        fee: what is charged for each call beside its tokens, in words; empty where nothing is.
        notes: what a user must know besides.
        sources: where all of it is from.
        sure: high, medium or low: the least of its rows.
        checked: the day of the oldest row.
        responses_levels: further levels that it takes only over the Responses API.
        levels_while_off: the levels that may be named beside reasoning that is off; empty where
            any may.
        least_output: the least that `max_tokens` may be.
        limit_bounds_reasoning: whether `max_tokens` bounds the reasoning too; where it does not, a
            request may cost more than its limit says.
        takes_unknown: whether fields that no row knows are sent as they stand.
        choices: how many answers one chat completion may ask for (`n`) at most, where it is
            documented that its prompt is billed once for all of them; else 1.
        reasoning_choices: the same, of a model that reasons, or may.
    """

    reasons: str = "unknown"
    levels: tuple[str, ...] = ()
    default_level: str = ""
    stops: bool = False
    asked_by: str = ""
    budget: tuple[int, int] | None = None
    budgets: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    text: str = "unknown"
    counted: str = "inside"
    fields: Mapping[str, FieldRule] = field(default_factory=lambda: MappingProxyType({}))
    while_reasoning: Mapping[str, FieldRule] = field(default_factory=lambda: MappingProxyType({}))
    exclusive: tuple[tuple[str, ...], ...] = ()
    limit_field: str = "max_tokens"
    max_output: int | None = None
    prefill: bool | None = None
    prefill_while_reasoning: bool = False
    prefill_space: bool = True
    endpoint: str = ""
    fee: str = ""
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sure: str = "low"
    checked: date | None = None
    responses_levels: tuple[str, ...] = ()
    levels_while_off: tuple[str, ...] = ()
    least_output: int = 1
    limit_bounds_reasoning: bool = True
    takes_unknown: bool = False
    choices: int = 1
    reasoning_choices: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON, without what it leaves at its default."""
        return record_to_json(self)


def record_to_json(record: Any) -> dict[str, Any]:  # noqa: ANN401 - a record or a rule
    """Return the fields of a record that differ from their defaults, as JSON."""
    default = type(record)()
    names = [name for name in record.__slots__ if getattr(record, name) != getattr(default, name)]
    return {name: _value_to_json(getattr(record, name)) for name in names}


def _value_to_json(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {name: _value_to_json(each) for name, each in sorted(value.items())}
    if isinstance(value, FieldRule):
        return record_to_json(value)
    if isinstance(value, tuple):
        return [_value_to_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def capability_from_json(data: Mapping[str, Any]) -> Capability:
    """Return the record that `Capability.to_json` wrote."""
    given = dict(data)
    for name in ("levels", "notes", "sources", "responses_levels", "levels_while_off"):
        given[name] = tuple(given.get(name, ()))
    given["exclusive"] = tuple(map(tuple, given.get("exclusive", ())))
    given["budget"] = tuple(given["budget"]) if given.get("budget") else None
    for name in ("fields", "while_reasoning"):
        rules = given.get(name, {}).items()
        given[name] = {
            field: FieldRule(**{**rule, "only": tuple(rule.get("only", ()))})
            for field, rule in rules
        }
    given["checked"] = date.fromisoformat(given["checked"]) if given.get("checked") else None
    return Capability(**given)
