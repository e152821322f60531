"""Generated text: everything in a response that a model wrote, so that all of it can be counted.

A response shows more than its answer: a refusal, reasoning, arguments of tools, other choices. What
is shown was generated, and what was generated is billed, whatever the usage says. The same text
under two names counts once. A field of another shape than documented is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from providers.reply import describe_error, read_display_name, read_text

_MIN_HIDDEN_BYTES = 256  # what encryption adds to a text, and more
_HIDDEN_BYTES_PER_TOKEN = 8  # few tokens are longer
# Parts of a choice and of its message that hold no text of the model's, or are read elsewhere.
_READ = {"message", "logprobs", "content", "refusal", "reasoning_content", "reasoning_details"}
_READ |= {"tool_calls", "function_call", "audio", "images", "executed_tools"}
_NOT_GENERATED = {"role", "name", "annotations", "citations", "search_results", "context", "error"}
# Fields of a choice and of its message that have no part in what it wrote.
_BESIDE_TEXT = {"message", "role", "content", "finish_reason", "native_finish_reason"}
_MOST_UNKNOWN = 20  # fields, the longest; each is searched for in the others


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """What a model wrote.

    Attributes:
        text: the answer.
        reasoning: shown apart from it.
        others: everything else.
        least_tokens: of all of it, where tokens are listed or shown encrypted.
        extras: what is no text, such as an image, or the work of a tool of the provider's.
        cites_web: pages of the web are cited.
        is_summary: the reasoning is a summary.
        refusal: what the model, or a filter, says of why it does not answer, where the API has a
            field for it.
        note: what the provider says of an answer that it broke off.
    """

    text: str
    reasoning: str
    others: tuple[str, ...] = ()
    least_tokens: int = 0
    extras: tuple[str, ...] = ()
    cites_web: bool = False
    is_summary: bool = False
    refusal: str = ""
    note: str = ""


def read_choices(choices: list[dict[str, Any]]) -> list[GeneratedText]:
    """Read the choices of a chat completion, each by itself."""
    return [_read_choice(each) for each in choices]


def join_answers(everything: Sequence[GeneratedText]) -> GeneratedText:
    """Return the first of several answers, with what the others hold beside it; at least one."""
    first, more = everything[0], everything[1:]
    if not more:
        return first
    rest = (text for each in more for text in (each.text, each.reasoning, *each.others))
    return GeneratedText(
        first.text,
        first.reasoning,
        (*first.others, *filter(None, rest)),
        sum(each.least_tokens for each in everything),
        tuple(extra for each in everything for extra in each.extras),
        any(each.cites_web for each in everything),
        is_summary=first.is_summary,
        refusal=first.refusal,
        note="; ".join(filter(None, (each.note for each in everything))),
    )


def describe_filter(data: dict[str, Any]) -> str:
    """Return what a filter found in an answer, or in its prompt, as Azure says it.

    `content_filter_results` at
    https://learn.microsoft.com/azure/foundry/openai/concepts/content-filter
    """
    prompts = data.get("prompt_filter_results") or data.get("prompt_annotations")
    places = [*only_objects(data.get("choices"))[:1], *only_objects(prompts)]
    found: dict[str, None] = {}
    for results in only_objects([each.get("content_filter_results") for each in places]):
        for name, each in results.items():
            if isinstance(each, dict) and each.get("filtered") is True:
                found[f"{name} {read_display_name(each.get('severity'))}".strip()] = None
    return f"content filter: {read_display_name(', '.join(found), 200)}" if found else ""


def read_blocks(blocks: list[dict[str, Any]]) -> GeneratedText:
    """Read the content blocks of an Anthropic message."""

    def join(kind: str) -> str:
        return read_text("".join(block[kind] for block in blocks if block["type"] == kind))

    hidden = "".join(only_texts(block.get("data") for block in blocks))
    tools = [block["type"] for block in blocks if _is_server_tool(str(block["type"]))]
    inputs = (write_value(block.get("input")) for block in blocks)
    return GeneratedText(
        join("text"),
        join("thinking"),
        tuple(filter(None, inputs)),
        count_hidden_tokens(hidden),
        tuple(f"a block {kind}" for kind in tools[:1]),
    )


def _is_server_tool(kind: str) -> bool:
    return kind.startswith(("server_tool", "web_", "code_execution", "mcp_"))


def _read_choice(choice: dict[str, Any]) -> GeneratedText:
    message = choice["message"] or {}
    content = message.get("content")
    text = read_text(content)
    if isinstance(content, str) and _holds_one_text(choice, message):
        return GeneratedText(text, "")
    refusal = _read_refusal(choice, message)
    cited = only_objects(message.get("annotations"))
    details = only_objects(message.get("reasoning_details"))
    reasoning = _read_reasoning(message, content, details)
    known = ["" if refusal == text else refusal, *_tool_arguments(message)]
    unknown = _read_unknown(choice | message, (text, refusal, reasoning, *known))
    hidden = "".join(only_texts(each.get("data") for each in details))
    return GeneratedText(
        text,
        reasoning,
        (*filter(None, known), *unknown),
        _listed_tokens(choice) + count_hidden_tokens(hidden),
        tuple(_find_media(message)),
        any(each.get("type") == "url_citation" for each in cited),
        is_summary=bool(details) and all(_is_summed_up(each) for each in details),
        refusal=refusal,
        note=describe_error(choice),
    )


def _holds_one_text(choice: dict[str, Any], message: dict[str, Any]) -> bool:
    """Return whether a choice says nothing but the text of its message, as most do."""
    for name, value in (*choice.items(), *message.items()):
        if value and name not in _BESIDE_TEXT and not (name == "index" and type(value) is int):
            return False
    return True


def _is_summed_up(detail: dict[str, Any]) -> bool:
    """Return whether a part of the reasoning is a summary, or encrypted.

    https://openrouter.ai/docs/use-cases/reasoning-tokens
    """
    return detail.get("type") in ("reasoning.summary", "reasoning.encrypted")


def _read_refusal(choice: dict[str, Any], message: dict[str, Any]) -> str:
    """Return the refusal of a message, from where OpenAI puts it, or LiteLLM."""
    parts = only_objects(message.get("content"))
    moved = only_objects([each.get("provider_specific_fields") for each in (message, choice)])
    found = [message.get("refusal"), *(each.get("refusal") for each in (*parts, *moved))]
    return next(filter(None, map(read_text, found)), "")


def _read_reasoning(message: dict[str, Any], content: object, details: list[dict[str, Any]]) -> str:
    """Return the reasoning of a message: the longest of the places where providers put it."""
    parts = [part.get("thinking") for part in only_objects(content)]
    shown = [
        message.get("reasoning_content"),
        message.get("reasoning"),
        "".join(only_texts(each.get("text") or each.get("summary") for each in details)),
        "".join(part if isinstance(part, str) else _join_parts(part) for part in parts),
    ]
    return max((read_text(each) for each in shown if isinstance(each, str)), key=len, default="")


def _read_unknown(fields: dict[str, Any], read: tuple[str, ...]) -> list[str]:
    """Return the texts under names that are not known, unless they were read already.

    A text has spaces; without any it may be an id, a signature or a state.
    """
    texts = (
        " ".join(text for text in find_texts(value) if len(text.split(maxsplit=1)) > 1)
        for name, value in fields.items()
        if name not in _READ | _NOT_GENERATED and not name.endswith(("_reason", "_results"))
    )
    found: list[str] = []
    for text in sorted(filter(None, texts), key=len, reverse=True)[:_MOST_UNKNOWN]:
        if not any(read_text(text).strip() in each for each in (*read, *found)):
            found.append(read_text(text))
    return found


def find_texts(value: object) -> Iterator[str]:
    """Yield all texts in a value, in their order."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict | list):
            waiting += reversed(list(each.values()) if isinstance(each, dict) else each)


