"""Vocabularies: how many tokens a text has. The only module that knows splintr.

Text is split at the tokenizer's own added tokens, which are hard boundaries, and the ordinary
segments between them are counted once each: prompts share most of their text. Only
`encode_ordinary` is used, because splintr's other encoders also match tokens of its own invention.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

_SEGMENTS_KEPT = 8192


class Vocabulary:
    """A byte-level BPE vocabulary with its added tokens.

    Args:
        name: splintr's name of the vocabulary.
        added: the added tokens, each of which counts as one wherever it stands in a text.
    """

    def __init__(self, name: str, added: tuple[str, ...] = ()) -> None:
        import splintr  # noqa: PLC0415 - 19 MB, and only needed to count

        self._encoder: Any = splintr.Tokenizer.from_pretrained(name)
        self._encoder.encode_ordinary("qzxjv")  # builds the merges now, not within a run
        longest_first = sorted(added, key=len, reverse=True)
        self._added = re.compile("|".join(map(re.escape, longest_first))) if added else None
        self._segment = lru_cache(maxsize=_SEGMENTS_KEPT)(self._count_segment)

    def count(self, text: str) -> int:
        """Count the tokens of a text, added tokens among them."""
        text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates become "?"
        if self._added is None:
            return self._segment(text)
        found = self._added.findall(text)
        return len(found) + sum(map(self._segment, self._added.split(text)))

    def _count_segment(self, text: str) -> int:
        return len(self._encoder.encode_ordinary(text)) if text else 0


@cache
def vocabulary(name: str, added: tuple[str, ...] = ()) -> Vocabulary:
    """Load a vocabulary once."""
    return Vocabulary(name, added)
