"""Words of a placeholder: as many as make a number of tokens, the same ones for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

# Most vocabularies have each of them as one token.
_WORDS = (
    *("the", "small", "river", "and", "old", "house", "with", "green", "garden", "near"),
    *("this", "quiet", "road", "from", "open", "window", "into", "bright", "morning", "where"),
    *("many", "people", "walk", "over", "long", "bridge", "after", "warm", "summer", "rain"),
    *("they", "often", "speak", "about", "good", "music", "under", "large", "trees", "while"),
    *("some", "birds", "turn", "toward", "clear", "water", "before", "early", "evening"),
)
_SENTENCE = 9  # words
_NAME, _NAMED_FROM = "placeholder", 3  # words: found again in a program's files, it says what it is
_STEP = 5  # through the words; it shares no factor with their number


def say_words(seed: bytes, count: int, nth: int = 0) -> str:
    """Return so many words in sentences; fewer of them are the beginning of more.

    Args:
        seed: has the words be others.
        count: of words.
        nth: tells texts of one seed apart.
    """
    start = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big") + nth
    words = [_WORDS[(start + at * _STEP) % len(_WORDS)] for at in range(count)]
    if count >= _NAMED_FROM:
        words = [_NAME, *words[:-1]]
    sentences = [words[at : at + _SENTENCE] for at in range(0, count, _SENTENCE)]
    return " ".join(f"{' '.join(each).capitalize()}." for each in sentences)


def fit_words(write: Callable[[int], str], tokens: int, count: Callable[[str], int]) -> str:
    """Return the longest text of at most so many tokens, or the one of the fewest words.

    Args:
        write: returns the text with so many words, from 1 on.
        tokens: it may have.
        count: counts a text's.
    """
    low, high = 1, max(tokens, 1)
    while low < high:
        middle = (low + high + 1) // 2
        if count(write(middle)) <= tokens:
            low = middle
        else:
            high = middle - 1
    return write(low)


def cut_text(text: str, tokens: int, count: Callable[[str], int]) -> str:
    """Return the beginning of a text that has at most so many tokens."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[:middle]) <= tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low]
