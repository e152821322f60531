"""Counting methods: what a model's prompts are counted with; pinned in a plan.

By default a model's family determines it. The user may choose a custom tokenizer, the provider may
have counted the prompts itself, and an offset may have been learned from earlier bills.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from estimator.count_cache import default_cache, make_cache_key
from estimator.counting.model_families import find_family_tokenizer
from estimator.counting.token_count import NO_VARIABLES, Exactness, TokenCount, Tokenizer
from experiment.prompts import Message

if TYPE_CHECKING:  # most models are counted with their family's
    from estimator.counting.custom_tokenizer import CustomTokenizer

_allowed_downloads: set[str] = set()
# A provider's own count may differ from its bill by this share and this many tokens.
_BILL_MARGIN, _BILL_MARGIN_TOKENS = 0.02, 16


@dataclass(frozen=True, slots=True)
class CountingMethod:
    """How a model's prompts are counted.

    Attributes:
        source: a custom tokenizer, as `load_custom_tokenizer` takes it; empty for the family's.
        fingerprint: that of the custom tokenizer.
        endpoint: base URL of the provider that counted the prompts; empty if it did not.
        offset: tokens by which every bill exceeds the count; None where nothing was learned.
    """

    source: str = ""
    fingerprint: str = ""
    endpoint: str = ""
    offset: int | None = None


@cache
def build_tokenizer(model_id: str, counting: CountingMethod) -> Tokenizer:
    """Return the tokenizer that counts a model's prompts.

    Raises:
        BadTokenizer: the custom tokenizer cannot be loaded.
    """
    base: Tokenizer = (
        cached_custom_tokenizer(counting.source)
        if counting.source
        else find_family_tokenizer(model_id)
    )
    if counting.offset is not None:
        base = CalibratedTokenizer(base, counting.offset)
    return (
        ProviderCountedTokenizer(base, counting.endpoint, model_id) if counting.endpoint else base
    )


def vocabulary_id(model_id: str, counting: CountingMethod) -> str:
    """Return the name of the vocabulary that counts a model's prompts; a changed one differs."""
    return f"{build_tokenizer(model_id, counting).name} {counting.fingerprint[:12]}".rstrip()


@cache
def cached_custom_tokenizer(source: str) -> CustomTokenizer:
    """Load a custom tokenizer once; a path must be absolute.

    Raises:
        BadTokenizer: it cannot be loaded, or would have to be downloaded without `allow_download`.
    """
    from estimator.counting.custom_tokenizer import load_custom_tokenizer  # noqa: PLC0415 - as above

    return load_custom_tokenizer(source, Path("/"), may_download=source in _allowed_downloads)


def allow_download(source: str, *, allowed: bool) -> None:
    """Let this process download a tokenizer, or not: only what the user named or approved."""
    if allowed:
        _allowed_downloads.add(source)
    else:
        _allowed_downloads.discard(source)


class _TokenizerWrapper:
    """Wrap another tokenizer; subclasses change how prompts are counted."""

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


class CalibratedTokenizer(_TokenizerWrapper):
    """Add the offset learned from bills.

    A negative one lowers the count, which a forecast rests on; never the bound that is reserved
    for, nor what a bill is compared with (`PlannedModel.vocabulary`).
    """

    def __init__(self, base: Tokenizer, offset: int) -> None:
        confirmed = offset == 0 and base.exactness is Exactness.EXACT
        super().__init__(base, Exactness.EXACT if confirmed else Exactness.CALIBRATED)
        self._offset = offset
        if not confirmed:
            self.error = f"earlier bills differ by {offset:+d} tokens per prompt"

    def count(
        self, messages: Sequence[Message], template: Mapping[str, object] = NO_VARIABLES
    ) -> TokenCount:
        """Count a prompt."""
        count = self.base.count(messages, template)
        tokens = max(count.tokens + self._offset, 0)
        same = count.exactness is self.base.exactness
        exactness = self.exactness if same else count.exactness
        return TokenCount(tokens, exactness, count.bound + max(self._offset, 0))


class ProviderCountedTokenizer(_TokenizerWrapper):
    """Use the provider's own counts where they are cached; otherwise count locally."""

    def __init__(self, base: Tokenizer, endpoint: str, model_id: str) -> None:
        super().__init__(base, Exactness.PROVIDER)
        self._identity = f"{endpoint} {model_id}"
        self.error = "counted by its provider's endpoint"

    def count(
        self, messages: Sequence[Message], template: Mapping[str, object] = NO_VARIABLES
    ) -> TokenCount:
        """Count a prompt; the endpoint was not told of variables of a template."""
        tokens = None if template else default_cache().get_count(self.cache_key(messages))
        if tokens is None:
            return self.base.count(messages, template)
        bound = tokens + math.ceil(tokens * _BILL_MARGIN) + _BILL_MARGIN_TOKENS
        if self.base.exactness is Exactness.EXACT:  # a provider's count never lowers a reservation
            bound = max(bound, self.base.count(messages).bound)
        return TokenCount(tokens, Exactness.PROVIDER, bound)

    def cache_key(self, messages: Sequence[Message]) -> bytes:
        """Return the cache key of a prompt's count."""
        return make_cache_key(self._identity, json.dumps(messages))
