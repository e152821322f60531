"""Texts of others, made safe to print and to open: the display filter, JSON and cells of CSV.

A name, a path or an answer may hold characters that redraw a terminal, turn the reading direction
or show nothing. Where afcost prints it, each is shown as what it is, as Python writes it in a
string. JSON keeps data exact, with those characters escaped. A spreadsheet takes a cell that begins
with `=`, `+`, `-` or `@` for a formula; such a cell gets a leading `'`, which means a text there.
"""

from __future__ import annotations

import json
import re
from typing import TextIO

_BEYOND_ASCII = re.compile(r"[^\n -~]+")
_JOINER = re.compile(r"(?<=[^\0-\xff\u2000-\u206f])([\u200c\u200d])(?=[^\0-\xff\u2000-\u206f])")
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # but for tab and line ends
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?\$?([0-9][0-9,]*)?\.?[0-9]+([eE][+-]?[0-9]{1,4})?( ?%)?")


def escape_controls(text: str) -> str:
    """Return a text on one line, with whatever would not be seen in it shown as its escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def escape_prose(text: str) -> str:
    """Return a line of a model's as `escape_controls` does, but for what joins its letters.

    Persian, Hindi and others write words with joiners, and emoji are joined by them. Beside ASCII
    they do nothing, and are shown as all that is not seen.
    """
    return "".join(
        part if number % 2 else escape_controls(part)
        for number, part in enumerate(_JOINER.split(text))
    )


def escape_lines(text: str) -> str:
    """Return a message with its lines kept and all else escaped.

    A line after the first is indented, so a value with a line end in it cannot begin a line that
    looks like a message of its own.
    """
    first, *others = map(escape_controls, text.split("\n"))
    return "\n".join([first, *(f"  {x}" if x and not x.startswith(" ") else x for x in others)])


def dump_json(value: object, indent: int | None = None) -> str:
    """Return a value as JSON that reads as it is, but for what would not be seen, escaped."""
    written = json.dumps(value, indent=indent, ensure_ascii=False)
    return _BEYOND_ASCII.sub(_escape_in_json, written)


def escape_cell(text: str) -> str:
    """Return a cell of CSV that no spreadsheet takes for a formula; numbers stay as they are.

    Control characters in it are shown as escapes, but for tabs and line ends.
    """
    text = _CONTROLS.sub(lambda found: _escape(found[0]), text)
    is_formula = len(text) > 1 and text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def unescape_cell(text: str) -> str:
    """Return a cell as it was before `escape_cell` put a `'` before it."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _escape_in_json(found: re.Match[str]) -> str:
    if found[0].isprintable():
        return found[0]
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in found[0])


class CsvFile:
    """A text file for `csv.writer(CsvFile(file))`: lines end in a line feed.

    Python's writer quotes a carriage return in a cell only if rows end in one. Without quotes it
    ends the row, and what follows begins a cell of its own.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: str) -> int:
        """Write a row that `csv.writer` has made."""
        return self._file.write(row.removesuffix("\r\n") + "\n")
