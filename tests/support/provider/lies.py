"""Lies about usage: what a provider may write into an answer that it bills truthfully.

Each is a function that changes the body of an answer, in the form of its API, by name: every figure
of a usage understated, contradicted, negative, of another type, or at another place; and texts that
were moved to where nothing counts them. Half of what is hidden cannot be known: what takes only a
part of the output away is told in `VISIBLE_ONLY`, and concerns answers without hidden reasoning.
"""

from collections.abc import Callable, Iterator
from typing import Any

from tests.support.provider.text_lies import TEXT_LIES

Json = dict[str, Any]
Lie = Callable[[Json], None]

CONSTANT = 398  # tokens that a prompt is understated by, always; its bills teach an offset
_VALUES: dict[str, Callable[[int], Any]] = {
    "zero": lambda _: 0,
    "one": lambda _: 1,
    "half": lambda true: true // 2,
    "a tenth": lambda true: true // 10,
    "less by a constant": lambda true: max(true - CONSTANT, 0),
    "less by three": lambda true: max(true - 3, 0),
    "negative": lambda true: -true,
    "huge": lambda _: 10**30,
    "a text": lambda true: str(true // 2),
    "a float": lambda true: true / 2,
    "a boolean": lambda _: True,
    "null": lambda _: None,
    "a list": lambda true: [true],
    "an object": lambda true: {"value": true},
}
# Whole numbers in texts and floats are read, so these take a part of the output away as well.
_PARTIAL = {"a text", "a float", "one", "half", "a tenth", "less by three", "less by a constant"}
_INPUT = {
    "openai": "prompt_tokens",
    "anthropic": "input_tokens",
    "responses": "input_tokens",
    "google": "promptTokenCount",
}
_OUTPUT = {
    "openai": "completion_tokens",
    "anthropic": "output_tokens",
    "responses": "output_tokens",
    "google": "candidatesTokenCount",
}
_TOTAL = {"openai": "total_tokens", "responses": "total_tokens", "google": "totalTokenCount"}
_CACHED = {
    "openai": ("prompt_tokens_details.cached_tokens", "prompt_tokens_details.cache_write_tokens"),
    "anthropic": (
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation.ephemeral_1h_input_tokens",
    ),
    "responses": ("input_tokens_details.cached_tokens", "input_tokens_details.cache_write_tokens"),
    "google": ("cachedContentTokenCount",),
}


def _lies(api: str) -> Iterator[tuple[str, Lie]]:
    fields = [_INPUT[api], _OUTPUT[api], *([_TOTAL[api]] if api in _TOTAL else [])]
    for field in fields:
        for how, value in _VALUES.items():
            yield f"{field} is {how}", _setting(field, value)
        yield f"{field} is missing", _moving(field, None)
        for place in ("other_tokens", "details.tokens", "billed.tokens"):
            yield f"{field} is moved to {place}", _moving(field, place)
    yield "both are a tenth", _both(api, lambda true: true // 10)
    yield "both are zero", _both(api, lambda _: 0)
    yield "the prompt is zero and the total is missing", _without_total(api)
    for field in _CACHED[api]:
        for share in (0.5, 1, 2):
            yield f"{field} is {share} of the prompt", _caching(api, field, share)
    yield "reasoning is beside the output, nested", _reasoning(api, "output_tokens_details")
    yield "reasoning is beside the output", _reasoning(api, "")
    name = "usageMetadata" if api == "google" else "usage"
    yield "there is no usage", lambda body: body.pop(name)
    yield "the usage is empty", lambda body: body.update({name: {}})
    yield "the usage is a list", lambda body: body.update({name: [body[name]]})
    yield "a cost of nothing is stated", lambda body: body[name].update(cost=1e-12)
    yield from TEXT_LIES[api]()


def _usage(body: Json) -> Json:
    """Return the usage of an answer."""
    usage: Json = body["usageMetadata"] if "usageMetadata" in body else body["usage"]
    return usage


def _drop_total(usage: Json) -> None:
    for name in _TOTAL.values():
        usage.pop(name, None)


def _setting(field: str, value: Callable[[int], Any]) -> Lie:
    def change(body: Json) -> None:
        usage = _usage(body)
        total = next((usage[name] for name in _TOTAL.values() if name in usage), 0)
        _drop_total(usage)
        usage[field] = value(usage.get(field, 0) or total)

    return change


def _moving(field: str, place: str | None) -> Lie:
    def change(body: Json) -> None:
        value = _usage(body).pop(field, 0)
        if place:
            *outer, name = place.split(".")
            target = _usage(body).setdefault(outer[0], {}) if outer else _usage(body)
            target[name] = value

    return change


def _both(api: str, value: Callable[[int], int]) -> Lie:
    def change(body: Json) -> None:
        usage = _usage(body)
        _drop_total(usage)
        for field in (_INPUT[api], _OUTPUT[api]):
            usage[field] = value(usage.get(field, 0))

    return change


def _without_total(api: str) -> Lie:
    def change(body: Json) -> None:
        _drop_total(_usage(body))
        _usage(body)[_INPUT[api]] = 0

    return change


def _caching(api: str, field: str, share: float) -> Lie:
    """Say that a prompt came from a cache; Anthropic counts such tokens apart from the input."""

    def change(body: Json) -> None:
        usage = _usage(body)
        cached = int(usage[_INPUT[api]] * share)
        *outer, name = field.split(".")
        (usage.setdefault(outer[0], {}) if outer else usage)[name] = cached
        if api == "anthropic":
            usage[_INPUT[api]] = max(usage[_INPUT[api]] - cached, 0)

    return change


def _reasoning(api: str, nested: str) -> Lie:
    """Say the reasoning beside the output, which is said to be less than the visible text."""

    def change(body: Json) -> None:
        usage, field = _usage(body), _OUTPUT[api]
        _drop_total(usage)
        for name in ("completion_tokens_details", "output_tokens_details", "thoughtsTokenCount"):
            usage.pop(name, None)
        target = usage.setdefault(nested, {}) if nested else usage
        target["reasoning_tokens"] = max(usage.get(field, 0) - 1, 0)
        usage[field] = min(usage.get(field, 0), 1)

    return change


LIES: dict[str, dict[str, Lie]] = {api: dict(_lies(api)) for api in TEXT_LIES}
VISIBLE_ONLY = {
    *(f"{field} is {how}" for field in _OUTPUT.values() for how in _PARTIAL),
    *(name for lies in LIES.values() for name in lies if name.startswith("the text is")),
}


def tell(lie: str, body: Json) -> None:
    """Change the body of an answer as a lie does; without one it stays as it is."""
    if lie:
        marks = {"choices": "openai", "candidates": "google", "output": "responses"}
        api = next((api for mark, api in marks.items() if mark in body), "anthropic")
        LIES[api][lie](body)
