"""A judge: a model that reads the subjects' answers, and what it says of them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from experiment.definition.field_types import (
    MAX_SAMPLES,
    Again,
    FrozenModel,
    MessageTemplate,
    ShortName,
)
from experiment.definition.judges import DEFAULT_VERDICT, VerdictFormat, When
from experiment.definition.sampling import Sampling

SAYINGS = POSITIVE, NEGATIVE, MISSING = "positive", "negative", "missing"  # of any judge
_NEWER = {"verdict"}  # left out where it is not named, as earlier versions wrote a judge


class Judge(FrozenModel):
    """A model that reads each subject's answer; `when` selects the answers that it reads."""

    name: ShortName
    model: str
    samples: int = Field(1, ge=1, le=MAX_SAMPLES)
    when: When = "always"
    messages: tuple[MessageTemplate, ...] = Field(min_length=1, max_length=1000)
    sampling: Sampling
    again: Again = 0  # how often an unreadable verdict is requested again
    verdict: VerdictFormat | None = None

    @property
    def sayings(self) -> tuple[str, ...]:
        """What the selection of another judge may name of what it says of an answer."""
        return (*SAYINGS, *(self.verdict or DEFAULT_VERDICT).values)

    @model_serializer(mode="wrap")
    def _leave_out_default(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write a judge that names no newer field as earlier versions did."""
        fields: dict[str, Any] = write(self)
        return {k: v for k, v in fields.items() if k not in _NEWER or v is not None}
