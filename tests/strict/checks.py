"""Checks: every fault that a provider would find in a request, each with its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.strict.asked_reasoning import asks_off, does_reason, read_path
from tests.strict.field_types import find_misfit
from tests.strict.rulebook import ApiRules, ModelRule, Rulebook, load_rulebooks

_LIMITS = (
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "generationConfig.maxOutputTokens",
)
_PREFILL = {
    "refused": "this model does not support assistant message prefill; the conversation must end "
    "with a user message",
    "new turn": "a final assistant message is not continued; it is answered by a new turn",
    "with prefix": "the last message must be the user's, or the assistant's with prefix true",
    "with flags": "a prefill needs continue_final_message true and add_generation_prompt false",
}


@dataclass(frozen=True)
class Fault:
    """A reason for which a provider refuses a request, or does not do what it asks for.

    Attributes:
        field: the dotted path.
        kind: unknown, missing, value, or not_found.
        message: what the provider would say.
        source: of the rule.
    """

    field: str
    kind: str
    message: str
    source: str


def find_faults(
    provider: str,
    api: str,
    body: Mapping[str, Any],
    *,
    model: str = "",
    headers: Mapping[str, str] | None = None,
) -> list[Fault]:
    """Return every fault of a request; an empty list where the provider would accept it.

    Args:
        provider: whose rules hold.
        api: chat, responses, messages or generate.
        body: of the request.
        model: the model's id where the body does not hold it.
        headers: by their names in small letters.
    """
    book = load_rulebooks()[provider]
    model = model or str(body.get("model", ""))
    if api not in book.apis:
        return [Fault("", "not_found", f"{provider} has no API {api!r}", f"rules/{provider}.yaml")]
    rules = book.rules_for(model, api, headers)
    return [
        *_find_wrong_api(rules, api, model),
        *_check_fields(book.apis[api], body),
        *_check_model(book, rules, model, body),
        *_check_turns(book.apis[api], rules, body, reasons=_reasons(book, model, body)),
    ]


def _reasons(book: Rulebook, model: str, body: Mapping[str, Any]) -> bool:
    return does_reason(body, book.first(model, "reasons") or "never")


def _find_wrong_api(rules: list[ModelRule], api: str, model: str) -> Iterator[Fault]:
    for rule in rules:
        if rule.served_by and api not in rule.served_by:
            served = " and ".join(rule.served_by)
            yield Fault("model", "not_found", f"{model} is only served by {served}", rule.source)


def _check_fields(api: ApiRules, body: Mapping[str, Any]) -> Iterator[Fault]:
    for name in api.required:
        if read_path(body, name) is None:
            yield Fault(name, "missing", f"{name}: field required", api.source)
    for path, value in _list_paths(api.fields, body):
        if path in api.fields:
            if misfit := find_misfit(api.fields[path], value):
                yield Fault(path, "value", f"{path}: {misfit}", api.source)
        elif api.unknown == "refused":
            yield Fault(path, "unknown", f"unknown field {path}", api.unknown_source)


def _list_paths(
    fields: Mapping[str, str], body: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a body, and of the objects in it whose fields the rules name."""
    for name, value in body.items():
        path = prefix + name
        yield path, value
        if isinstance(value, Mapping) and any(each.startswith(f"{path}.") for each in fields):
            yield from _list_paths(fields, value, f"{path}.")


def _check_model(
    book: Rulebook, rules: list[ModelRule], model: str, body: Mapping[str, Any]
) -> Iterator[Fault]:
    reasons, off = _reasons(book, model, body), asks_off(body)
    for rule in rules:
        yield from _check_types(rule, rule.fields, body, "")
        if reasons:
            yield from _check_types(rule, rule.while_reasoning, body, " while it reasons")
        if off:
            yield from _check_types(rule, rule.while_off, body, " while reasoning is off")
        yield from _check_pairs(rule, body)
        yield from _check_limit(rule, body)


def _check_types(
    rule: ModelRule, fields: Mapping[str, str], body: Mapping[str, Any], when: str
) -> Iterator[Fault]:
    for path, kind in fields.items():
        value = read_path(body, path)
        if value is not None and (misfit := find_misfit(kind, value)):
            yield Fault(path, "value", f"{path}: {misfit}{when}", rule.source)


def _check_pairs(rule: ModelRule, body: Mapping[str, Any]) -> Iterator[Fault]:
    for names in rule.exclusive:
        sent = [name for name in names if read_path(body, name) is not None]
        if len(sent) > 1:
            yield Fault(sent[1], "value", f"{' and '.join(sent)} cannot both be set", rule.source)
    for less, more in rule.below:
        low, high = read_path(body, less), read_path(body, more)
        if isinstance(low, int) and isinstance(high, int) and low >= high:
            yield Fault(less, "value", f"{less} must be less than {more}", rule.source)


def _check_limit(rule: ModelRule, body: Mapping[str, Any]) -> Iterator[Fault]:
    for name in _LIMITS:
        value = read_path(body, name)
        if rule.max_output and isinstance(value, int) and value > rule.max_output:
            text = f"{name}: {value} > {rule.max_output}, the most for this model"
            yield Fault(name, "value", text, rule.source)


def _check_turns(
    api: ApiRules, rules: list[ModelRule], body: Mapping[str, Any], *, reasons: bool
) -> Iterator[Fault]:
    turns = body.get("messages", body.get("contents", body.get("input")))
    if not isinstance(turns, list):
        return
    for number, turn in enumerate(turns):
        yield from _check_turn(api, f"messages.{number}", turn)
    last = turns[-1] if turns else {}
    if isinstance(last, Mapping) and last.get("role") in ("assistant", "model"):
        yield from _check_prefill(rules, body, last, reasons=reasons)


def _check_turn(api: ApiRules, place: str, turn: object) -> Iterator[Fault]:
    if not isinstance(turn, Mapping):
        yield Fault(place, "value", f"{place}: must be object", api.source)
        return
    for name, value in turn.items():
        if name not in api.message:
            yield Fault(f"{place}.{name}", "unknown", f"unknown field {place}.{name}", api.source)
        elif misfit := find_misfit(api.message[name], value):
            yield Fault(f"{place}.{name}", "value", f"{place}.{name}: {misfit}", api.source)
    if not _read_text(turn):
        yield Fault(place, "value", f"{place}: content must not be empty", api.source)


def _read_text(turn: Mapping[str, Any]) -> str:
    content = turn.get("content", turn.get("parts"))
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _check_prefill(
    rules: list[ModelRule], body: Mapping[str, Any], last: Mapping[str, Any], *, reasons: bool
) -> Iterator[Fault]:
    """Find what is wrong with a final assistant message; the first rule about it holds."""
    names = ("prefill_while_reasoning", "prefill") if reasons else ("prefill",)
    said = [(getattr(rule, name), rule) for name in names for rule in rules if getattr(rule, name)]
    if said and (text := _explain_prefill(said[0][0], body, last)):
        yield Fault("prefill", "value", text, said[0][1].source)
    text = _read_text(last)
    for rule in rules:
        if rule.prefill_space == "refused" and text != text.rstrip():
            message = "final assistant content cannot end with trailing whitespace"
            yield Fault("prefill", "value", message, rule.source)


def _explain_prefill(word: str, body: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    """Return why a model does not continue from a final assistant message; empty where it does."""
    flags = body.get("continue_final_message"), body.get("add_generation_prompt")
    met = {
        "continues": True,
        "with prefix": last.get("prefix") is True,
        "with flags": flags == (True, False),
    }
    return "" if met.get(word) else _PREFILL[word]
