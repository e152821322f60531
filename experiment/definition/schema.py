"""The fields of an experiment file, and their allowed values.

Everything is frozen, and an unknown field is an error: a misspelt `max_token` that is silently
ignored would cost money.
"""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

SUBJECT = "subject"
_RESERVED_NAMES = {"query", "output", "reasoning", "file", "raw", "self"}  # in templates

_SAMPLING_FIELDS = {
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "stop",
    "logit_bias",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "reasoning_effort",
    "reasoning",
    "thinking",
    "response_format",
    "service_tier",
    "inference_geo",
    "speed",
}
_SET_BY_AFCOST = {"model", "messages", "system", "stream", "stream_options"}
_BILLING_FIELDS = {
    "n": "write `samples: N`; each sample is a separate request",
    "best_of": "write `samples: N`; each sample is a separate request",
    "max_completion_tokens": "write `max_tokens`; it is sent under the provider's own field name",
    "max_output_tokens": "write `max_tokens`; it is sent under the provider's own field name",
    "processing": "afcost cannot send batches; price them with `afcost estimate --batch`",
    "tools": "afcost cannot price tool calls",
    "plugins": "afcost cannot price plugins",
    "web_search_options": "afcost cannot price searches",
    "cache_control": "afcost cannot price requested cache writes",
}

_MAX_TOKENS = 100_000_000  # of one answer; no model writes as many
_MAX_SAMPLES = 1_000_000_000
ShortName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\s/][^/\n]*$")]

FILE_NAME, MAX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"), 80
FileName = Annotated[str, Field(pattern=rf"^{FILE_NAME.pattern}$", max_length=MAX_NAME)]


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
    """Request fields besides the messages. Unknown fields are passed on to the provider."""

    model_config = ConfigDict(extra="allow", frozen=True)

    max_tokens: int = Field(ge=1, le=_MAX_TOKENS)

    @model_validator(mode="before")
    @classmethod
    def _refuse_billing_fields(cls, data: object) -> object:
        for field in data if isinstance(data, dict) else ():
            if field in _BILLING_FIELDS:
                raise ValueError(f"{field} is not allowed: {_BILLING_FIELDS[field]}")
            if field in _SET_BY_AFCOST:
                raise ValueError(f"{field} is set by afcost; remove it")
            near = difflib.get_close_matches(str(field), _SAMPLING_FIELDS, n=1, cutoff=0.85)
            if near and field not in _SAMPLING_FIELDS:
                raise ValueError(f"unknown field {field!r}; did you mean {near[0]}?")
        return data

    def request_fields(self) -> dict[str, Any]:
        """Return all fields, including `max_tokens`."""
        return self.model_dump()


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

    kind: Literal["openai", "anthropic"] | None = None
    base_url: str | None = Field(None, pattern=r"^https?://")
    api_key_env: str | None = None
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
