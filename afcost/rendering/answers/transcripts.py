"""Transcripts on a terminal, in plain text and as JSON.

On a wide terminal what was asked and thought stands beside what was said and judged, on a narrow
one above it. A model's text is shown, never obeyed: control characters stand there as escapes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from afcost.rendering.console import format_dollars, show, show_json, show_prose, stdout
from afcost.rendering.pager import page_text
from estimator.safe_text import dump_json
from experiment.definition import MISSING
from experiment.scoring import AnswerKind
from providers.secrets import redact_addresses, redact_values
from runner.results.reading import JudgeTranscript, Transcript, VoteText

_TWO_COLUMNS = 110  # characters from which on two columns are easier to read than one
_PROMPT_LINES, _PROMPT_CHARACTERS = 4, 400  # of each message, unless all of it is asked for
_GAP = 3
_LINE_END = re.compile(r"\r?\n")


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of a transcript: a heading, and a text of several lines."""

    title: str
    text: str


def describe_selection(first: int, shown: int, found: int, total: int) -> str:
    """Return which transcripts are shown, of how many.

    Args:
        first: of the page, from 0.
        shown: on the page.
        found: how many the filter leaves.
        total: how many there are.
    """
    of_all = "" if found == total else f" that match, of {total:,} in all"
    if not shown:
        return f"no transcripts{of_all}" if total else "no answers yet"
    return f"transcripts {first + 1:,} to {first + shown:,} of {found:,}{of_all}"


def describe_rest(first: int, shown: int, found: int, page: int) -> str:
    """Return how many transcripts come after a page, from 1, and how to see them; else nothing."""
    rest = found - first - shown
    return f"{rest:,} more: --page {page + 1}" if shown and rest > 0 else ""


def page_transcripts(
    line: str, transcripts: Iterable[Transcript], rest: str, *, shows_prompt: bool
) -> None:
    """Show transcripts in the terminal's pager, between a first line and a last one."""
    width = stdout().width
    color = None if stdout().no_color else True

    def render() -> Iterator[str]:
        yield _draw(width, [Text(show(line), "bold")])
        for each in transcripts:
            yield _draw(width, _compose(each, width, shows_prompt=shows_prompt))
        if rest:
            yield _draw(width, [Text(""), Text(show(rest), "bold")])

    page_text(render(), color=color)


def write_text(
    line: str, transcripts: Iterable[Transcript], rest: str, *, shows_prompt: bool
) -> None:
    """Write transcripts as plain text, one below the other, between a first line and a last one."""
    click.echo(show(line))
    for each in transcripts:
        click.echo(f"\n{show(_name(each))}")
        left, right = _list_blocks(each, shows_prompt=shows_prompt)
        for block in (*left, *right):
            click.echo(show(f"  {block.title}"))
            for text in _split_lines(block.text):
                click.echo(f"    {text}".rstrip())
    if rest:
        click.echo(f"\n{show(rest)}")


def write_json(transcripts: Iterable[Transcript]) -> None:
    """Write transcripts as a list in JSON."""
    click.echo(show_json([each.to_json() for each in transcripts]))


def write_json_lines(transcripts: Iterable[Transcript]) -> None:
    """Write transcripts as JSON, one a line."""
    for each in transcripts:
        click.echo(dump_json(redact_values(each.to_json())))


