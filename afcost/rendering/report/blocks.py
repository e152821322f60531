"""The parts that a report is composed of: tables, paragraphs, points, remarks, steps, sections."""

from __future__ import annotations

from dataclasses import dataclass

from afcost.rendering.command_lines import Advice


@dataclass(frozen=True, slots=True)
class Table:
    """A table of formatted cells.

    Args:
        header: the columns' names.
        rows: their cells.
        left_columns: how many of the first columns are aligned to the left.
        has_total: the last row is a total.
        has_groups: rows with the same first cell belong together.
    """

    header: list[str]
    rows: list[list[str]]
    left_columns: int
    has_total: bool = False
    has_groups: bool = True


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of text, possibly none; `quiet` ones matter less than the others."""

    lines: tuple[str, ...]
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """Sentences that stand below each other, each of its own."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remarks:
    """What needs attention; possibly nothing."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do next."""

    advice: tuple[Advice, ...]


Block = Table | Paragraph | Points | Remarks | Steps


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and the blocks below it."""

    title: str
    blocks: tuple[Block, ...]
