"""The fields of an experiment file, and their allowed values.

Everything is frozen, and an unknown field is an error: a misspelt `max_token` that is silently
ignored would cost money.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from experiment.definition.base_url import check_base_url
from experiment.definition.sampling_fields import (
    check_field_name,
    check_sampling_field,
    is_known_field,
)

SUBJECT = "subject"
_RESERVED_NAMES = {"query", "output", "reasoning", "file", "raw", "self"}  # in templates

_MAX_TOKENS = 100_000_000  # of one answer; no model writes as many
_MAX_SAMPLES = 1_000_000_000
ShortName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\s/][^/\n]*$")]

FILE_NAME, MAX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"), 80
FileName = Annotated[str, Field(pattern=rf"^{FILE_NAME.pattern}$", max_length=MAX_NAME)]

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")  # of the environment


def _check_variable_name(name: str) -> str:
    if not VARIABLE_NAME.fullmatch(name):
        raise ValueError("expected the name of an environment variable, such as MY_LAB_KEY")
    return name


VariableName = Annotated[str, AfterValidator(_check_variable_name)]


class _FrozenModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QueryFile(_FrozenModel):
    """The file of queries. Formats: csv, jsonl, txt (one query a line)."""

    file: str
    column: str | None = None
    limit: int | None = Field(None, ge=1)


class MessageTemplate(_FrozenModel):
    """One message; `content` is a jinja2 template."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(BaseModel):
    """Request fields besides the messages, sent to the provider as they stand."""

    model_config = ConfigDict(extra="allow", frozen=True)

    max_tokens: int = Field(ge=1, le=_MAX_TOKENS)

    @model_validator(mode="before")
    @classmethod
    def _check_fields(cls, data: object) -> object:
        if isinstance(data, dict):
            for name, value in data.items():
                check_sampling_field(name, value)
        return data

    def request_fields(self) -> dict[str, Any]:
        """Return all fields, including `max_tokens`."""
        return self.model_dump()

    def unknown_fields(self) -> list[str]:
        """Return the fields of which it is not known what they do to the price."""
        return [name for name in self.request_fields() if not is_known_field(name)]


class Judge(_FrozenModel):
    """A model that reads each subject's answer; `when` selects the answers that it reads."""

    name: ShortName
    model: str
    samples: int = Field(1, ge=1, le=_MAX_SAMPLES)
    when: Literal["always", "answered", "not-refused", "accepted"] = "always"
    messages: tuple[MessageTemplate, ...] = Field(min_length=1, max_length=1000)
    sampling: Sampling
    again: int = Field(0, ge=0, le=10)  # how often an unreadable verdict is requested again


class AnswerFormat(_FrozenModel):
    """How an answer is parsed: the tags around its parts, and the accept and reject texts.

    `again` is how often an answer without an output is requested again.
    """

    output: str = "OUTPUT"
    reasoning: str = "SCRATCHPAD_REASONING"
    accept: str = "<request_fully_accepted/>"
    reject: str = "<rejected/>"
    again: int = Field(0, ge=0, le=10)


class ProviderFields(_FrozenModel):
    """An experiment's settings for a provider: only what differs from the built-in one."""

    kind: Literal["openai", "anthropic", "responses", "google"] | None = None
    base_url: Annotated[str, AfterValidator(check_base_url)] | None = None
    api_key_env: VariableName | None = None
    prefill: Literal["continue", "prefix", "flags", "none"] | None = None
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None


class ExperimentSpec(_FrozenModel):
    """A whole experiment file."""

    name: FileName
    study: FileName | None = None
    models: tuple[str, ...] = ()
    factors: dict[ShortName, Annotated[dict[ShortName, dict[str, Any]], Field(min_length=1)]] = (
        Field({}, max_length=64)
    )
    queries: QueryFile
    samples: int = Field(1, ge=1, le=_MAX_SAMPLES)
    messages: tuple[MessageTemplate, ...] = Field(min_length=1, max_length=1000)
    sampling: Sampling
    free_fields: tuple[str, ...] = ()  # of `sampling`, that cost nothing as the author says
    judges: tuple[Judge, ...] = Field((), max_length=100)
    answer: AnswerFormat = AnswerFormat(again=0)
    compare: str | None = None
    expect: dict[
        str,
        Literal["answer", "scratchpad", "verdict"] | Annotated[int, Field(ge=1, le=_MAX_TOKENS)],
    ] = {}
    providers: dict[ShortName, ProviderFields] = {}
    tokenizer: dict[str, str] = {}

    @field_validator("models")
    @classmethod
    def _check_distinct_models(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(models)) < len(models):
            raise ValueError(f"duplicate models: {', '.join(models)}")
        return models

    @field_validator("free_fields")
    @classmethod
    def _check_free_fields(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            check_field_name(name)
        return names

    @field_validator("factors", mode="before")
    @classmethod
    def _check_levels(cls, factors: object) -> object:
        if not isinstance(factors, dict) or not all(isinstance(f, dict) for f in factors.values()):
            raise ValueError("expected factor: {level: {variable: value}}")
        for factor, levels in factors.items():
            for level, given in levels.items():
                if not isinstance(level, str):
                    read = type(level).__name__
                    raise ValueError(  # noqa: TRY004 - pydantic expects a ValueError
                        f"level {level!r} of {factor} must be quoted: YAML reads it as {read}"
                    )
                if reserved := _RESERVED_NAMES & set(given or ()):
                    name = min(reserved)
                    raise ValueError(f"level {level} sets {name!r}, which is a reserved name")
        return {f: {k: v or {} for k, v in levels.items()} for f, levels in factors.items()}

    @field_validator("judges")
    @classmethod
    def _check_distinct_judges(cls, judges: tuple[Judge, ...]) -> tuple[Judge, ...]:
        names = [judge.name for judge in judges]
        if SUBJECT in names or len(set(names)) < len(names):
            raise ValueError(f"names must be unique and not {SUBJECT!r}: {names}")
        return judges

    @field_validator("tokenizer", mode="before")
    @classmethod
    def _wrap_single_tokenizer(cls, given: object) -> object:
        return {SUBJECT: given} if isinstance(given, str) else given

    @field_validator("tokenizer")
    @classmethod
    def _check_tokenizer_models(cls, given: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        models = {SUBJECT, *info.data.get("models", ())}
        models |= {judge.model for judge in info.data.get("judges", ())}
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

    @field_validator("expect")
    @classmethod
    def _check_expected_names(cls, expect: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        factors, judges = info.data.get("factors", {}), info.data.get("judges", ())
        stages = {SUBJECT, *(judge.name for judge in judges)}
        levels = {level for each in factors.values() for level in each}
        for key in expect:
            if key not in stages | levels:
                raise ValueError(f"{key!r} is neither a level, a judge nor {SUBJECT!r}")
        return expect
