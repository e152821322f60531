"""The second opinion: tiktoken, with the same ranks, on strings that are hard to count."""

from __future__ import annotations

import unicodedata

from estimator.counting.vocabularies.hard_strings import HARD_STRINGS
from estimator.counting.vocabularies.sources import load_vocabulary_sources
from estimator.counting.vocabularies.tiktoken_encoder import make_tiktoken
from estimator.counting.vocabularies.vocabulary import load_ranks, load_vocabulary

_SHOWN = 40  # characters of a string


def list_ranked_vocabularies() -> list[str]:
    """Return the vocabularies that tiktoken can load: those that have ranks."""
    return [name for name, source in load_vocabulary_sources().items() if source.ranks]


def compare_with_tiktoken(name: str) -> list[str]:
    """Return where tiktoken counts otherwise, as text for people; empty where both agree.

    Raises:
        NoVocabulary: tiktoken is not there.
        ValueError: it cannot take the ranks.
    """
    source = load_vocabulary_sources()[name]
    encoding = make_tiktoken(source, load_ranks(name))
    count = load_vocabulary(name).count
    form = source.normalise
    told = ((each, len(encoding.encode_ordinary(_normalise(form, each)))) for each in HARD_STRINGS)
    return [
        f"{each[:_SHOWN]!r} is {count(each)} tokens, and {theirs} by tiktoken"
        for each, theirs in told
        if count(each) != theirs
    ]


def _normalise(form: str, text: str) -> str:
    return unicodedata.normalize(form, text) if form else text  # type: ignore[arg-type]
