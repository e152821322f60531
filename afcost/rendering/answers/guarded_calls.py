"""The calls of a guarded program, as plain text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from afcost.rendering.console import format_dollars, show, show_prose
from runner.ledger import AnsweredCall


def list_lines(number: int, call: AnsweredCall) -> Iterator[str]:
    """Yield the lines that show a call, the first one empty.

    Args:
        number: of the call in the list, from 1.
        call: that was answered.
    """
    answer = call.answer
    finish = "" if answer.finish in ("", "stop") else f"  ({answer.finish})"
    yield ""
    yield show(f"{number:,}  {call.attempt.model}  {call.attempt.stage}{finish}")
    texts = {"reasoning": answer.reasoning, "output": answer.text, "refusal": answer.refusal}
    for title, text in texts.items():
        if text:
            yield f"  {title}"
            yield from (f"    {show_prose(line.expandtabs(4))}" for line in text.splitlines())
    yield "  tokens and cost"
    yield f"    {_describe_cost(call)}"


def _describe_cost(call: AnsweredCall) -> str:
    answer = call.answer
    cached = f" ({answer.cache_read:,} cached)" if answer.cache_read else ""
    hidden = f" ({answer.hidden:,} reasoning)" if answer.hidden else ""
    cost = format_dollars(call.settled)
    return f"{answer.prompt_tokens:,} in{cached}, {answer.output:,} out{hidden}, {cost}"


def call_to_json(call: AnsweredCall) -> dict[str, Any]:
    """Return a call as JSON; money as a decimal string of US dollars."""
    answer = call.answer
    return {
        "request": call.attempt.request,
        "stage": call.attempt.stage,
        "model": call.attempt.model,
        "finish": answer.finish,
        "text": answer.text,
        "reasoning": answer.reasoning,
        "refusal": answer.refusal,
        "counted_tokens": call.attempt.counted,
        "input_tokens": answer.prompt_tokens,
        "cached_tokens": answer.cache_read,
        "output_tokens": answer.output,
        "reasoning_tokens": answer.hidden,
        "cost_usd": call.settled.to_decimal_string(),
    }
