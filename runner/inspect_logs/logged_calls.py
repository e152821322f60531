"""All calls of a log, as they are recorded of a program, with the tokens that were billed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from estimator.recorded import RecordedCall, Recording
from providers.clients import ClientApi
from runner.errors import BadImport
from runner.inspect_logs.chat_body import NotText, write_chat_body
from runner.inspect_logs.model_calls import LoggedCall, list_model_calls
from runner.inspect_logs.model_name import InspectModel, read_model_name

# What a file raises where it is not as Inspect writes it: other types, texts that are no Unicode,
# lists within lists without end.
_DAMAGED = (AttributeError, TypeError, ValueError, LookupError, RecursionError)


def record_logged_calls(log: Mapping[str, Any], providers: Collection[str]) -> Recording:
    """Return the calls of a log; why some are left out is among its problems.

    Args:
        log: as `read_inspect_log` returns it.
        providers: that are known, by name.

    Raises:
        BadImport: it has no call that can be counted, or is damaged.
    """
    calls: list[RecordedCall] = []
    problems: Counter[str] = Counter()
    model = str(log["eval"].get("model") or "")
    for number, sample in enumerate(log["samples"], start=1):
        for recorded in _record_sample(sample, number, model, providers):
            if isinstance(recorded, str):
                problems[recorded] += 1
            else:
                calls.append(recorded)
    said = tuple(f"{count:,} calls are left out: {why}" for why, count in problems.most_common())
    if not calls:
        raise BadImport("\n".join(["the log has no call that can be counted", *said]))
    return Recording((), tuple(calls), (), said)


def _record_sample(
    sample: Mapping[str, Any], number: int, model: str, providers: Collection[str]
) -> list[RecordedCall | str]:
    """Return the calls of a sample as they are recorded, or why they cannot be.

    Raises:
        BadImport: it is not as Inspect writes it.
    """
    try:
        return [_record(each, providers) for each in list_model_calls(sample, model)]
    except _DAMAGED as error:
        said = str(error)[:200] or type(error).__name__
        raise BadImport(f"sample {number} of the log is damaged: {said}") from error


def _record(call: LoggedCall, providers: Collection[str]) -> RecordedCall | str:
    """Return a call as it is recorded, or why it cannot be."""
    name = read_model_name(call.model)
    if reason := _find_objection(call, name, providers):
        return reason
    try:
        body = write_chat_body(call, name.model)
    except NotText as problem:
        return str(problem)
    return RecordedCall(
        provider=name.provider,
        api=ClientApi.CHAT,
        model=name.model,
        label="",
        body=body,
        streamed=False,
        answer_tokens=call.output_tokens or 0,
        is_measured=True,
    )


def _find_objection(call: LoggedCall, name: InspectModel, providers: Collection[str]) -> str:
    """Return why a call says nothing of what it costs; empty where it does."""
    if call.error:
        return (call.error.strip().splitlines() or ["they failed"])[0][:200]
    if call.is_cached:
        return "they were answered from Inspect's cache"
    if name.is_local:
        return f"{name.provider} runs on this machine"
    if name.provider not in providers:
        return f"{name.provider} is no provider that is known"
    return "what they were billed is not in the log" if call.output_tokens is None else ""
