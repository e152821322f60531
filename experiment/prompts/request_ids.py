"""Request ids: digests of what is sent, so that an answer is found again whatever it was called.

A subject's id is made of the content of its request (model, sampling and messages as they are
sent) and of the draw: which sample it is and, where several requests of a plan have the same
content, which of them in the plan's order. A query's index and a condition's name are labels: they
have no part in it. The first letter of an id says which recipe made it; earlier versions had none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from experiment.definition import SUBJECT
from experiment.prompts.request import Message

SUBJECT_MARK, VERDICT_MARK = "s", "v"  # no digest begins with either
_LONG_TEXT = 10_000  # characters
_DIGITS = 23  # of a digest, after the mark
_HEX_DIGITS = 64  # of a whole digest


class Place(NamedTuple):
    """Where a request of an earlier version stood, which was a part of its id.

    Attributes:
        model: as the experiment writes it.
        condition: the cell's name.
        query, sample: their numbers, from 0.
    """

    model: str
    condition: str
    query: int
    sample: int


class OccurrenceCounter:
    """Counts, in the plan's order, how many requests before had the same content.

    It keeps eight bytes of each digest: two contents with the same eight would only be counted as
    one, and have different ids all the same.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._repeated: dict[int, int] = {}

    def count(self, content: str) -> int:
        """Return how many requests with this content came before; 0 for the first."""
        key = int(content[:16], 16)
        if key not in self._seen:
            self._seen.add(key)
            return 0
        self._repeated[key] = self._repeated.get(key, 0) + 1
        return self._repeated[key]

    def forget(self) -> None:
        """Forget all contents, where no later one can be the same."""
        self._seen.clear()
        self._repeated.clear()


def digest_subjects(
    contents: Sequence[bytes | bytearray], fresh: Container[int], samples: int
) -> tuple[str, dict[tuple[int, int], int]]:
    """Return the digest of the ids of all subject requests, and how often their contents repeat.

    Args:
        contents: of each cell, in the plan's order: the digests of what its queries send, of 32
            bytes each, one after the other.
        fresh: the cells from which on no content can be one of an earlier cell.
        samples: of each query.

    Returns:
        the sha256 of the ids in the plan's order; (cell, query) -> how many requests with the same
        content come before, where that is not 0.
    """
    digest, counter, found = hashlib.sha256(), OccurrenceCounter(), dict[tuple[int, int], int]()
    for cell, part in enumerate(contents):
        if cell in fresh:
            counter.forget()
        texts = part.hex()
        for query, start in enumerate(range(0, len(texts), _HEX_DIGITS)):
            content = texts[start : start + _HEX_DIGITS]
            if occurrence := counter.count(content):
                found[cell, query] = occurrence
            for sample in range(samples):
                digest.update(name_subject(content, sample, occurrence).encode())
    return digest.hexdigest(), found


def digest_content(use: str, messages: Iterable[Message]) -> str:
    """Return the digest of what a request sends.

    Args:
        use: what all requests of its model and condition send beside the messages.
        messages: as they are sent.
    """
    said = use
    for role, text in messages:
        said += f"\n{role} {hash_text(text)}"
    return hashlib.sha256(said.encode()).hexdigest()


def name_subject(content: str, sample: int, occurrence: int) -> str:
    """Return the id of a subject request.

    Args:
        content: the digest of what it sends.
        sample: which sample, from 0.
        occurrence: how many requests of the plan with the same content come before it.
    """
    if not sample and not occurrence:
        return f"{SUBJECT_MARK}{content[:_DIGITS]}"
    again = f" {occurrence}" if occurrence else ""
    drawn = hashlib.sha256(f"{content} {sample}{again}".encode()).hexdigest()
    return f"{SUBJECT_MARK}{drawn[:_DIGITS]}"


def name_subject_of_before(place: Place, messages: Iterable[Message], sampling: str) -> str:
    """Return the id that earlier versions gave a subject request.

    Args:
        place: where it stands in its plan.
        messages: as rendered, with a final assistant message that is empty.
        sampling: its sampling fields as JSON.
    """
    texts = [(role, hash_text(text)) for role, text in messages]
    identity = [SUBJECT, *place, 0, None, texts]
    return hash_text(f"{json.dumps(identity)}{sampling}")[:24]


def name_verdict(*identity: str) -> str:
    """Return the id of a verdict, made of texts of one line that tell it from others."""
    digest = hashlib.sha256("\n".join(identity).encode()).hexdigest()
    return f"{VERDICT_MARK}{digest[:_DIGITS]}"


def name_verdict_of_before(identity: list[Any]) -> str:
    """Return the id of a verdict on an answer that an earlier version asked for."""
    return f"{VERDICT_MARK}{hash_text(json.dumps(identity))[:_DIGITS]}"


def is_of_before(job: str) -> bool:
    """Return whether an earlier version made the id of a subject request."""
    return not job.startswith(SUBJECT_MARK)


def digest_values(values: Mapping[str, Any]) -> str:
    """Return a digest of a template's variables: values as YAML has them."""
    return hash_text(json.dumps(values, sort_keys=True, default=str))


def hash_text(text: str) -> str:
    """Return the sha256 of a text, remembered for the texts that many requests share."""
    return _hash_short(text) if len(text) < _LONG_TEXT else _hash_long(text)


@lru_cache(maxsize=4096)
def _hash_short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_hash_long = lru_cache(maxsize=16)(_hash_short.__wrapped__)  # each may have megabytes
