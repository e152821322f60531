"""Parts of a model's name: words and numbers, by which two spellings are compared."""

from __future__ import annotations

import re

_PARTS = re.compile(r"a\d+b|\d+[a-z]+|\d+|[a-z]+")
_WELL_FORMED = re.compile(r"[a-z0-9]+(?:[-._ ][a-z0-9]+)*")
_UNTOLD = {"meta"}  # meta-llama-3 is llama-3

# The words of a name in any order, and its numbers in theirs: 4.5 is not 5.4.
NameKey = tuple[tuple[str, ...], tuple[str, ...]]


def split_parts(name: str) -> list[str]:
    """Return the words and numbers of a name in lower case, a size such as `8b` being a word."""
    return _PARTS.findall(name.lower())


def name_key(name: str, *more: str) -> NameKey | None:
    """Return what two spellings of one name share; None for what is no plain name.

    Every word and number counts, a date and a kind of weights too: what differs in one of them is
    another model.
    """
    if not _WELL_FORMED.fullmatch(name.lower()):
        return None
    parts = [part for part in (*split_parts(name), *more) if part not in _UNTOLD]
    words = sorted(part for part in parts if not part.isdecimal())
    return tuple(words), tuple(part for part in parts if part.isdecimal())
