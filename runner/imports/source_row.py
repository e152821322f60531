"""Rows of files from elsewhere: a place to name in errors, and values by dotted column names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SURROGATES = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One answer of a file, as it stands there.

    Attributes:
        file: its name.
        place: where in it, such as `line 3` or `outputs 3`.
        values: its columns; they may be nested.
    """

    file: str
    place: str
    values: Mapping[str, Any]

    def __str__(self) -> str:
        """Return where it is, as errors name it."""
        return f"{self.file}, {self.place}"

    def find(self, column: str) -> Any:  # noqa: ANN401 - a file's own
        """Return the value of a column, such as `metadata.model`; None where there is none.

        What is not a number counts as nothing, as it does where pandas wrote the file.
        """
        value: Any = self.values.get(column)
        if column not in self.values:
            value = self.values
            for part in column.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        return None if isinstance(value, float) and math.isnan(value) else value

    def has(self, column: str) -> bool:
        """Return whether there is such a column, whatever its value."""
        if column in self.values:
            return True
        value: Any = self.values
        for part in column.split("."):
            if not isinstance(value, Mapping) or part not in value:
                return False
            value = value[part]
        return True


def replace_surrogates(text: str) -> str:
    """Return a text without halves of characters, which no file can hold."""
    if text.isascii() or not any(ord(each) in _SURROGATES for each in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
