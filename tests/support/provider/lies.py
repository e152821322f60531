"""Lies about usage: what a provider may write into an answer that it bills truthfully.

Each is a function that changes the body of an answer, in the form of its API, by name: every figure
of a usage understated, contradicted, negative, of another type, or at another place; and texts that
were moved to where nothing counts them. Half of what is hidden cannot be known: what takes only a
part of the output away is told in `VISIBLE_ONLY`, and concerns answers without hidden reasoning.
"""

from collections.abc import Callable, Iterator
from typing import Any

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
_PARTIAL = {"one", "half", "a tenth", "less by three", "less by a constant"}
_INPUT = {"openai": "prompt_tokens", "anthropic": "input_tokens"}
_OUTPUT = {"openai": "completion_tokens", "anthropic": "output_tokens"}
_CACHED = {
    "openai": ("prompt_tokens_details.cached_tokens", "prompt_tokens_details.cache_write_tokens"),
    "anthropic": (
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation.ephemeral_1h_input_tokens",
    ),
}


def _lies(api: str) -> Iterator[tuple[str, Lie]]:
    fields = [_INPUT[api], _OUTPUT[api], *(["total_tokens"] if api == "openai" else [])]
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
    yield "there is no usage", lambda body: body.pop("usage")
    yield "the usage is empty", lambda body: body.update(usage={})
    yield "the usage is a list", lambda body: body.update(usage=[body["usage"]])
    yield "a cost of nothing is stated", lambda body: body["usage"].update(cost=1e-12)
    yield from (_openai_texts() if api == "openai" else _anthropic_texts())


def _setting(field: str, value: Callable[[int], Any]) -> Lie:
    def change(body: Json) -> None:
        usage = body["usage"]
        usage.pop("total_tokens", None) if field != "total_tokens" else None
        usage[field] = value(usage.get(field, 0) or body["usage"].get("total_tokens", 0))

    return change


def _moving(field: str, place: str | None) -> Lie:
    def change(body: Json) -> None:
        value = body["usage"].pop(field)
        if place:
            *outer, name = place.split(".")
            target = body["usage"].setdefault(outer[0], {}) if outer else body["usage"]
            target[name] = value

    return change


def _both(api: str, value: Callable[[int], int]) -> Lie:
    def change(body: Json) -> None:
        usage = body["usage"]
        usage.pop("total_tokens", None)
        for field in (_INPUT[api], _OUTPUT[api]):
            usage[field] = value(usage[field])

    return change


def _without_total(api: str) -> Lie:
    def change(body: Json) -> None:
        body["usage"].pop("total_tokens", None)
        body["usage"][_INPUT[api]] = 0

    return change


def _caching(api: str, field: str, share: float) -> Lie:
    """Say that a prompt came from a cache; Anthropic counts such tokens apart from the input."""

    def change(body: Json) -> None:
        usage = body["usage"]
        cached = int(usage[_INPUT[api]] * share)
        *outer, name = field.split(".")
        (usage.setdefault(outer[0], {}) if outer else usage)[name] = cached
        if api == "anthropic":
            usage[_INPUT[api]] = max(usage[_INPUT[api]] - cached, 0)

    return change


def _reasoning(api: str, nested: str) -> Lie:
    """Say the reasoning beside the output, which is said to be less than the visible text."""

    def change(body: Json) -> None:
        usage, field = body["usage"], _OUTPUT[api]
        usage.pop("total_tokens", None)
        usage.pop("completion_tokens_details", None)
        target = usage.setdefault(nested, {}) if nested else usage
        target["reasoning_tokens"] = max(usage[field] - 1, 0)
        usage[field] = min(usage[field], 1)

    return change


def _openai_texts() -> Iterator[tuple[str, Lie]]:
    for field in ("refusal", "reasoning_content", "reasoning"):
        yield f"the text is its {field}", _move_text(lambda text, field=field: {field: text})
    yield (
        "the text is in reasoning_details",
        _move_text(lambda text: {"reasoning_details": [{"type": "reasoning.text", "text": text}]}),
    )
    yield (
        "the text is an argument of a tool",
        _move_text(lambda text: {"tool_calls": [{"function": {"name": "f", "arguments": text}}]}),
    )
    yield (
        "the text is a thinking part",
        _move_text(lambda text: {"content": [{"type": "thinking", "thinking": [{"text": text}]}]}),
    )
    yield "the text is another choice", _move_choice


def _move_text(fields: Callable[[str], Json]) -> Lie:
    def change(body: Json) -> None:
        message = body["choices"][0]["message"]
        text = message["content"]
        message |= {"content": None} | fields(text)
        body["usage"] = {"prompt_tokens": body["usage"]["prompt_tokens"], "completion_tokens": 1}

    return change


def _move_choice(body: Json) -> None:
    first = body["choices"][0]
    body["choices"] = [first | {"message": {"content": ""}}, first]
    body["usage"] = {"prompt_tokens": body["usage"]["prompt_tokens"], "completion_tokens": 1}


def _anthropic_texts() -> Iterator[tuple[str, Lie]]:
    yield "the text is thinking", _move_block(lambda text: {"type": "thinking", "thinking": text})
    yield (
        "the text is the input of a tool",
        _move_block(lambda text: {"type": "tool_use", "name": "f", "input": {"text": text}}),
    )
    yield "only the iterations are true", _iterate


def _move_block(block: Callable[[str], Json]) -> Lie:
    def change(body: Json) -> None:
        body["content"] = [block(each["text"]) for each in body["content"]]
        body["usage"]["output_tokens"] = 1

    return change


def _iterate(body: Json) -> None:
    true = dict(body["usage"])
    half = true | {"output_tokens": true["output_tokens"] // 2}
    rest = {"input_tokens": 0, "output_tokens": true["output_tokens"] - half["output_tokens"]}
    body["usage"] |= {"iterations": [half, rest], "input_tokens": 1, "output_tokens": 1}


LIES: dict[str, dict[str, Lie]] = {api: dict(_lies(api)) for api in ("openai", "anthropic")}
VISIBLE_ONLY = {
    *(f"{field} is {how}" for field in _OUTPUT.values() for how in _PARTIAL),
    *(name for lies in LIES.values() for name in lies if name.startswith("the text is")),
}


def tell(lie: str, body: Json) -> None:
    """Change the body of an answer as a lie does; without one it stays as it is."""
    if lie:
        api = "openai" if "choices" in body else "anthropic"
        LIES[api][lie](body)
