"""Families: which tokenizer a model has, and what else is particular to it. Rules are data."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from estimator.counting.chat_formats import FORMATS
from estimator.counting.token_count import Exactness, TokenCount
from estimator.counting.vocabularies.vocabulary import Vocabulary, present, vocabulary
from estimator.data_files import read_yaml
from experiment.prompts.request import Message

_FILE = Path(__file__).with_name("model_families.yaml")
_UNSEEN = 64  # tokens that a template not known here may add, such as a default system prompt
_REFERENCE = "o200k"  # scales are relative to it


@dataclass(frozen=True, slots=True)
class Family:
    """What a family of models has in common; the fields are explained in `model_families.yaml`."""

    name: str
    pattern: str
    vocabulary: str
    format: str
    scale: float
    added: str = "none"
    exactness: Exactness = Exactness.EXACT
    bound: float = 1.0
    error: str = ""
    note: str = ""
    reasons: bool = False
    prefill: bool = True
    fixed_sampling: bool = False
    instead: str = ""
    probe: int = 0


class FamilyTokenizer:
    """Counts with a family's vocabulary and format; scales where they are not the model's own."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.name = family.name
        self.exactness = family.exactness
        self.scale = family.scale
        self.error = family.error
        self._exact = family.exactness is Exactness.EXACT
        self._own = family.vocabulary != _REFERENCE
        self._frame = FORMATS[family.format]

    @property
    def bound_scale(self) -> float:
        """Tokens that are safe to reserve for one token of o200k."""
        if self._exact:
            return self.scale
        return self.scale * self.family.bound if self._own else self.family.bound

    def framed(self, messages: Sequence[Message]) -> int:
        """Count a framed prompt in the tokens of this family's vocabulary."""
        counted, parts = self._frame(messages)
        count = self._vocabulary.count
        for part in parts:
            counted += count(*part)
        return counted

    def count(self, messages: Sequence[Message]) -> TokenCount:
        """Count a prompt; a final assistant message is left open."""
        counted = self.framed(messages)
        if self._exact:
            return TokenCount(counted, Exactness.EXACT, counted)
        size = sum(len(text.encode("utf-8", "replace")) + 16 for _, text in messages)
        factored = math.ceil(counted * self.family.bound) + sum(_foreign(t) for _, t in messages)
        return TokenCount(
            tokens=self._scaled(counted),
            exactness=self.exactness,
            bound=min(factored, size) + _UNSEEN,
        )

    def count_text(self, text: str) -> int:
        """Count a text by itself."""
        return self._scaled(self._vocabulary.count(text))

    def rendered(self, messages: Sequence[Message]) -> str:
        """Give the text of a framed prompt, for comparing it with a published template."""
        return "".join("".join(part) for part in self._frame(messages).parts)

    def _scaled(self, counted: int) -> int:
        return counted if self._own else math.ceil(counted * self.scale)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return vocabulary(self.family.vocabulary, self.family.added)


def _foreign(text: str) -> int:
    """Give the bytes that are not ASCII: each may be a token in a vocabulary that is not known."""
    if text.isascii():
        return 0
    return len(text.encode("utf-8", "replace")) - len(text.encode("ascii", "ignore"))


@cache
def family(model_id: str) -> Family:
    """Find a model's family by its id; the last family in the table takes every id."""
    last = model_id.lower().rpartition("/")[2].partition(":")[0]
    found = next(each for each in families() if re.fullmatch(each.pattern, last))
    if present(found.vocabulary):
        return found
    return next(each for each in families() if each.name == found.instead)


@cache
def tokenizer(model_id: str) -> FamilyTokenizer:
    """Give the tokenizer of a model."""
    return tokenizer_of_family(family(model_id))


@cache
def tokenizer_of_family(family: Family) -> FamilyTokenizer:
    """Give the tokenizer of a family."""
    return FamilyTokenizer(family)


@cache
def families() -> tuple[Family, ...]:
    """Give all families in the order in which they are tried."""
    rows: list[dict[str, Any]] = read_yaml(_FILE)["families"]
    return tuple(
        Family(**row | {"exactness": Exactness(row.get("exactness", "exact"))}) for row in rows
    )