def _draw(width: int, parts: Iterable[Text | Table | Padding]) -> str:
    """Return parts as a terminal of a width shows them."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=width, highlight=False)
    for part in parts:
        console.print(part)
    return file.getvalue()


def _compose(
    transcript: Transcript, width: int, *, shows_prompt: bool
) -> Iterator[Text | Table | Padding]:
    yield Text("")
    yield Text(show(_name(transcript)), "bold reverse")
    left, right = _list_blocks(transcript, shows_prompt=shows_prompt)
    if width < _TWO_COLUMNS:
        yield from map(_style, (*left, *right))
        return
    table = Table.grid(expand=True, padding=(0, _GAP, 0, 0))
    table.add_column(ratio=1, overflow="fold")  # what has no spaces is broken, never cut off
    table.add_column(ratio=1, overflow="fold")
    table.add_row(_join(left), _join(right))
    yield table


def _join(blocks: list[_Block]) -> Text:
    return Text("\n").join(map(_style, blocks))


def _style(block: _Block) -> Text:
    """Return a block with its heading; where a column wraps its lines, words stay whole."""
    lines = [f"{line}\n" for line in _split_lines(block.text)]
    return Text.assemble((show(block.title), "bold cyan"), "\n", *lines)


def _split_lines(text: str) -> list[str]:
    """Return the lines of a text of others, each as it may be shown; none of an empty text."""
    lines = _LINE_END.split(redact_addresses(text)) if text else []
    return [show_prose(line.expandtabs(4)) for line in lines]


def _name(transcript: Transcript) -> str:
    where = f"{transcript.model}  {transcript.condition}"
    request = f"query {transcript.query}  sample {transcript.sample}"
    return f"{where}  {request}  {_describe_answer(transcript)}"


def _describe_answer(transcript: Transcript) -> str:
    kind = transcript.kind.value
    is_usual = transcript.finish in {"", "stop", kind}
    return kind if is_usual else f"{kind} ({transcript.finish})"


def _list_blocks(
    transcript: Transcript, *, shows_prompt: bool
) -> tuple[list[_Block], list[_Block]]:
    """Return what was asked and thought, and what was said and judged."""
    answer = transcript.answer
    left = [
        *_list_prompt(transcript, shows_all=shows_prompt),
        *(_Block(f"reasoning ({each.form.value})", each.text) for each in transcript.thoughts),
    ]
    right = [
        *([_Block("output", answer.output)] if answer and answer.output else []),
        *([_Block("refusal", answer.refusal)] if answer and answer.refusal else []),
        *([] if answer else [_Block("no answer", "the request failed")]),
        _Block("proxy", transcript.proxy),
        *(_show_judge(each, transcript.kind) for each in transcript.judges),
        _Block("tokens and cost", _describe_cost(transcript)),
    ]
    return left, right


def _list_prompt(transcript: Transcript, *, shows_all: bool) -> list[_Block]:
    if transcript.messages is None:
        told = "not kept: an earlier version made this run folder"
        return [_Block("prompt", told), _Block("query", transcript.query_text)]
    if shows_all:
        return [_Block(each.role, each.content) for each in transcript.messages]
    blocks = [_Block(each.role, _shorten(each.content)) for each in transcript.messages]
    is_shown = any(transcript.query_text in block.text for block in blocks)
    return blocks if is_shown else [_Block("query", _shorten(transcript.query_text)), *blocks]


def _shorten(text: str) -> str:
    """Return the beginning of a text, and how much more there is."""
    kept = "\n".join(text.split("\n")[:_PROMPT_LINES])[:_PROMPT_CHARACTERS]
    more = len(text) - len(kept)
    return f"{kept} … {more:,} more characters (--prompt)" if more else text


def _show_judge(judge: JudgeTranscript, kind: AnswerKind) -> _Block:
    heading = ", ".join(filter(None, [f"{judge.judge}: {judge.label}", judge.tally]))
    cost = f"  {format_dollars(judge.cost)}" if judge.votes else ""
    texts = [_describe_vote(each, alone=len(judge.votes) == 1) for each in judge.votes]
    if not texts and judge.reading.value is not None:
        texts = ["by the answer's kind or the proxy; the judge was not asked"]
    return _Block(f"{heading}{_explain_missing(judge, kind)}{cost}", "\n".join(texts))


def _explain_missing(judge: JudgeTranscript, kind: AnswerKind) -> str:
    """Return why there is no verdict on a text; of another kind of answer its heading says it."""
    if judge.label != MISSING:
        return ""
    why = judge.reading.unreadable or ("no verdict" if kind is AnswerKind.TEXT else kind.value)
    return f" ({why})"


def _describe_vote(vote: VoteText, *, alone: bool) -> str:
    said = vote.says or f"no vote ({vote.fault})"
    thought = f"[reasoning] {vote.reasoning}\n" if vote.reasoning else ""
    head = "" if alone else f"vote {vote.vote}, {said}: "
    return f"{thought}{head}{vote.text}"


def _describe_cost(transcript: Transcript) -> str:
    cached = f" ({transcript.cached_tokens:,} cached)" if transcript.cached_tokens else ""
    hidden = f" ({transcript.reasoning_tokens:,} reasoning)" if transcript.reasoning_tokens else ""
    tokens = f"{transcript.input_tokens:,} in{cached}, {transcript.output_tokens:,} out{hidden}"
    turns = f", in {transcript.turns} turns" if transcript.turns > 1 else ""
    return f"{tokens}{turns}, {format_dollars(transcript.cost)}"
