"""The fields of an experiment file, and their allowed values.

Everything is frozen, and an unknown field is an error: a misspelt `max_token` that is silently
ignored would cost money.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from experiment.definition.factors import (
    TWO_LEVELS,
    Level,
    choose_compared,
    read_levels,
    refuse_conflicts,
)
from experiment.definition.field_types import (
    MAX_SAMPLES,
    Again,
    CacheRule,
    FileName,
    FrozenModel,
    MessageTemplate,
    ShortName,
    Target,
    Title,
)
from experiment.definition.judge import Judge
from experiment.definition.judges import find_selection_faults, find_unread_kinds
from experiment.definition.provider_fields import ProviderFields
from experiment.definition.queries import QueryFile
from experiment.definition.sampling import MAX_TOKENS, Sampling, SamplingChanges

SUBJECT, PROXY = "subject", "proxy"  # no names of judges
_NO_LONGER = {"free_fields"}  # fields that earlier versions stored
_NAMED_BEFORE = "compliance"  # the judge that measured, before files said which one does
KindRule = Literal["refusal", "missing", "judged"]
KIND_RULES = ("refused", "filtered", "truncated", "empty")  # kinds of which the file says it


class AnswerFormat(FrozenModel):
    """How an answer is parsed: the tags around its parts, and the accept and reject texts.

    `again` is how often an answer without an output is requested again. `refused`, `filtered`,
    `truncated` and `empty` say what an answer of that kind counts as; `judged` gives it to the
    judges like a text.

    An answer without the output tag goes on for up to `turns` requests: with what it has written as
    a prefill, or, where `go_on` is given, after this message of the user.
    """

    output: str = "OUTPUT"
    reasoning: str = "SCRATCHPAD_REASONING"
    accept: str = "<request_fully_accepted/>"
    reject: str = "<rejected/>"
    again: Again = 0
    turns: Annotated[int, Field(ge=1, le=10)] = 1
    go_on: Annotated[str, Field(min_length=1)] | None = None
    refused: KindRule = "refusal"
    filtered: KindRule = "missing"
    truncated: KindRule = "missing"
    empty: KindRule = "missing"


class SequentialTest(FrozenModel):
    """Looks at the gap while the run goes on; it may end at one, by O'Brien-Fleming bounds.

    The gap is the report's: of the compared factor, by the measure, two-sided.
    """

    looks: Annotated[int, Field(ge=2, le=10)]


class SubjectModel(FrozenModel):
    """A model that is measured: its name alone, or with what is different for it.

    `sampling` changes the experiment's, and `cache` takes the place of the experiment's. `batch`
    says whether it is asked in batches; without it, the experiment's own `batch` does.
    """

    name: str
    sampling: SamplingChanges = {}  # noqa: RUF012 - pydantic copies it
    cache: CacheRule | None = None
    batch: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_name(cls, data: object) -> object:
        if isinstance(data, str):
            return {"name": data}
        if not isinstance(data, dict | cls):
            raise ValueError(  # noqa: TRY004 - pydantic expects a ValueError
                "expected a model's name, or {name: NAME, sampling: {…}, batch: yes, cache: auto}"
            )
        return data

    def as_written(self) -> str | dict[str, Any]:
        """Return it as an experiment file writes it."""
        said: dict[str, Any] = {"sampling": dict(self.sampling)} if self.sampling else {}
        said |= {} if self.batch is None else {"batch": self.batch}
        said |= {"cache": self.cache} if self.cache else {}
        return {"name": self.name} | said if said else self.name


class ExperimentSpec(FrozenModel):
    """A whole experiment file.

    `subjects` is called `models` in the file, and in what is stored. `title` is what is asked, in a
    sentence, for those who read the report. `batch` asks all models in batches that have them at a
    known price, but for those of which the file says otherwise. `cache: auto` has providers bill
    what prompts share as cached, wherever that is cheaper.
    """

    name: FileName
    title: Title = ""
    study: FileName | None = None
    subjects: tuple[SubjectModel, ...] = Field((), alias="models")
    factors: dict[ShortName, Annotated[dict[ShortName, Level], Field(min_length=1)]] = Field(
        {}, max_length=64
    )
    queries: QueryFile
    samples: int = Field(1, ge=1, le=MAX_SAMPLES)
    messages: tuple[MessageTemplate, ...] = Field(min_length=1, max_length=1000)
    sampling: Sampling
    cache: CacheRule = "off"
    batch: bool = False
    judges: tuple[Judge, ...] = Field((), max_length=100)
    measure: str | None = None
    answer: AnswerFormat = AnswerFormat(again=0)
    compare: str | None = None
    target: Target = Target.LIKE_THESE
    sequential: SequentialTest | None = None
    expect: dict[
        str,
        Literal["answer", "scratchpad", "verdict"] | Annotated[int, Field(ge=1, le=MAX_TOKENS)],
    ] = Field({})
    providers: dict[ShortName, ProviderFields] = Field({})
    tokenizer: dict[str, str] = Field({})

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the subject models, as written."""
        return tuple(subject.name for subject in self.subjects)

    @property
    def model_sampling(self) -> dict[str, SamplingChanges]:
        """What each subject model changes in `sampling`."""
        return {subject.name: subject.sampling for subject in self.subjects}

    def find_cache_rule(self, stage: str, model: str) -> CacheRule:
        """Return whether what prompts share is to be cached: of a subject model, or of a judge."""
        if stage == SUBJECT:
            own = next((each.cache for each in self.subjects if each.name == model), None)
        else:
            own = next((each.cache for each in self.judges if each.name == stage), None)
        return own or self.cache

    @property
    def compared(self) -> str | None:
        """The factor whose levels are compared; None without factors."""
        return choose_compared(self.factors, self.compare)

    def says_more_of(self, models: Iterable[str]) -> bool:
        """Return whether any of these models has fields of its own, besides its name."""
        own = {
            each.name
            for each in self.subjects
            if each.sampling or each.cache or each.batch is not None
        }
        return not (own | self.expect.keys() | self.tokenizer.keys()).isdisjoint(models)

    def to_stored(self) -> dict[str, Any]:
        """Return the fields as JSON, which `read_stored_spec` reads; as before where it can be."""
        fields = self.model_dump(mode="json", by_alias=True)
        if not self.title:
            del fields["title"]
        if self.target is Target.LIKE_THESE:
            del fields["target"]
        if self.sequential is None:
            del fields["sequential"]
        if self.cache == "off":
            del fields["cache"]
        if not self.batch:
            del fields["batch"]
        return fields

    @field_serializer("subjects")
    def _write_subjects(self, subjects: tuple[SubjectModel, ...]) -> list[str | dict[str, Any]]:
        return [subject.as_written() for subject in subjects]

    @field_validator("subjects")
    @classmethod
    def _check_distinct_models(cls, subjects: tuple[SubjectModel, ...]) -> tuple[SubjectModel, ...]:
        names = Counter(subject.name for subject in subjects)
        if twice := [name for name, times in names.items() if times > 1]:
            raise ValueError(
                f"duplicate models: {', '.join(twice)}; to compare a model with itself, give the "
                "levels of a factor `sampling: {…}`"
            )
        return subjects

    @field_validator("factors", mode="before")
    @classmethod
    def _read_levels(cls, factors: object) -> object:
        return read_levels(factors)

    @field_validator("factors")
    @classmethod
    def _refuse_conflicts(cls, factors: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        refuse_conflicts(factors)
        return factors

    @field_validator("judges")
    @classmethod
    def _check_distinct_judges(cls, judges: tuple[Judge, ...]) -> tuple[Judge, ...]:
        names = [judge.name for judge in judges]
        if not {SUBJECT, PROXY}.isdisjoint(names) or len(set(names)) < len(names):
            raise ValueError(f"names must be unique, and not {SUBJECT!r} or {PROXY!r}: {names}")
        return judges

    @field_validator("judges")
    @classmethod
    def _check_selections(
        cls, judges: tuple[Judge, ...], info: ValidationInfo
    ) -> tuple[Judge, ...]:
        words = {judge.name: judge.sayings for judge in judges}
        if "factors" in info.data and (
            faults := list(find_selection_faults(judges, info.data["factors"], words))
        ):
            raise ValueError("; ".join(faults))
        return judges

    @field_validator("measure")
    @classmethod
    def _check_measure(cls, measure: str | None, info: ValidationInfo) -> str | None:
        names = [PROXY, *(judge.name for judge in info.data.get("judges", ()))]
        if measure is not None and measure not in names:
            raise ValueError(f"{measure!r} is not a judge; known here: {', '.join(names)}")
        free = [j.name for j in info.data.get("judges", ()) if not j.form.has_positives]
        if measure in free:
            raise ValueError(
                f"{measure!r} gives free labels, which have no rate; name some as `positive` in "
                "its `verdict`"
            )
        return measure

    @field_validator("tokenizer", mode="before")
    @classmethod
    def _wrap_single_tokenizer(cls, given: object) -> object:
        return {SUBJECT: given} if isinstance(given, str) else given

    @field_validator("tokenizer")
    @classmethod
    def _check_tokenizer_models(cls, given: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        models = {SUBJECT, *_list_model_names(info)}
        for name in given:
            if name not in models:
                listed = ", ".join(sorted(models))
                raise ValueError(f"{name!r} is not a model in this experiment; models: {listed}")
        return given

    @field_validator("compare")
    @classmethod
    def _check_compared_factor(cls, compare: str | None, info: ValidationInfo) -> str | None:
        factors = info.data.get("factors", {})
        if compare is not None and compare not in factors:
            raise ValueError(
                f"{compare!r} is not a factor; factors: {', '.join(factors) or 'none'}"
            )
        return compare

    @field_validator("sequential")
    @classmethod
    def _check_tested_gap(
        cls, sequential: SequentialTest | None, info: ValidationInfo
    ) -> SequentialTest | None:
        factors = info.data.get("factors", {})
        compared = choose_compared(factors, info.data.get("compare"))
        if sequential is None or "factors" not in info.data or "compare" not in info.data:
            return sequential
        if info.data.get("target") is Target.THESE:
            raise ValueError(
                "its bounds are for a result about queries like these; leave `target` or "
                "`sequential` out"
            )
        if compared is None:
            raise ValueError(
                "it tests the gap between two levels of a factor, and there are no `factors`"
            )
        if (levels := len(factors[compared])) != TWO_LEVELS:
            raise ValueError(
                f"it tests one gap, between two levels, and {compared} has {levels:,} "
                "levels; name a factor of two levels as `compare`, or leave `sequential` out"
            )
        return sequential

    @field_validator("expect")
    @classmethod
    def _check_expected_names(cls, expect: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        factors, judges = info.data.get("factors", {}), info.data.get("judges", ())
        stages = {SUBJECT, *(judge.name for judge in judges)}
        levels = {level for each in factors.values() for level in each}
        known = stages | levels | _list_model_names(info)
        for key in expect:
            if key not in known:
                raise ValueError(
                    f"{key!r} is neither a level, a judge, a model nor {SUBJECT!r}; known here: "
                    f"{', '.join(sorted(known))}"
                )
        return expect

    @model_validator(mode="after")
    def _refuse_unread_kinds(self) -> ExperimentSpec:
        rules = {name: getattr(self.answer, name) for name in KIND_RULES}
        judged = {"text"} | {name for name, rule in rules.items() if rule == "judged"}
        if faults := list(find_unread_kinds(self.judges, judged)):
            raise ValueError("; ".join(faults))
        return self


def _list_model_names(info: ValidationInfo) -> set[str]:
    """Return the names of the models and judges' models that are already validated."""
    subjects, judges = info.data.get("subjects", ()), info.data.get("judges", ())
    return {each.name for each in subjects} | {judge.model for judge in judges}


def read_stored_spec(stored: dict[str, Any]) -> ExperimentSpec:
    """Return the fields that `ExperimentSpec.to_stored` wrote, here or in an earlier version.

    Raises:
        ValueError: they are none.
    """
    fields = {name: value for name, value in stored.items() if name not in _NO_LONGER}
    judges = [judge["name"] for judge in fields.get("judges", ())]
    if "measure" not in fields and _NAMED_BEFORE in judges:
        fields["measure"] = _NAMED_BEFORE
    return ExperimentSpec.model_validate(fields)
