"""Field rules: what becomes of each sampling field of a request by its model's record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from experiment.definition import PRICED_FIELDS
from providers.capabilities.capability import Capability, FieldRule
from providers.capabilities.citation import cite, list_words, show_value
from providers.capabilities.reasoning import can_stop, list_way_fields

# These change no more than how an answer is drawn, so they are left out where they are not taken.
_LEFT_OUT = frozenset({"temperature", "top_p", "top_k"})
_TAKEN = FieldRule()
_PORTABLE_NAMES = {
    "stop_sequences": "stop",
    "random_seed": "seed",
    **dict.fromkeys(
        (
            *("thinking", "thinking_budget", "enable_thinking", "disable_reasoning"),
            *("reasoning_effort", "output_config", "chat_template_kwargs"),
        ),
        "reasoning",
    ),
}


@dataclass(slots=True)
class RuledFields:
    """The fields as they are in a body, what was changed, and why it would be refused."""

    fields: dict[str, Any] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def apply_field_rules(
    capability: Capability, fields: Mapping[str, Any], *, reasons: bool | None
) -> RuledFields:
    """Leave out, rename and check the fields of a request by its model's record.

    Args:
        capability: the record.
        fields: besides `max_tokens` and a portable `reasoning`.
        reasons: whether the request reasons; None where that is not known.
    """
    ruled = RuledFields()
    written: dict[str, str] = {}
    for name, value in fields.items():
        own = _find_own_name(capability, name)
        if own in written:
            ruled.problems.append(f"{written[own]} and {name} are the same field; keep one of them")
            continue
        written[own] = name
        _apply_rule(capability, ruled, own, value, reasons=reasons)
    for names in capability.exclusive:
        together = [name for name in names if _is_sent(capability, ruled, name, reasons=reasons)]
        if len(together) > 1:
            ruled.problems.append(
                f"{' and '.join(together)} cannot be sent together{cite(capability)}; keep one of "
                "them"
            )
    return ruled


def check_range(capability: Capability, name: str, value: object, rule: FieldRule) -> Iterator[str]:
    """Yield why a value is outside of what a rule allows."""
    if rule.low is not None and rule.high is not None:
        between = f"between {rule.low:,g} and {rule.high:,g}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{name}: {show_value(value)} is not a number; write one {between}"
        elif not rule.low <= value <= rule.high:
            yield f"{name}: {value} is not {between}{cite(capability)}; write a number {between}"
    if not rule.allows(value):
        only = list_words(rule.only)
        yield f"{name}: {show_value(value)} is not taken{cite(capability)}; write {only}"
    if rule.most is not None and isinstance(value, list | tuple) and len(value) > rule.most:
        yield f"{name}: at most {rule.most} are taken{cite(capability)}, not {len(value)}"


def find_rule(capability: Capability, name: str, *, reasons: bool | None) -> FieldRule | None:
    """Return the rule of a field in a request that reasons or does not; None where none is known.

    A field by which reasoning is asked for, or that a price list knows, is taken.
    """
    while_reasoning = capability.while_reasoning if reasons else {}
    if rule := while_reasoning.get(name) or capability.fields.get(name):
        return rule
    named = name in PRICED_FIELDS or name in list_way_fields(capability)
    return _TAKEN if named or capability.takes_unknown else None


def _apply_rule(
    capability: Capability,
    ruled: RuledFields,
    name: str,
    value: Any,  # noqa: ANN401 - the user's
    *,
    reasons: bool | None,
) -> None:
    rule = find_rule(capability, name, reasons=reasons)
    if rule is None and name not in _LEFT_OUT:
        ruled.problems.append(_refuse_unknown(capability, name))
    elif rule is None or rule.taken != "taken":
        why = _explain(capability, name, rule, reasons=reasons)
        left_out = name in _LEFT_OUT or (rule is not None and rule.taken != "refused")
        if left_out:
            ruled.changes.append(f"{name} is left out: {why}")
        else:
            ruled.problems.append(f"{name}: {why}; {_mend_refused(capability, name)}")
    else:
        ruled.problems += check_range(capability, name, value, rule)
        raised = rule.raise_to_least(value)
        if raised != value:
            ruled.changes.append(f"{name} {value} is sent as {raised}, the least that is taken")
        _put_field(ruled, name, rule.name or name, raised)


def _put_field(ruled: RuledFields, name: str, sent_as: str, value: Any) -> None:  # noqa: ANN401
    """Put a field under its name in the body, which may lie inside of another: `text.format`."""
    if sent_as != name:
        ruled.changes.append(f"{name} is sent as {sent_as}")
        if name == "stop" and isinstance(value, str):
            value = [value]  # other names of it are those of a list
    *path, last = sent_as.split(".")
    place = ruled.fields
    for each in path:
        place[each] = dict(place.get(each) or {})
        place = place[each]
    merges = isinstance(value, Mapping) and isinstance(place.get(last), Mapping)
    place[last] = {**place[last], **value} if merges else value


def _explain(
    capability: Capability, name: str, rule: FieldRule | None, *, reasons: bool | None
) -> str:
    """Return why a field is not sent, and whether it would be without reasoning."""
    if rule is None:
        return f"it is not known to be taken there{cite(capability)}"
    words = {"own": "the model sets its own", "ignored": "it has no effect there"}
    why = words.get(rule.taken, "it is not taken there")
    if reasons and name in capability.while_reasoning:
        usual = capability.fields.get(name)
        otherwise = usual is not None and usual.taken == "taken" and can_stop(capability)
        mend = "; with `reasoning: off` it would be sent" * otherwise
        return f"{why} because it reasons{cite(capability)}{mend}"
    return f"{why}{cite(capability)}"


def _mend_refused(capability: Capability, name: str) -> str:
    if name == "response_format" and "output_config" in capability.fields:
        return "write `output_config: {format: …}`, which is taken"
    return "remove it"


def _refuse_unknown(capability: Capability, name: str) -> str:
    portable = _PORTABLE_NAMES.get(name)
    mend = f"write `{portable}`, which is translated," if portable else "remove it"
    return (
        f"{name}: it is not known to be taken there{cite(capability)}; {mend} or, to send it as it "
        f"stands, write `extra: {{{name}: …}}`"
    )


def _find_own_name(capability: Capability, name: str) -> str:
    """Return what a field is called in an experiment, where it is written under its sent name."""
    rules = {**capability.fields, **capability.while_reasoning}
    return next((own for own, rule in rules.items() if rule.name == name), name)


def _is_sent(
    capability: Capability, ruled: RuledFields, name: str, *, reasons: bool | None
) -> bool:
    rule = find_rule(capability, name, reasons=reasons)
    return (rule.name if rule and rule.name else name).partition(".")[0] in ruled.fields
