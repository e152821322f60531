"""The calls of a sample in a log: its model events, with texts that stand in it only once put in.

Where a log has no events, a sample of one turn still says what it was asked and answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_MOST_TOKENS = 10_000_000  # of an answer; more is no answer's
_ATTACHED = "attachment://"


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call of a model.

    Attributes:
        model: as Inspect names it.
        messages: that it was sent, as a log has them.
        tools: as a log has them.
        config: of the call.
        output_tokens: that were billed; None where that is not known.
        is_cached: it was answered from Inspect's own cache, and cost nothing.
        error: why it failed; empty where it did not.
    """

    model: str
    messages: Sequence[Mapping[str, Any]] = field(repr=False)
    tools: Sequence[Mapping[str, Any]]
    config: Mapping[str, Any]
    output_tokens: int | None
    is_cached: bool = False
    error: str = ""


def list_model_calls(sample: Mapping[str, Any], model: str) -> Iterator[LoggedCall]:
    """Yield the calls of a sample, in the order in which they were made.

    Args:
        sample: of a log.
        model: of the evaluation, for a sample without events.
    """
    events = [each for each in sample.get("events") or () if each.get("event") == "model"]
    attached = sample.get("attachments") or {}
    for each in events:
        messages = _find_input(each, sample)
        yield LoggedCall(
            str(each.get("model") or model),
            _put_in(messages, attached),
            _put_in(each.get("tools") or [], attached),
            each.get("config") or {},
            _read_output_tokens(each.get("output") or {}),
            is_cached=each.get("cache") == "read",
            error=str(each.get("error") or ""),
        )
    if not events and sample.get("output"):
        yield _read_only_turn(sample, model)


def _find_input(event: Mapping[str, Any], sample: Mapping[str, Any]) -> list[Any]:
    """Return the messages of an event; newer logs keep them once for all events of a sample."""
    refs = event.get("input_refs")
    pool = (sample.get("events_data") or {}).get("messages") or []
    if not refs:
        return list(event.get("input") or [])
    return [message for start, end in refs for message in pool[start:end]]


def _read_only_turn(sample: Mapping[str, Any], model: str) -> LoggedCall:
    messages = list(sample.get("messages") or [])
    turns = [number for number, each in enumerate(messages) if each.get("role") == "assistant"]
    output = sample["output"]
    is_one = len(turns) <= 1
    asked = messages[: turns[0]] if turns else messages
    return LoggedCall(
        model,
        _put_in(asked, sample.get("attachments") or {}),
        (),
        {},
        _read_output_tokens(output) if is_one else None,
        error="" if is_one else "its turns are not in the log",
    )


def _read_output_tokens(output: Mapping[str, Any]) -> int | None:
    tokens = (output.get("usage") or {}).get("output_tokens")
    if tokens is None:
        return None
    if type(tokens) is not int or not 0 <= tokens <= _MOST_TOKENS:
        raise ValueError(f"output_tokens is {str(tokens)[:40]!r}")
    return tokens


def _put_in(value: Any, attached: Mapping[str, str]) -> Any:  # noqa: ANN401 - a log's own
    """Return a value with the texts that a log keeps apart."""
    if isinstance(value, str) and value.startswith(_ATTACHED):
        return attached.get(value.removeprefix(_ATTACHED), value)
    if isinstance(value, list):
        return [_put_in(each, attached) for each in value]
    if isinstance(value, dict):
        return {name: _put_in(each, attached) for name, each in value.items()}
    return value
