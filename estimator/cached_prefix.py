"""Cached prefixes: what the prompts of a stage begin with, and what their provider bills less for.

They are chosen with the plan (`estimator.caching`) and pinned in it, so that a run marks what was
approved. A forecast takes each request's part of them from here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from experiment.prompts import CacheMark
from pricing.rates import RateCard

PrefixKey = tuple[str, str, str]  # stage, model as written, condition


@dataclass(frozen=True, slots=True)
class CachedPrefix:
    """A prefix that the requests of a model share in one stage.

    Attributes:
        stage: `subject`, or a judge's name.
        conditions: in which prompts begin with it.
        mark: how it is marked.
        tokens: that it has, by the count that the forecast uses.
        written: the share of the requests that are expected to write it; all others read it.
    """

    stage: str
    conditions: tuple[str, ...]
    mark: CacheMark
    tokens: int
    written: float

    def extra_cost(self, card: RateCard, prompt: int) -> float:
        """Return what an average request costs more than without, in US dollars: below zero.

        Args:
            card: the price.
            prompt: tokens of the whole prompt, which decide the context tier.
        """
        full, read, write = (
            float(card.rate_of_class(name).price_at(prompt))
            for name in ("input", "cache_read", name_write_class(card, self.mark))
        )
        each = self.written * write + (1 - self.written) * read
        return min(self.tokens, prompt) * (each - full) / 1e6

    def to_json(self) -> dict[str, Any]:
        """Return it as a plan pins it."""
        return {
            "stage": self.stage,
            "conditions": list(self.conditions),
            "key": self.mark.key,
            "messages": self.mark.messages,
            "keep": self.mark.keep,
            "bound": self.mark.bound,
            "tokens": self.tokens,
            "written": self.written,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CachedPrefix:
        """Read what `to_json` returned.

        Raises:
            ValueError: its figures are none, so that a plan with it is damaged.
        """
        mark = CacheMark(data["key"], data["messages"], data["keep"], data["bound"])
        found = cls(data["stage"], tuple(data["conditions"]), mark, data["tokens"], data["written"])
        if mark.keep not in ("5m", "1h", None) or not 0 <= found.written <= 1:
            raise ValueError(f"{data} is no cached prefix")
        return found


def name_write_class(card: RateCard, mark: CacheMark) -> str:
    """Return the token class in which the tokens of a prefix are billed when it is written."""
    if mark.keep is None:
        return "cache_write" if card.writes_unasked else "input"
    return "cache_write_1h" if mark.keep == "1h" else "cache_write"


class _Caching(Protocol):
    """A planned model."""

    @property
    def caching(self) -> tuple[CachedPrefix, ...]:
        """The prefixes of its prompts that are cached."""
        ...


def index_prefixes(models: Mapping[str, _Caching]) -> dict[PrefixKey, CachedPrefix]:
    """Return which prefix is cached of the requests of each stage, model and condition."""
    return {
        (prefix.stage, written, condition): prefix
        for written, model in models.items()
        for prefix in model.caching
        for condition in prefix.conditions
    }


def split_prompt(prefix: CachedPrefix, requests: float) -> tuple[int, int]:
    """Return how many tokens so many requests are expected to read, and to write."""
    written = prefix.tokens * requests * prefix.written
    return math.floor(prefix.tokens * requests - written + 0.5), math.floor(written + 0.5)
