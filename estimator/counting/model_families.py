"""Model families: which tokenizer and chat format a model has; the rules are data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estimator.counting.template_variables import template_margin
from estimator.counting.token_count import NO_VARIABLES, Exactness, TokenCount
from estimator.counting.vocabularies import is_vocabulary_available
from experiment.prompts import Message
from pricing.catalog import canonical_id
from pricing.data_files import read_data_file

if TYPE_CHECKING:  # where all counts are cached, nothing is counted
    from estimator.counting.chat_formats import ChatFormat
    from estimator.counting.vocabularies import Vocabulary

_FILE = Path(__file__).with_name("model_families.yaml")
_TEMPLATE_MARGIN = 64  # tokens that an unknown template may add, such as a system prompt
_REFERENCE_VOCABULARY = "o200k"  # scales are relative to it


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """What a family of models has in common; `model_families.yaml` explains the fields."""

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
    instead: str = ""
    probe: int = 0
    quiet_format: str = ""


class FamilyTokenizer:
    """Counts with a family's vocabulary and chat format; scales if they are another family's."""

    def __init__(self, family: ModelFamily) -> None:
        self.family = family
        self.name = family.name
        self.exactness = family.exactness
        self.scale = family.scale
        self.error = family.error
        self._exact = family.exactness is Exactness.EXACT
        self._own = family.vocabulary != _REFERENCE_VOCABULARY

    @property
    def bound_scale(self) -> float:
        """Return the tokens that are safe to reserve for one token of o200k."""
        if self._exact:
            return self.scale
        return self.scale * self.family.bound if self._own else self.family.bound

    def count_framed(self, messages: Sequence[Message]) -> int:
        """Count a framed prompt in tokens of this family's vocabulary."""
        markers, parts = self._frame(messages)
        count = self._vocabulary.count
        return markers + sum(count(*part) for part in parts)

    def count(
        self, messages: Sequence[Message], template: Mapping[str, object] = NO_VARIABLES
    ) -> TokenCount:
        """Count a prompt; a final assistant message is left open."""
        if template:
            return self._count_with_variables(messages, template)
        counted = self.count_framed(messages)
        if self._exact:
            return TokenCount(counted, Exactness.EXACT, counted)
        size = sum(len(text.encode("utf-8", "replace")) + 16 for _, text in messages)
        non_ascii = sum(_count_non_ascii_bytes(text) for _, text in messages)
        scaled = math.ceil(counted * self.family.bound) + non_ascii
        return TokenCount(
            tokens=self._scale_count(counted),
            exactness=self.exactness,
            bound=min(scaled, size) + _TEMPLATE_MARGIN,
        )

    def _count_with_variables(
        self, messages: Sequence[Message], template: Mapping[str, object]
    ) -> TokenCount:
        """Count with the variables of a template, exactly where it is known what they do."""
        if self.family.quiet_format and template.keys() == {"enable_thinking"}:
            thinks = template["enable_thinking"] is not False
            return (self if thinks else self._quiet).count(messages)
        count = self.count(messages)
        margin = template_margin(self.count_text, messages, template)
        return TokenCount(count.tokens, Exactness.APPROXIMATE, count.bound + margin)

    def count_text(self, text: str) -> int:
        """Count a text by itself."""
        return self._scale_count(self._vocabulary.count(text))

    def render_prompt(self, messages: Sequence[Message]) -> str:
        """Return the text of a framed prompt, for comparison with a published template."""
        return "".join("".join(part) for part in self._frame(messages).parts)

    def _scale_count(self, counted: int) -> int:
        return counted if self._own else math.ceil(counted * self.scale)

    @cached_property
    def _quiet(self) -> FamilyTokenizer:
        """Return the tokenizer of a chat in which thinking is turned off."""
        return FamilyTokenizer(replace(self.family, format=self.family.quiet_format))

    @cached_property
    def _frame(self) -> ChatFormat:
        from estimator.counting.chat_formats import CHAT_FORMATS  # noqa: PLC0415 - as above

        return CHAT_FORMATS[self.family.format]

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        from estimator.counting.vocabularies import load_vocabulary  # noqa: PLC0415 - as above

        return load_vocabulary(self.family.vocabulary, self.family.added)


def _count_non_ascii_bytes(text: str) -> int:
    """Return the number of non-ASCII bytes: each may be a token in an unknown vocabulary."""
    if text.isascii():
        return 0
    return len(text.encode("utf-8", "replace")) - len(text.encode("ascii", "ignore"))


@cache
def find_family(model_id: str) -> ModelFamily:
    """Find a model's family by its id; the last family in the table matches every id."""
    name = canonical_id(model_id)
    family = next(each for each in load_families() if re.fullmatch(each.pattern, name))
    if is_vocabulary_available(family.vocabulary) or not family.instead:
        return family
    return next(each for each in load_families() if each.name == family.instead)


@cache
def find_family_tokenizer(model_id: str) -> FamilyTokenizer:
    """Return the family tokenizer of a model."""
    return make_family_tokenizer(find_family(model_id))


@cache
def make_family_tokenizer(family: ModelFamily) -> FamilyTokenizer:
    """Return the tokenizer of a family."""
    return FamilyTokenizer(family)


@cache
def load_families() -> tuple[ModelFamily, ...]:
    """Load all families, in the order in which they are tried."""
    rows: list[dict[str, Any]] = read_data_file(_FILE)["families"]
    return tuple(
        ModelFamily(**row | {"exactness": Exactness(row.get("exactness", "exact"))}) for row in rows
    )
