"""Console output: formatted figures, tables that never truncate money, and the consoles.

Results go to stdout, notes and progress to stderr. Where a table is too wide for a terminal, rows
that belong together stand below what they share, if that is enough; else each row's names take a
line of their own, and where even its figures are too wide, each of them does. Off a terminal a
table is as wide as it needs to be. Whatever is printed goes through two filters here: keys are
replaced, and characters that would not be seen are shown as what they are.
"""

from __future__ import annotations

import csv
import io
import re
import sys
import textwrap
from collections.abc import Sequence

import click
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from estimator.safe_text import CsvFile, dump_json, escape_cell, escape_controls, escape_prose
from pricing.money import Money, money_from_float
from pricing.rates import RateCard
from providers.secrets import redact_addresses, redact_values

TableRow = Sequence[str]

_MARKDOWN = re.compile(r"[\\`|<\[\]]")
_THOUSAND, _MILLION, _BILLION = 1_000, 1_000_000, 1_000_000_000


def stdout() -> Console:
    """Return the console for results."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())


def stderr() -> Console:
    """Return the console for notes and progress."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=not sys.stderr.isatty())


def print_text(console: Console, text: str, style: str = "", *, is_prose: bool = False) -> None:
    """Print a text on one line, verbatim: nothing in it is markup.

    Where a terminal wraps it, its further lines are indented as far as its first. A model's prose
    keeps the joiners that its words need.
    """
    shown = show_prose(text) if is_prose else show(text)
    indent = len(shown) - len(shown.lstrip(" "))
    if indent and console.is_terminal:
        line = Text(shown[indent:], style)
        console.print(Padding(line, (0, 0, 0, indent), expand=False))
        return
    console.print(Text(shown, style))


def print_point(console: Console, text: str) -> None:
    """Print a text as one of several points; where a terminal wraps it, its lines are indented."""
    shown = show(text)
    room = console.width - 2 if console.is_terminal else len(shown) + 1
    first, *others = textwrap.wrap(shown, room, break_long_words=False, break_on_hyphens=False) or [
        ""
    ]
    for line in (f"- {first}", *(f"  {line}" for line in others)):
        console.print(Text(line))


def show(text: str) -> str:
    """Return a text as it may be shown: on one line, without keys and unseen characters."""
    return escape_controls(redact_addresses(text))


def show_prose(text: str) -> str:
    """Return a line of a model's text as it may be shown, with the joiners that its words need."""
    return escape_prose(redact_addresses(text))


def show_json(document: object) -> str:
    """Return a document as JSON, exact but for keys, and for the sign of a zero."""
    return dump_json(redact_values(_drop_signs_of_zero(document)), indent=2)


def _drop_signs_of_zero(value: object) -> object:
    """Return a value of JSON without zeros that are negative: a rounding, and no direction."""
    if isinstance(value, float):
        return value + 0.0
    if isinstance(value, dict):
        return {name: _drop_signs_of_zero(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_drop_signs_of_zero(each) for each in value]
    return value


def confirm(question: str) -> bool:
    """Ask a question; the answer is no where nothing is typed."""
    return click.confirm(show(question), default=False)


def capitalize_first(text: str) -> str:
    """Return a text with a capital at its start; the rest keeps its case."""
    return text[:1].upper() + text[1:]


def format_count(number: int, one: str, many: str) -> str:
    """Format a number with its noun: 1 query, 1,200 queries."""
    return f"{number:,} {one if number == 1 else many}"


def format_tokens(count: float) -> str:
    """Format a token count in three digits: 940, 12.4k, 2.40M, 1.11B."""
    if count < _THOUSAND:
        return f"{count:.0f}"
    units = ((_BILLION, "B"), (_MILLION, "M"), (_THOUSAND, "k"))
    unit, name = next((u for u in units if count >= u[0] * 0.9995), units[-1])
    value = count / unit
    places = 2 if value < 9.995 else 1 if value < 99.95 else 0  # noqa: PLR2004 - three digits
    return f"{value:.{places}f}{name}"


def format_dollars(amount: float | Money) -> str:
    """Format an amount for people: to the cent, or to two digits below ten cents."""
    return str(amount if isinstance(amount, Money) else money_from_float(amount))


def format_source(card: RateCard) -> str:
    """Format where a price comes from, and when it was read."""
    return f"{card.source}, {card.checked}" if card.checked else card.source


def print_table(  # noqa: PLR0913 - each says one thing of a table
    console: Console,
    header: TableRow,
    rows: Sequence[TableRow],
    *,
    left_columns: int = 1,
    has_total: bool = False,
    has_groups: bool = False,
) -> None:
    """Print a table.

    Args:
        console: where to.
        header: the columns' names.
        rows: their cells.
        left_columns: how many of the first columns are aligned to the left.
        has_total: the last row is a total.
        has_groups: rows with the same first cell belong together.
    """
    header, rows = list(map(show, header)), [list(map(show, row)) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]
    room = console.width if console.is_terminal else sum(widths) + 2 * len(widths)
    if _sum_widths(widths) <= room:
        names = 0
    elif has_groups and _sum_widths(widths[1:]) + 2 <= room:
        names = 1
    elif _sum_widths(widths[left_columns:]) + 2 <= room:
        names = left_columns
    else:
        _print_stacked(console, header, rows, left_columns)
        return
    figures = widths[names:]
    indent = "  " if names else ""
    console.print(Text(indent + _format_line(header[names:], figures, left_columns - names), "dim"))
    for number, row in enumerate(rows, start=1):
        style = "bold" if has_total and number == len(rows) else ""
        begins = not has_groups or number == 1 or rows[number - 2][:names] != row[:names]
        if names and begins:
            console.print(Text(" ".join(cell for cell in row[:names] if cell), style))
        console.print(
            Text(indent + _format_line(row[names:], figures, left_columns - names), style)
        )


def format_csv(header: TableRow, rows: Sequence[TableRow], *, raw: bool = False) -> str:
    """Return a table as CSV.

    Args:
        header: the columns' names.
        rows: their cells.
        raw: for programs: cells that a spreadsheet would take for formulas stay as they are.
    """
    file = io.StringIO()
    lines = [header, *rows]
    cells = lines if raw else [[escape_cell(show(cell)) for cell in line] for line in lines]
    csv.writer(CsvFile(file)).writerows(cells)
    return file.getvalue()


def format_markdown(header: TableRow, rows: Sequence[TableRow], left_columns: int = 1) -> str:
    """Return a table as Markdown."""
    rule = [":--" if number < left_columns else "--:" for number in range(len(header))]
    lines = [list(map(format_markdown_text, row)) for row in (header, *rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (lines[0], rule, *lines[1:]))


def format_markdown_text(text: str) -> str:
    """Return a text as Markdown that shows it: no cell, code, link or HTML begins in it."""
    return _MARKDOWN.sub(r"\\\g<0>", show(text))


def _sum_widths(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _format_line(cells: TableRow, widths: list[int], left_columns: int) -> str:
    padded = []
    for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - cell_len(cell))
        padded.append(cell + space if number < left_columns else space + cell)
    return "  ".join(padded).rstrip()


def _print_stacked(
    console: Console, header: TableRow, rows: Sequence[TableRow], left_columns: int
) -> None:
    longest = max(map(cell_len, header[left_columns:]), default=0)
    for row in rows:
        console.print(Text(" ".join(cell for cell in row[:left_columns] if cell), "bold"))
        for name, cell in zip(header[left_columns:], row[left_columns:], strict=True):
            if cell:
                console.print(Text.assemble(("  " + name.ljust(longest + 2), "dim"), cell))
