"""Fast encoders: fastokens, for the many megabytes of texts that share nothing. Its only user.

It counts long texts four to seven times as fast as splintr, and takes a second or two and 280 MB to
load, so it is loaded only when so much of them was counted that it pays. It is given the tokens
that splintr has, a vocabulary of ranks, as a `tokenizer.json` in which a token may come of any two
that it is made of, as in tiktoken. Before it is used it must count hard strings as splintr does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from estimator.atomic_write import write_bytes_atomically
from estimator.counting.vocabularies.hard_strings import HARD_STRINGS
from estimator.user_dirs import cache_folder

_PAYS_AFTER = 32 << 20  # characters of long texts that were counted without it
_LONG = 2048  # characters; shorter texts are mostly shared, so there are fewer of them
_DIGEST_BYTES = 64
_Ranks = Mapping[bytes, int]  # a token's bytes -> its rank


class FastEncoder:
    """Counts with another encoder until so much was counted that the fast one pays.

    Args:
        name: of the vocabulary, and what else its ranks depend on.
        count: counts without it.
        load_ranks: returns the vocabulary's ranks.
        pattern: that splits ordinary text.
        after: the characters of long texts from which on it pays.
    """

    def __init__(
        self,
        name: str,
        count: Callable[[str], int],
        load_ranks: Callable[[], _Ranks],
        pattern: str,
        after: int = _PAYS_AFTER,
    ) -> None:
        self._name, self._slow, self._count = name, count, count
        self._load_ranks, self._pattern = load_ranks, pattern
        self._left = after

    def __call__(self, text: str) -> int:
        """Count a text."""
        if len(text) < _LONG:
            return self._slow(text)
        if self._left > 0:
            self._left -= len(text)
            if self._left <= 0:
                self.load()
        try:
            return self._count(text)
        except ValueError:  # what it cannot split within its limits
            return self._slow(text)

    def load(self) -> bool:
        """Load the fast encoder now; return whether it is used from here on."""
        self._left = 0
        encode = load_fast_encoder(self._name, self._load_ranks, self._pattern)
        if encode is None or not self._agrees(encode):
            return False
        self._count = encode
        return True

    def _agrees(self, encode: Callable[[str], int]) -> bool:
        try:
            return all(self._slow(each) == encode(each) for each in HARD_STRINGS)
        except ValueError:
            return False


def load_fast_encoder(
    name: str, load_ranks: Callable[[], _Ranks], pattern: str
) -> Callable[[str], int] | None:
    """Return what counts with fastokens; None where it is not there, or cannot take the ranks."""
    try:
        from fastokens._native import Tokenizer  # noqa: PLC0415 - 4 MB, and seldom needed
    except ImportError:  # no wheel for this machine
        return None
    try:
        described = _load_description(name, load_ranks, pattern)
        encode = Tokenizer.from_json_str(described).encode_ordinary
    except (ValueError, OSError):
        return None
    return lambda text: len(encode(text))


def _load_description(name: str, load_ranks: Callable[[], _Ranks], pattern: str) -> str:
    """Return the `tokenizer.json` of a vocabulary; kept in the cache, because it takes seconds."""
    key = hashlib.sha256(f"{name} {pattern}".encode()).hexdigest()[:16]
    path = cache_folder() / "encoders" / f"{key}.json"
    kept = _read_kept(path)
    if kept is None:
        kept = json.dumps(describe_ranks(load_ranks(), pattern)).encode()
        with suppress(OSError):  # then it is made again the next time
            write_bytes_atomically(path, hashlib.sha256(kept).hexdigest().encode() + kept)
    return kept.decode()


def _read_kept(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, kept = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    return kept if hashlib.sha256(kept).hexdigest().encode() == digest else None


def describe_ranks(ranks: _Ranks, pattern: str) -> dict[str, Any]:
    """Return a vocabulary of ranks in the form of a `tokenizer.json`."""
    names = {token: _name_token(token) for token in ranks}
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    return {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [split, bytes_ | {"trim_offsets": True}],
        },
        "post_processor": None,
        "decoder": bytes_ | {"trim_offsets": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,  # a word that is a token is one, as in tiktoken
            "vocab": {names[token]: rank for token, rank in ranks.items()},
            "merges": [[names[left], names[right]] for left, right in _list_merges(ranks)],
        },
    }


def _list_merges(ranks: _Ranks) -> Iterator[tuple[bytes, bytes]]:
    """Yield every two tokens that are a third one together, by the rank of that one."""
    for token in sorted(ranks, key=ranks.__getitem__):
        halves = ((token[:cut], token[cut:]) for cut in range(1, len(token)))
        yield from sorted(
            (pair for pair in halves if pair[0] in ranks and pair[1] in ranks),
            key=lambda pair: (ranks[pair[0]], ranks[pair[1]]),
        )


def _byte_names() -> dict[int, str]:
    """Return the character that stands for each byte in a `tokenizer.json`, as GPT-2 chose them."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in set(printed))
    return {byte: chr(byte) for byte in printed} | {
        byte: chr(256 + number) for number, byte in enumerate(others)
    }


_BYTE_NAMES = _byte_names()


def _name_token(token: bytes) -> str:
    return token.decode("latin-1").translate(_BYTE_NAMES)
