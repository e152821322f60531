"""Counting: what a model's prompts are counted with; pinned in a plan.

By itself a model's family says it. A user may name a tokenizer of her own, a provider's count
endpoint may have been asked, and earlier bills may have taught an offset.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from estimator.count_cache import counts, key_of
from estimator.counting.custom_tokenizer import HubTokenizer, load
from estimator.counting.model_families import tokenizer
from estimator.counting.token_count import Exactness, TokenCount, Tokenizer
from experiment.prompts.request import Message

_MARGIN, _FEW = 0.02, 16  # a provider's own count may differ from its bill by so much


@dataclass(frozen=True, slots=True)
class Counting:
    """How a model's prompts are counted.

    Attributes:
        source: a tokenizer of the user's own, as `hub.load` takes it; empty for the family's.
        fingerprint: of what the source gave.
        endpoint: where the provider counts: its base URL; empty where it was not asked.
        offset: tokens that every bill has above the count; None where nothing was learned.
    """

    source: str = ""
    fingerprint: str = ""
    endpoint: str = ""
    offset: int | None = None


@cache
def tokenizer_of(model_id: str, counting: Counting) -> Tokenizer:
    """Give what counts a model's prompts.

    Raises:
        BadTokenizer: the user's tokenizer cannot be loaded.
    """
    base: Tokenizer = hub(counting.source) if counting.source else tokenizer(model_id)
    if counting.offset is not None:
        base = Calibrated(base, counting.offset)
    return Provided(base, counting.endpoint, model_id) if counting.endpoint else base


def identity(model_id: str, counting: Counting) -> str:
    """Name the vocabulary that counts a model's prompts; one that was changed is another."""
    return f"{tokenizer_of(model_id, counting).name} {counting.fingerprint[:12]}".rstrip()


@cache
def hub(source: str) -> HubTokenizer:
    """Load a tokenizer of the user's, once; a path must be absolute."""
    return load(source, Path("/"))


class _Wrapped:
    """Another tokenizer, but for the counts of prompts."""

    def __init__(self, base: Tokenizer, exactness: Exactness) -> None:
        self.base = base
        self.name = base.name
        self.exactness = exactness
        self.error = ""
        self.scale = base.scale
        self.bound_scale = base.bound_scale

    def count_text(self, text: str) -> int:
        """Count a text by itself."""
        return self.base.count_text(text)


class Calibrated(_Wrapped):
    """Adds the offset that bills taught. A negative one lowers the count, but never the bound."""

    def __init__(self, base: Tokenizer, offset: int) -> None:
        confirmed = offset == 0 and base.exactness is Exactness.EXACT
        super().__init__(base, Exactness.EXACT if confirmed else Exactness.CALIBRATED)
        self._offset = offset
        if not confirmed:
            self.error = f"earlier bills differ by {offset:+d} tokens per prompt"

    def count(self, messages: Sequence[Message]) -> TokenCount:
        """Count a prompt."""
        count = self.base.count(messages)
        tokens = max(count.tokens + self._offset, 0)
        return TokenCount(tokens, self.exactness, count.bound + max(self._offset, 0))


class Provided(_Wrapped):
    """Takes the provider's own counts, where they were asked for before; else counts as before."""

    def __init__(self, base: Tokenizer, endpoint: str, model_id: str) -> None:
        super().__init__(base, Exactness.PROVIDER)
        self._identity = f"{endpoint} {model_id}"
        self.error = "counted by its provider's endpoint"

    def count(self, messages: Sequence[Message]) -> TokenCount:
        """Count a prompt."""
        tokens = counts().count(self.key(messages))
        if tokens is None:
            return self.base.count(messages)
        bound = tokens + math.ceil(tokens * _MARGIN) + _FEW
        if self.base.exactness is Exactness.EXACT:  # a provider's word does not lower a reservation
            bound = max(bound, self.base.count(messages).bound)
        return TokenCount(tokens, Exactness.PROVIDER, bound)

    def key(self, messages: Sequence[Message]) -> bytes:
        """Give what the cache keeps a prompt's count under."""
        return key_of(self._identity, json.dumps(messages))
