"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from afcost.rendering.command_lines import format_advice
from afcost.rendering.console import capitalize_first, format_markdown, format_markdown_text
from afcost.rendering.report.blocks import Block, Paragraph, Points, Remarks, Steps, Table
from afcost.rendering.report.provenance import compose_provenance
from afcost.rendering.report.sections import compose_report
from runner.results import Report


def render_markdown(report: Report) -> str:
    """Return a report as Markdown; the first section's title is the document's."""
    first, *others = compose_report(report)
    parts = [f"# {format_markdown_text(first.title)}\n", *map(_render_block, first.blocks)]
    for section in [*others, compose_provenance(report.provenance)]:
        title = capitalize_first(section.title)
        parts += [f"## {format_markdown_text(title)}\n", *map(_render_block, section.blocks)]
    return "\n".join(parts)


def _render_block(block: Block) -> str:
    match block:
        case Table(header, rows, left_columns):
            return format_markdown(header, rows, left_columns=left_columns)
        case Paragraph(lines):
            return _join_lines(lines)
        case Points(lines) | Remarks(lines):
            return "".join(f"- {format_markdown_text(line)}\n" for line in lines)
        case Steps(advice):
            return _join_lines([line.strip() for each in advice for line in format_advice(each)])


def _join_lines(lines: Sequence[str]) -> str:
    return "  \n".join(map(format_markdown_text, lines)) + "\n" if lines else ""