def _tool_arguments(message: dict[str, Any]) -> Iterator[str]:
    calls = [each.get("function") for each in only_objects(message.get("tool_calls"))]
    for call in only_objects([*calls, message.get("function_call")]):
        yield f"{write_value(call.get('name'))} {write_value(call.get('arguments'))}".strip()


def _find_media(message: dict[str, Any]) -> Iterator[str]:
    """Name what a message holds that is no text."""
    for field in ("audio", "images", "executed_tools"):
        if message.get(field):
            yield f"{field} in the answer"


def _listed_tokens(choice: dict[str, Any]) -> int:
    """Return how many tokens the log-probabilities of a choice list."""
    listed = choice.get("logprobs")
    if not isinstance(listed, dict):
        return 0
    lists = (listed.get(name) for name in ("content", "refusal"))
    return sum(len(each) for each in lists if isinstance(each, list))


def count_hidden_tokens(base64: str) -> int:
    """Return how many tokens an encrypted text has at least."""
    return max(len(base64) * 3 // 4 - _MIN_HIDDEN_BYTES, 0) // _HIDDEN_BYTES_PER_TOKEN


def _join_parts(parts: object) -> str:
    return "".join(only_texts(part.get("text") for part in only_objects(parts)))


def write_value(value: object) -> str:
    """Return a value as the model wrote it: a text, or JSON."""
    if not value:
        return ""
    return read_text(value if isinstance(value, str) else json.dumps(value, default=str))


def only_objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list; none where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def only_texts(values: Iterator[Any]) -> Iterator[str]:
    """Return those of some values that are texts."""
    return (value for value in values if isinstance(value, str))
