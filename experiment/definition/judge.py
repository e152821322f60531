"""A judge: a model that reads the subjects' answers, and what it says of them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from experiment.definition.field_types import (
    MAX_SAMPLES,
    Again,
    CacheRule,
    FrozenModel,
    MessageTemplate,
    ShortName,
)
from experiment.definition.judges import (
    DEFAULT_VERDICT,
    Selection,
    VerdictFormat,
    VoteRule,
    When,
)
from experiment.definition.sampling import Sampling

SAYINGS = POSITIVE, NEGATIVE, MISSING = "positive", "negative", "missing"  # of any judge
# Left out where they are not named, as earlier versions wrote a judge.
_NEWER: dict[str, Any] = {
    "verdict": None,
    "counts": "share",
    "one_request": True,
    "batch": None,
    "cache": None,
}


class Judge(FrozenModel):
    """A model that reads each subject's answer.

    `when` selects the answers that it reads, `samples` is how many votes it has on each, and
    `counts` is how they make one value. The votes are asked for in one request where the provider
    bills its prompt once; `one_request: no` asks for each in a request of its own. `batch` says
    whether it is asked in batches; without it, the experiment's own `batch` does.
    `cache` takes the place of the experiment's.
    """

    name: ShortName
    model: str
    samples: int = Field(1, ge=1, le=MAX_SAMPLES)
    when: When = "always"
    messages: tuple[MessageTemplate, ...] = Field(min_length=1, max_length=1000)
    sampling: Sampling
    again: Again = 0  # how often an unreadable verdict is requested again
    verdict: VerdictFormat | None = None
    counts: VoteRule = "share"
    one_request: bool = True
    cache: CacheRule | None = None
    batch: bool | None = None

    @property
    def form(self) -> VerdictFormat:
        """What is read in its replies."""
        return self.verdict or DEFAULT_VERDICT

    @property
    def meaning(self) -> str:
        """What a positive verdict says of an answer: what the file says, else the judge's name."""
        return self.form.means or self.name

    @model_validator(mode="after")
    def _check_counts(self) -> Judge:
        """Refuse a rule that counts positive votes where a vote is neither positive nor negative.

        A number is a rule for graded votes as well: for their mean.
        """
        if self.counts == "share" or (self.form.is_graded and isinstance(self.counts, float)):
            return self
        if not self.form.has_positives:
            raise ValueError(f"counts: {self.counts}: no label is `positive`; name those that are")
        if self.form.is_graded:
            what = "a number" if self.form.range else "a share of criteria"
            raise ValueError(
                f"counts: {self.counts}: a vote is {what}; say with `at_least` in `verdict` from "
                "where on it is positive"
            )
        return self

    @property
    def reads_a_share(self) -> bool:
        """Whether some of the answers that it reads stand for others that it does not."""
        return isinstance(self.when, Selection) and (self.when.rest or 1.0) < 1

    @property
    def sayings(self) -> tuple[str, ...]:
        """What the selection of another judge may name of what it says of an answer."""
        return (*SAYINGS, *self.form.values)

    @model_serializer(mode="wrap")
    def _leave_out_default(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write a judge that names no newer field as earlier versions did."""
        fields: dict[str, Any] = write(self)
        return {k: v for k, v in fields.items() if k not in _NEWER or v != _NEWER[k]}
