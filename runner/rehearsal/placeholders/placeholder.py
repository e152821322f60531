"""Placeholder: an answer in the form that its call asks for, and of a given length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.clients import ClientCall, write_json
from runner.rehearsal.instances import NoInstance, write_instance
from runner.rehearsal.placeholders.asked import Asked, Tool, find_asked
from runner.rehearsal.placeholders.endings import find_ending
from runner.rehearsal.placeholders.shown_json import find_shown_json
from runner.rehearsal.placeholders.wording import cut_text, fit_words, say_words

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool.

    Attributes:
        name: of the tool.
        arguments: JSON, as far as the answer goes.
        is_function: as of `Tool`.
    """

    name: str
    arguments: str
    is_function: bool = False


@dataclass(frozen=True, slots=True)
class Placeholder:
    """An answer.

    Attributes:
        text: of it; empty where it calls a tool.
        tool: the call; None where it is a text.
        tokens: of it, by its model's tokenizer.
        is_cut: it reached the call's limit before its end.
        problem: why it is not in the form that was asked for; empty where it is.
    """

    text: str
    tool: ToolUse | None
    tokens: int
    is_cut: bool
    problem: str = ""


def make_placeholder(  # noqa: PLR0913 - what an answer depends on
    call: ClientCall,
    tokens: int,
    limit: int,
    count: Count,
    *,
    seed: bytes,
    reply: str | None = None,
    tool_name: str | None = None,
) -> Placeholder:
    """Return the answer to a call.

    Args:
        call: that is answered.
        tokens: that it shall have; it has more where its form needs them.
        limit: tokens that it may have.
        count: counts the tokens of a text.
        seed: has its words be others.
        reply: the user's own text in its place; of a tool, its arguments.
        tool_name: of a tool that is to be called though none must be.
    """
    asked = find_asked(call)
    tool = asked.tools.get(tool_name or "") or asked.tool
    problem = ""
    if reply is None:
        try:
            text = _compose(call, asked, tool, min(tokens, limit), count, seed)
        except NoInstance as nothing:
            text, problem = "{}", f"a schema was answered with {{}}: {nothing}"
    else:
        text = reply
    name_tokens = count(tool.name) if tool else 0
    length = count(text)
    if is_cut := name_tokens + length > limit:
        text = cut_text(text, limit - name_tokens, count)
        length = count(text)
    use = ToolUse(tool.name, text, tool.is_function) if tool else None
    return Placeholder("" if use else text, use, min(name_tokens + length, limit), is_cut, problem)


def _compose(  # noqa: PLR0913 - as above
    call: ClientCall, asked: Asked, tool: Tool | None, tokens: int, count: Count, seed: bytes
) -> str:
    """Return a text of about so many tokens.

    Raises:
        NoInstance: it must satisfy a schema, and nothing was found that does.
    """
    if tool is not None:
        return _write_json(tool.schema, tokens - count(tool.name), count, seed)
    if asked.schema is not None:
        if asked.is_bare:
            return str(write_instance(asked.schema, lambda nth: say_words(seed, 1, nth)))
        return _write_json(asked.schema, tokens, count, seed)
    prompts = _list_prompts(call)
    if asked.is_json:
        return fit_words(lambda words: write_json(_fill_in(prompts, seed, words)), tokens, count)
    return _write_text(prompts, tokens, count, seed)


def _write_text(prompts: list[str], tokens: int, count: Count, seed: bytes) -> str:
    endings = (find_ending(each, lambda _: say_words(seed, _FEW)) for each in prompts)
    ending = next((each for each in endings if each), None)
    if ending is None:
        return fit_words(lambda words: say_words(seed, words), tokens, count)
    if ending.is_whole:
        return ending.before
    after = f"\n\n{ending.after}" if ending.after else ""
    text = fit_words(lambda words: f"{ending.before}{say_words(seed, words)}{after}", tokens, count)
    return text if count(text) <= tokens else ending.after or text


_FEW = 9  # words of a text within a form


def _write_json(schema: object, tokens: int, count: Count, seed: bytes) -> str:
    """Return JSON for a schema, whose texts have as many words as the tokens allow."""

    def write(words: int) -> str:
        return write_json(write_instance(schema, lambda nth: say_words(seed, words, nth)))

    return fit_words(write, tokens, count)


def _fill_in(prompts: list[str], seed: bytes, words: int) -> Mapping[str, Any]:
    """Return an object of the form that a prompt shows, or one of our own."""
    text = say_words(seed, words)
    shown = (find_shown_json(each, lambda _: text) for each in prompts)
    return next((each for each in shown if each), {"answer": text})


def _list_prompts(call: ClientCall) -> list[str]:
    """Return the texts that may say in which form an answer is wanted: the last, the system's."""
    system = [each.content for each in call.messages if each.role == "system"]
    last = [each.content for each in call.messages[-1:] if each.role != "system"]
    return [*last, *reversed(system)]
