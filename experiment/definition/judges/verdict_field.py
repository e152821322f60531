"""Verdict fields: a name in a judge's reply, and what may stand for it: words, or a number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

# A word's value is one of a few, a number's is itself. No value is a text, so that none equals a
# reason why there is none.
FieldValue = bool | int | float

_PUNCTUATION = " \t\r\n.!*_`\"'"
_BOOLEANS = {"true": "yes", "false": "no"}
_LONG_NAME = 100  # characters; a longer one is not kept
_NUMBER = r"[+-]?(?:\d{1,15}(?:\.\d{1,15})?|\.\d{1,15})"
_DASH = r"(?:\s*(?:-|–|—|\.\.+|…|to|through)\s*)"


def normalize_word(text: str) -> str:
    """Return a word as it is compared: in lower case, without punctuation or Markdown around it."""
    return " ".join(text.lower().split()).strip(_PUNCTUATION)


def normalize_name(name: str) -> str:
    """Return a field's name as it is compared: `Is_Harmful` is `is harmful`."""
    return _normalize_short(name) if len(name) < _LONG_NAME else _normalize_long(name)


def _normalize_long(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


_normalize_short = lru_cache(maxsize=4096)(_normalize_long)


def unify_word(word: str) -> str:
    """Return a word as it is compared, a boolean as the word that means the same."""
    normal = normalize_word(word)
    return _BOOLEANS.get(normal, normal)


@dataclass(frozen=True)
class VerdictField:
    """A field of a verdict.

    Attributes:
        name: as the experiment file writes it.
        words: each with its value; several words may have the same. Empty for a number.
        bounds: the least and the largest number; None where it has words.
        scores: names of further fields, numbers from 1 to 5, that are read beside it.
        beside: names of other fields of the same verdict, whose lines may stand among its own.
    """

    name: str
    words: tuple[tuple[str, FieldValue], ...] = ()
    bounds: tuple[float, float] | None = None
    scores: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def find_value(self, word: str) -> FieldValue | None:
        """Return the value of a word in any case, or a number within the bounds; None for others.

        `true` and `false` are `yes` and `no` unless they are words of their own.
        """
        if self.bounds is not None:
            return self._find_number(normalize_word(word))
        found = self._values.get(normalize_word(word))
        return self._values.get(unify_word(word)) if found is None else found

    @cached_property
    def _values(self) -> dict[str, FieldValue]:
        """Each word as it is compared, with its value; of two that are alike, that of the first."""
        values: dict[str, FieldValue] = {}
        for word, value in self.words:
            for each in (normalize_word(word), unify_word(word)):
                values.setdefault(each, value)
        return values

    def match_number(self, text: str) -> tuple[float | None, str]:
        """Return the number that a text begins with, if it is within the bounds, and the rest."""
        found = self._match_start(text)
        if found is None or re.match(rf"{_DASH}{_NUMBER}", found[1], re.IGNORECASE):
            return None, text
        return self._find_number(found[0]), found[1]

    def names_its_bounds(self, text: str) -> bool:
        """Return whether a text is the range itself: `1-5`, `0 to 10`."""
        if self.bounds is None:
            return False
        ends = re.fullmatch(rf"({_NUMBER}){_DASH}({_NUMBER})", text.strip(), re.IGNORECASE)
        return ends is not None and tuple(map(float, ends.groups())) == self.bounds

    def _match_start(self, text: str) -> tuple[str, str] | None:
        _, high = self.bounds or (0, 0)
        whole = rf"(?:\s*(?:/|out of|of)\s*{re.escape(f'{high:g}')}(?![\d.]*\d))?"
        percent = r"(?:\s*%)?" if high == 100 else ""  # noqa: PLR2004 - a hundred is per cent
        found = re.match(rf"({_NUMBER}){whole}{percent}", text, re.IGNORECASE)
        return (found.group(), text[found.end() :]) if found else None

    def _find_number(self, text: str) -> float | None:
        found = self._match_start(text)
        if self.bounds is None or found is None or found[1].strip():
            return None
        number = float(re.match(_NUMBER, found[0]).group())  # type: ignore[union-attr]
        return number if self.bounds[0] <= number <= self.bounds[1] else None
