"""Types that several parts of an experiment file share."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from experiment.yaml_words import read_booleans

MAX_SAMPLES = 1_000_000_000
ShortName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\s/][^/\n]*$")]

FILE_NAME, MAX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"), 80
FileName = Annotated[str, Field(pattern=rf"^{FILE_NAME.pattern}$", max_length=MAX_NAME)]

Title = Annotated[str, Field(max_length=300, pattern=r"^[^\n\r]*$")]

Again = Annotated[int, BeforeValidator(read_booleans), Field(ge=0, le=10)]  # `no` is 0


CacheRule = Literal["auto", "off"]  # whether shared beginnings of prompts are to be cached


class Target(StrEnum):
    """What a result is about: queries like those that were asked, or these alone."""

    LIKE_THESE = "queries-like-these"
    THESE = "these-queries"


class FrozenModel(BaseModel):
    """Fields of which an unknown one is an error, and that nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class MessageTemplate(FrozenModel):
    """One message; `content` is a jinja2 template."""

    role: Literal["system", "user", "assistant"]
    content: str
