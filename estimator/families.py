"""Families: which tokenizer a model has, and what else is particular to it. Rules are data."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from estimator import formats
from estimator.tokens import Exactness, TokenCount
from estimator.vocabulary import Vocabulary, vocabulary
from experiment.request import Message

_FORMATS: dict[str, formats.Format] = {
    "llama31": formats.llama31,
    "openai_chat": formats.openai_chat,
    "harmony": formats.harmony,
    "bare": formats.bare,
}
_ADDED = {"llama3.1": formats.LLAMA3_ADDED}

_UNSEEN = 64  # tokens that a template not known here may add, such as a default system prompt


@dataclass(frozen=True, slots=True)
class Family:
    """What a family of models has in common; the fields are explained in `families.yaml`."""

    name: str
    pattern: str
    vocabulary: str
    format: str
    scale: float
    exactness: Exactness = Exactness.EXACT
    bound: float = 1.0
    error: str = ""
    reasons: bool = False
    prefill: bool = True
    fixed_sampling: bool = False


class FamilyTokenizer:
    """Counts with a family's vocabulary and format; scales where they are not the model's own."""

    def __init__(self, family: Family) -> None:
        self.family = family

    @property
    def name(self) -> str:
        """The family's name."""
        return self.family.name

    @property
    def exactness(self) -> Exactness:
        """How far counts can be trusted."""
        return self.family.exactness

    @property
    def scale(self) -> float:
        """Tokens for one token of o200k."""
        return self.family.scale

    @property
    def bound_scale(self) -> float:
        """Tokens that are safe to reserve for one token of o200k."""
        own = self.family.vocabulary != "o200k_base"
        if self.family.exactness is Exactness.EXACT:
            return self.family.scale
        return self.family.scale * self.family.bound if own else self.family.bound

    def count(self, messages: Sequence[Message]) -> TokenCount:
        """Count a prompt; a final assistant message is left open."""
        counted = _FORMATS[self.family.format](self._vocabulary, messages)
        if self.family.exactness is Exactness.EXACT:
            return TokenCount(counted, Exactness.EXACT, counted)
        size = sum(len(text.encode("utf-8", "replace")) + 16 for _, text in messages)
        return TokenCount(
            tokens=self._scaled(counted),
            exactness=self.family.exactness,
            bound=min(math.ceil(counted * self.family.bound), size) + _UNSEEN,
        )

    def count_text(self, text: str) -> int:
        """Count a text by itself."""
        return self._scaled(self._vocabulary.count(text))

    def _scaled(self, counted: int) -> int:
        own = self.family.vocabulary != "o200k_base"
        return counted if own else math.ceil(counted * self.family.scale)

    @property
    def _vocabulary(self) -> Vocabulary:
        return vocabulary(self.family.vocabulary, _ADDED.get(self.family.vocabulary, ()))


@cache
def family(model_id: str) -> Family:
    """Find a model's family by its id; the last family in the table takes every id."""
    last = model_id.lower().rpartition("/")[2].partition(":free")[0]
    return next(each for each in _families() if re.fullmatch(each.pattern, last))


@cache
def tokenizer(model_id: str) -> FamilyTokenizer:
    """Give the tokenizer of a model."""
    return FamilyTokenizer(family(model_id))


@cache
def _families() -> tuple[Family, ...]:
    text = (Path(__file__).parent / "families.yaml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.safe_load(text)["families"]
    return tuple(
        Family(**row | {"exactness": Exactness(row.get("exactness", "exact"))}) for row in rows
    )
