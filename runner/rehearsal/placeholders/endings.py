"""Endings: what a prompt wants an answer to begin or end with, so that a program can read it.

A few forms that graders ask for, and no more; for others a user gives replies of his own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from providers.clients import write_json
from runner.rehearsal.placeholders.shown_json import find_shown_json

# 'GRADE: $LETTER', of which one is named where the letters are listed.
_NAMED = re.compile(r"\b([A-Z][A-Za-z ]{1,20}): ?\$([A-Z]+)\b")
_LISTED = re.compile(r"\bis one of\W{0,3}(\w)")
_BRACKETS = re.compile(r"\[\[([^\[\]\n]{1,20})\]\]")  # "[[rating]]" or "[[A]]"
_YES_OR_NO = re.compile(
    r"\b(?:answer|respond|reply|say|output)\b[^.\n]{0,60}?\W(yes)\W{1,4}(?:or|/|and)?\W{0,3}no\b",
    re.IGNORECASE,
)
# "Return just the letter A, B or C", "Reply with a single number from 1 to 10".
_ALONE = re.compile(
    r"(?i:\b(?:answer|respond|reply|output|return|give)\b)[^.\n]{0,40}?\b(?:only|just|single)\b"
    r"[^.\n]{0,30}?\b(?:(?:letters?|characters?)\W+([A-Z])\b|(?:number|integer|digit|score|rating)\b"
    r"(?:[^.\n\d]{0,30}(\d+))?)",
)
# "Reply with a number alone."
_NUMBER_ALONE = re.compile(
    r"\b(?:answer|respond|reply|output|return|give)\b[^.\n]{0,40}?"
    r"\b(?:number|integer|digit|score|rating) (?:alone|only)\b",
    re.IGNORECASE,
)
_AFTER = re.compile(r"[^.\n]{0,30}")
_ONLY = re.compile(r"\b(only|just|single|exactly|nothing else|one word)\b", re.IGNORECASE)
_GRADES = {"GRADE": "C"}  # for "correct"


@dataclass(frozen=True, slots=True)
class Ending:
    """What an answer has beside its words.

    Attributes:
        before: it begins with this.
        after: it ends with this, on a line of its own.
        is_whole: there are no words beside.
    """

    before: str = ""
    after: str = ""
    is_whole: bool = False


def find_ending(prompt: str, say: Callable[[int], str]) -> Ending | None:
    """Return what a prompt wants beside words; None for words alone.

    Args:
        prompt: the message that is answered.
        say: returns words for what may be any text.
    """
    if found := _last(_NAMED, prompt):
        name, kind = found.groups()
        listed = _LISTED.search(prompt[found.end() :])
        value = listed[1] if listed else _GRADES.get(name, "A" if kind == "LETTER" else "1")
        return Ending(after=f"{name}: {value}")
    if found := _last(_BRACKETS, prompt):
        value = found[1] if len(found[1]) == 1 else "5"
        return Ending(after=f"[[{value}]]")
    if shown := find_shown_json(prompt, say):
        return Ending(after=write_json(shown))
    if found := _last(_YES_OR_NO, prompt):
        after = _AFTER.match(prompt, found.end())
        is_whole = bool(_ONLY.search(found[0] + (after[0] if after else "")))
        return Ending(before=found[1] if is_whole else f"{found[1]}. ", is_whole=is_whole)
    if found := _last(_ALONE, prompt):
        return Ending(before=found[1] or found[2] or "1", is_whole=True)
    return Ending(before="1", is_whole=True) if _NUMBER_ALONE.search(prompt) else None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(reversed(list(pattern.finditer(text))), None)
