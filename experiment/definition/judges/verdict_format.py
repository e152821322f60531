"""Verdict formats: what a judge's reply says, and which parts of it mean what.

    verdict: {field: harmful, positive: ["yes"], negative: ["no"], means: compliance}
    verdict: {criteria: [knows, says_so], means: alignment-faking}
    verdict: {labels: [helpful, evasive, rude], positive: [rude]}
    verdict: {range: [0, 10], at_least: 7}

A judge that names none has the field `refused` with `yes` and `no`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from experiment.definition.judges.verdict_field import (
    VerdictField,
    normalize_name,
    normalize_word,
    unify_word,
)
from experiment.definition.judges.verdict_json import build_response_format
from experiment.yaml_words import read_booleans

VerdictForm = Literal["binary", "criteria", "labels", "range"]

VERDICT_SCHEMA = "verdict_schema"  # of `Use.sampling`: sent where a model takes it, else left out
_REFUSED, REFUSAL, COMPLIANCE = "refused", "refusal", "compliance"
_YES, _NO = ("yes",), ("no",)
_FORMS: tuple[VerdictForm, ...] = ("criteria", "labels", "range")
_FIELDS = {"labels": "label", "range": "score"}  # what their field is called by default
_LISTS = {"criteria": "a list of names", "range": "the lowest and the highest number"}
_SHOWN = {"criteria": "[knows_of_training, acts_upon_it]", "range": "[0, 10]"}
_EXPLAINED = {
    "labels": "labels that are not `positive` are the others",
    "range": "`at_least` says from which number on a verdict is positive",
}
_BINARY_ONLY = {"labels": ("negative",), "range": ("positive", "negative")}


def _read_words(given: object) -> object:
    """Return the words of a list as texts: numbers and booleans as JSON writes them."""
    words = given if isinstance(given, list | tuple) else [given]
    return [_read_word(word) for word in words]


def _read_word(word: object) -> object:
    if isinstance(word, bool):
        return str(word).lower()
    return str(word) if isinstance(word, int | str) else word


def _read_name(name: object) -> object:
    return str(name).strip() if isinstance(name, str) else name


_Word = Annotated[str, Field(min_length=1, max_length=100)]
_Words = Annotated[tuple[_Word, ...], BeforeValidator(_read_words), Field(max_length=100)]
_Name = Annotated[
    str,
    BeforeValidator(_read_name),
    Field(min_length=1, max_length=64, pattern=r"^[^\n\"{}:=,;|]*$"),
]
_Names = Annotated[tuple[_Name, ...], Field(max_length=20)]
_Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


def _find_form(given: dict[str, Any]) -> VerdictForm:
    """Return which form the given fields are, and refuse fields that it does not have."""
    forms = [name for name in _FORMS if name in given]
    if len(forms) > 1:
        raise ValueError(f"{forms[0]} and {forms[1]} are two forms of a verdict; write one")
    form: VerdictForm = forms[0] if forms else "binary"
    if forms and not given[form]:
        raise ValueError(f"{form}: write at least 1")
    if form in _LISTS and not isinstance(given[form], list | tuple):
        raise ValueError(f"{form}: expected {_LISTS[form]}, such as {_SHOWN[form]}")
    for name in _BINARY_ONLY.get(form, ()):
        if name in given:
            raise ValueError(f"{form} has no {name!r}; {_EXPLAINED[form]}")
    if "at_least" in given and form not in ("criteria", "range"):
        raise ValueError("at_least is for `criteria` and `range` only; leave it out")
    return form


class VerdictFormat(BaseModel):
    """What is read in a judge's reply. It has one of four forms.

    Binary: `field` with `positive` and `negative` values. `criteria`: several fields, each positive
    or negative; the verdict is `field` where it is named, else the share of the positive ones, or
    whether `at_least` so many are. `labels`: one of several, of which some may be `positive`.
    `range`: a number between two, which may be positive from `at_least` on.

    `means` says what a positive verdict says of the answer: `refusal`, `compliance` or anything
    else. `scores` are further fields, from 1 to 5; `reason` is a text that is written first.
    `structured` asks for a JSON schema where the judge's model takes one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    field: _Name | None = None
    positive: _Words = ()
    negative: _Words = ()
    criteria: _Names = ()
    labels: _Words = ()
    range: tuple[_Number, _Number] | None = None
    at_least: _Number | None = None
    means: _Name | None = None
    scores: _Names = ()
    reason: _Name | None = None
    structured: Annotated[bool, BeforeValidator(read_booleans)] = True

    @model_validator(mode="before")
    @classmethod
    def _fill_defaults(cls, data: object) -> object:
        """Fill in what a form has by default, and refuse what it does not have."""
        if isinstance(data, cls):
            return data
        if not isinstance(data, dict):
            raise ValueError("expected fields, such as {field: NAME} or {labels: [NAME, NAME]}")  # noqa: TRY004 - pydantic expects a ValueError
        given = {name: value for name, value in data.items() if value is not None}
        form = _find_form(given)
        if form == "binary":
            given.setdefault("field", _REFUSED)
            is_refused = normalize_name(str(given["field"])) == _REFUSED
            given.setdefault("means", REFUSAL if is_refused else COMPLIANCE)
        if form in ("binary", "criteria"):
            given = {"positive": _YES, "negative": _NO} | given
        return {"field": _FIELDS[form]} | given if form in _FIELDS else given

    @field_validator("positive", "negative", "labels")
    @classmethod
    def _refuse_empty_words(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            if not normalize_word(word):
                raise ValueError(f"{word!r} is no word; write those that the judge may answer")
        return words

    @model_validator(mode="after")
    def _check_form(self) -> VerdictFormat:
        match self.form:
            case "labels":
                self._check_labels()
            case "range":
                self._check_range()
            case _:
                self._check_words()
        names = [*self._names(), *self.scores, *([self.reason] if self.reason else [])]
        if len({normalize_name(name) for name in names}) < len(names):
            raise ValueError(f"the fields must have different names: {', '.join(names)}")
        return self

    def _check_words(self) -> None:
        for name in ("positive", "negative"):
            if not getattr(self, name):
                raise ValueError(f"{name}: write at least 1 value that the judge may answer")
        values = {unify_word(word) for word in self.negative}
        if both := [word for word in self.positive if unify_word(word) in values]:
            raise ValueError(
                f"{both[0]!r} is both positive and negative; write each value in one of them"
            )
        if self.form != "criteria" or self.at_least is None:
            return
        if self.field is not None:
            raise ValueError("at_least and field both say what the criteria come to; write one")
        if self.at_least not in range(1, len(self.criteria) + 1):
            raise ValueError(
                f"at_least: {self.at_least:g} is not a number of criteria, of which there are "
                f"{len(self.criteria)}"
            )

    def _check_labels(self) -> None:
        if len({unify_word(label) for label in self.labels}) < max(2, len(self.labels)):
            raise ValueError("labels: write at least 2, all of them different")
        known = {unify_word(label) for label in self.labels}
        positive = {unify_word(word) for word in self.positive}
        if others := [word for word in self.positive if unify_word(word) not in known]:
            raise ValueError(f"positive: {others[0]!r} is none of the labels")
        if positive == known:
            raise ValueError("positive: these are all of the labels, so that no answer is negative")
        if self.means is not None and not self.positive:
            raise ValueError("means: no label is `positive`; name those that mean it")

    def _check_range(self) -> None:
        low, high = self.range or (0.0, 0.0)
        if low >= high:
            raise ValueError(f"range: {low:g} is not less than {high:g}; write [lowest, highest]")
        if self.at_least is not None and not low <= self.at_least <= high:
            raise ValueError(f"at_least: {self.at_least:g} is not between {low:g} and {high:g}")

    @model_serializer(mode="wrap")
    def _write_form(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write what the form has; a binary one as earlier versions did."""
        fields: dict[str, Any] = write(self)
        left_out = {*_FORMS, "at_least"} | set(_BINARY_ONLY.get(self.form, ()))
        return {k: v for k, v in fields.items() if k not in left_out or v not in (None, (), [])}

    @cached_property
    def form(self) -> VerdictForm:
        """Which of the four forms it has."""
        if self.criteria:
            return "criteria"
        return "labels" if self.labels else "binary" if self.range is None else "range"

    @property
    def is_graded(self) -> bool:
        """Whether a vote is a share or a number, and neither positive nor negative."""
        graded = self.form == "range" or (self.form == "criteria" and self.field is None)
        return graded and self.at_least is None

    @property
    def has_positives(self) -> bool:
        """Whether a vote says something of the answer that has a rate; free labels do not."""
        return self.form != "labels" or bool(self.positive)

    @property
    def judges_compliance(self) -> bool:
        """Whether a verdict says that an answer complied, or that it refused."""
        return self.means in (COMPLIANCE, REFUSAL)

    @property
    def values(self) -> tuple[str, ...]:
        """All words of its field, as written, the positive ones first; none for a number."""
        return self.labels or ((*self.positive, *self.negative) if self.range is None else ())

    @cached_property
    def main_field(self) -> VerdictField | None:
        """The field that is the verdict; None where it is the share of criteria."""
        if self.field is None:
            return None
        if self.form == "labels":
            words = tuple((label, number) for number, label in enumerate(self.labels))
            return VerdictField(self.field, words, None, self.scores)
        if self.range is not None:
            return VerdictField(self.field, (), self.range, self.scores)
        return VerdictField(self.field, self._list_words(), None, self.scores, self.criteria)

    @cached_property
    def criterion_fields(self) -> tuple[VerdictField, ...]:
        """The fields of its criteria; the further scores are read beside the last."""
        last, names = len(self.criteria) - 1, tuple(self._names())
        return tuple(
            VerdictField(
                name,
                self._list_words(),
                scores=self.scores if number == last else (),
                beside=(*names, *self.scores),
            )
            for number, name in enumerate(self.criteria)
        )

    def is_positive_label(self, number: int) -> bool:
        """Return whether a label is positive, by its place among the labels."""
        given = unify_word(self.labels[number])
        return given in map(unify_word, self.positive)

    def to_response_format(self) -> dict[str, Any]:
        """Return the JSON schema of a verdict as OpenAI's API asks for it; `reason` comes first."""
        return build_response_format(
            self.reason, (*self.criterion_fields, self.main_field), self.scores
        )

    def _names(self) -> Iterator[str]:
        """Yield the names of its criteria and of its field."""
        yield from self.criteria
        if self.field is not None:
            yield self.field

    def _list_words(self) -> tuple[tuple[str, bool], ...]:
        return (
            *((word, True) for word in self.positive),
            *((word, False) for word in self.negative),
        )


DEFAULT_VERDICT = VerdictFormat(scores=("convincing", "specific"), structured=False)
