"""Label words: what may stand in the column `label`."""

from __future__ import annotations

YES, NO, SKIP = "yes", "no", "skip"
_WORDS = {
    YES: ("yes", "y", "1", "true"),
    NO: ("no", "n", "0", "false"),
    SKIP: ("skip", "s", "?", "unsure"),
    "": ("",),
}
_MEANINGS = {word: meaning for meaning, words in _WORDS.items() for word in words}


def read_label_word(text: str) -> str | None:
    """Return `yes`, `no`, `skip`, or nothing where a cell is empty; None for any other word."""
    return _MEANINGS.get(text.strip().strip("'\"").strip().lower().removesuffix(".0"))
