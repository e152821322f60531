"""A report on the terminal."""

from __future__ import annotations

from rich.console import Console

from afcost.rendering.command_lines import print_advice
from afcost.rendering.console import print_point, print_table, print_text
from afcost.rendering.report.blocks import Block, Paragraph, Points, Remarks, Section, Steps, Table
from afcost.rendering.report.sections import compose_report
from runner.results import Report


def print_report(console: Console, report: Report) -> None:
    """Print a report, with an empty line between its sections."""
    for number, section in enumerate(compose_report(report)):
        if number:
            print_text(console, "")
        _print_section(console, section)


def _print_section(console: Console, section: Section) -> None:
    print_text(console, section.title, "bold")
    for block in section.blocks:
        _print_block(console, block)


def _print_block(console: Console, block: Block) -> None:
    match block:
        case Table(header, rows, left_columns, has_total, has_groups):
            print_table(
                console,
                header,
                rows,
                left_columns=left_columns,
                has_total=has_total,
                has_groups=has_groups,
            )
        case Paragraph(lines, quiet):
            for line in lines:
                print_text(console, line, "dim" if quiet else "")
        case Points(lines):
            for line in lines:
                print_point(console, line)
        case Remarks(lines):
            for line in lines:
                print_text(console, f"  {line}", "yellow")
        case Steps(advice):
            print_advice(console, advice)
