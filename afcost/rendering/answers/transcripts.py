"""Transcripts on a terminal, in plain text and as JSON.

On a wide terminal what was asked and thought stands beside what was said and judged, on a narrow
one above it. A model's text is shown, never obeyed: control characters stand there as escapes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from afcost.rendering.console import format_dollars, show, show_json, stdout
from estimator.safe_text import dump_json
from providers.secrets import redact_addresses
from runner.results.reading import JudgeTranscript, Transcript, VoteText

_TWO_COLUMNS = 110  # characters from which on two columns are easier to read than one
_PROMPT_LINES, _PROMPT_CHARACTERS = 4, 400  # of each message, unless all of it is asked for
_GAP = 3


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


def page_transcripts(line: str, transcripts: Iterable[Transcript], *, shows_prompt: bool) -> None:
    """Show transcripts in the terminal's pager."""
    width = stdout().width
    color = None if stdout().no_color else True

    def render() -> Iterator[str]:
        yield _draw(width, [Text(show(line), "bold")])
        for each in transcripts:
            yield _draw(width, _compose(each, width, shows_prompt=shows_prompt))

    click.echo_via_pager(render(), color=color)


def write_text(line: str, transcripts: Iterable[Transcript], *, shows_prompt: bool) -> None:
    """Write transcripts as plain text, one below the other."""
    click.echo(show(line))
    for each in transcripts:
        click.echo(f"\n{show(_name(each))}")
        left, right = _list_blocks(each, shows_prompt=shows_prompt)
        for block in (*left, *right):
            click.echo(show(f"  {block.title}"))
            for text in _split_lines(block.text):
                click.echo(f"    {text}".rstrip())


def write_json(transcripts: Iterable[Transcript]) -> None:
    """Write transcripts as a list in JSON."""
    click.echo(show_json([each.to_json() for each in transcripts]))


def write_json_lines(transcripts: Iterable[Transcript]) -> None:
    """Write transcripts as JSON, one a line."""
    for each in transcripts:
        click.echo(redact_addresses(dump_json(each.to_json())))


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
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    table.add_row(_join(left), _join(right))
    yield table


def _join(blocks: list[_Block]) -> Text:
    return Text("\n").join(map(_style, blocks))


def _style(block: _Block) -> Text:
    """Return a block with its heading; where a column wraps its lines, words stay whole."""
    lines = "\n".join(_split_lines(block.text))
    return Text.assemble((show(block.title), "bold cyan"), "\n", lines, "\n")


def _split_lines(text: str) -> list[str]:
    """Return the lines of a text of others, each as it may be shown."""
    return [show(line.expandtabs(4)) for line in redact_addresses(text).split("\n")]


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
        *map(_show_judge, transcript.judges),
        _Block("tokens and cost", _describe_cost(transcript)),
    ]
    return left, right


def _list_prompt(transcript: Transcript, *, shows_all: bool) -> list[_Block]:
    if transcript.messages is None:
        told = "not kept: an earlier version made this run folder"
        return [_Block("prompt", told), _Block("query", transcript.query_text)]
    return [
        _Block(each.role, each.content if shows_all else _shorten(each.content))
        for each in transcript.messages
    ]


def _shorten(text: str) -> str:
    """Return the beginning of a text, and how much more there is."""
    kept = "\n".join(text.split("\n")[:_PROMPT_LINES])[:_PROMPT_CHARACTERS]
    more = len(text) - len(kept)
    return f"{kept} … {more:,} more characters (--prompt)" if more else text


def _show_judge(judge: JudgeTranscript) -> _Block:
    reading = judge.reading
    votes = f", {reading.value:.2f} of {reading.votes} votes" if _has_share(judge) else ""
    why = f" ({reading.unreadable})" if reading.unreadable else ""
    texts = [_describe_vote(each, alone=len(judge.votes) == 1) for each in judge.votes]
    if not texts and reading.value is not None:
        texts = ["by the answer's kind or the proxy; the judge was not asked"]
    cost = f"  {format_dollars(judge.cost)}" if judge.votes else ""
    return _Block(f"{judge.judge}: {judge.label}{votes}{why}{cost}", "\n".join(texts))


def _has_share(judge: JudgeTranscript) -> bool:
    return judge.reading.value is not None and judge.reading.votes > 1


def _describe_vote(vote: VoteText, *, alone: bool) -> str:
    said = vote.says or f"no vote: {vote.fault}"
    thought = f"[reasoning] {vote.reasoning}\n" if vote.reasoning else ""
    head = "" if alone and vote.says else f"vote {vote.vote}, {said}: "
    return f"{thought}{head}{vote.text}"


def _describe_cost(transcript: Transcript) -> str:
    cached = f" ({transcript.cached_tokens:,} cached)" if transcript.cached_tokens else ""
    hidden = f" ({transcript.reasoning_tokens:,} reasoning)" if transcript.reasoning_tokens else ""
    tokens = f"{transcript.input_tokens:,} in{cached}, {transcript.output_tokens:,} out{hidden}"
    return f"{tokens}, {format_dollars(transcript.cost)}"
