"""The fields of an experiment file, and what each may hold.

Everything is frozen, and an unknown field is an error: a misspelt `max_token` that is silently
ignored would cost money.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SUBJECT = "subject"

_SAMPLING = {
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
}
_SET_BY_AFCOST = {"model", "messages", "system", "stream", "stream_options"}
_CHANGES_THE_BILL = {
    "n": "write `samples: N`; each sample is a request of its own",
    "best_of": "write `samples: N`; each sample is a request of its own",
    "max_completion_tokens": "write `max_tokens`; it is sent under the provider's own name",
    "max_output_tokens": "write `max_tokens`; it is sent under the provider's own name",
    "service_tier": "its price is not known here",
    "tools": "tool calls are not priced here",
    "plugins": "plugins are not priced here",
    "web_search_options": "searches are not priced here",
    "cache_control": "asking for cache writes is not priced here",
    "inference_geo": "its surcharge is not known here",
    "speed": "its price is not known here",
}

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\s/][^/\n]*$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Queries(_Frozen):
    """Where the queries stand. Formats: csv, jsonl, txt (one query a line)."""

    file: str
    column: str | None = None
    limit: int | None = Field(None, ge=1)


class MessageTemplate(_Frozen):
    """One message; `content` is a jinja2 template."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(BaseModel):
    """What is sent beside the messages. Fields unknown here go to the provider as they stand."""

    model_config = ConfigDict(extra="allow", frozen=True)

    max_tokens: int = Field(ge=1)

    @model_validator(mode="before")
    @classmethod
    def _nothing_that_changes_the_bill(cls, data: Any) -> Any:  # noqa: ANN401 - as pydantic gives it
        for field in data if isinstance(data, dict) else ():
            if field in _CHANGES_THE_BILL:
                raise ValueError(f"{field} is refused here: {_CHANGES_THE_BILL[field]}")
            if field in _SET_BY_AFCOST:
                raise ValueError(f"{field} is set by afcost; remove it")
            near = difflib.get_close_matches(str(field), _SAMPLING, n=1, cutoff=0.85)
            if near and field not in _SAMPLING:
                raise ValueError(f"unknown field {field!r}; did you mean {near[0]}?")
        return data

    def as_sent(self) -> dict[str, Any]:
        """Give all fields, `max_tokens` among them."""
        return self.model_dump()


class Judge(_Frozen):
    """A model that reads each subject's answer; `when` names the answers that it reads."""

    name: Name
    model: str
    samples: int = Field(1, ge=1)
    when: Literal["always", "answered", "not-refused", "accepted"] = "always"
    messages: tuple[MessageTemplate, ...] = Field(min_length=1)
    sampling: Sampling


class AnswerFormat(_Frozen):
    """How an answer is read: the tags around its parts, and the texts of the proxy."""

    output: str = "OUTPUT"
    reasoning: str = "SCRATCHPAD_REASONING"
    accept: str = "<request_fully_accepted/>"
    reject: str = "<rejected/>"


class ProviderFields(_Frozen):
    """What an experiment says of a provider: only what differs from the built-in one."""

    kind: Literal["openai", "anthropic"] | None = None
    base_url: str | None = Field(None, pattern=r"^https?://")
    api_key_env: str | None = None
    prefill: Literal["continue", "prefix", "flags", "none"] | None = None
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None


class Spec(_Frozen):
    """A whole experiment file."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
    models: tuple[str, ...] = ()
    factors: dict[Name, Annotated[dict[Name, dict[str, Any]], Field(min_length=1)]] = {}
    queries: Queries
    samples: int = Field(1, ge=1)
    messages: tuple[MessageTemplate, ...] = Field(min_length=1)
    sampling: Sampling
    judges: tuple[Judge, ...] = ()
    answer: AnswerFormat = AnswerFormat()
    compare: str | None = None
    expect: dict[str, Literal["answer", "scratchpad", "verdict"] | Annotated[int, Field(ge=1)]] = {}
    providers: dict[Name, ProviderFields] = {}

    @field_validator("factors", mode="before")
    @classmethod
    def _level_names_are_text(cls, factors: Any) -> Any:  # noqa: ANN401 - as pydantic gives it
        for factor, levels in factors.items() if isinstance(factors, dict) else ():
            for level in levels if isinstance(levels, dict) else ():
                if not isinstance(level, str):
                    raise ValueError(  # noqa: TRY004 - pydantic takes ValueError only
                        f"level {level!r} of {factor} must be quoted: YAML reads it "
                                     f"as {type(level).__name__}")  # fmt: skip
        return {f: {k: v or {} for k, v in ls.items()} for f, ls in factors.items()}

    @model_validator(mode="after")
    def _names_fit_together(self) -> Spec:
        names = [judge.name for judge in self.judges]
        if SUBJECT in names or len(set(names)) < len(names):
            raise ValueError(f"judges: names must differ, and none may be {SUBJECT!r}: {names}")
        if self.compare is not None and self.compare not in self.factors:
            known = ", ".join(self.factors) or "none"
            raise ValueError(f"compare: {self.compare!r} is not a factor; there are: {known}")
        levels = {level for factor in self.factors.values() for level in factor}
        for key in self.expect:
            if key not in levels | set(names) | {SUBJECT}:
                raise ValueError(f"expect: {key!r} is neither a level, a judge nor {SUBJECT!r}")
        return self
