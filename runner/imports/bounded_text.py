"""Bounded text: a file that is read line by line, and no line of it may fill the memory."""

from __future__ import annotations

from io import TextIOWrapper

_MAX_LINE = 64 << 20  # characters


class LongLine(ValueError):
    """A line is longer than any that is read."""


class BoundedText(TextIOWrapper):
    """A text file whose lines have a limit; `read` has none.

    Iterating, and `readline` without a size, raise LongLine.
    """

    def __next__(self) -> str:  # type: ignore[override] # as of TextIOWrapper itself
        """Return the next line."""
        if line := self.readline():
            return line
        raise StopIteration

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        """Return the next line, with its line end; empty at the end of the file."""
        if size is not None and size >= 0:
            return super().readline(size)
        line = super().readline(_MAX_LINE)
        if len(line) == _MAX_LINE:
            raise LongLine(f"a line has more than {_MAX_LINE >> 20} million characters")
        return line
