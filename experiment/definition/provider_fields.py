"""Provider fields: what an experiment changes of a built-in provider, or says of its own."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from experiment.definition.base_url import check_base_url
from experiment.yaml_words import read_booleans

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")  # of the environment


def _check_variable_name(name: str) -> str:
    if not VARIABLE_NAME.fullmatch(name):
        raise ValueError("expected the name of an environment variable, such as MY_LAB_KEY")
    return name


VariableName = Annotated[str, AfterValidator(_check_variable_name)]


def _read_capabilities(given: object) -> object:
    """Return a record as a row of `capabilities.yaml` would: its own fields may be booleans."""
    if not isinstance(given, dict):
        return given
    return {
        name: value if isinstance(value, dict | list) else read_booleans(value)
        for name, value in given.items()
    }


class ProviderFields(BaseModel):
    """An experiment's settings for a provider: only what differs from the built-in one."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    kind: Literal["openai", "anthropic", "responses", "google", "none"] | None = None
    base_url: Annotated[str, AfterValidator(check_base_url)] | None = None
    api_key_env: VariableName | None = None
    prefill: Literal["continue", "prefix", "flags", "none"] | None = None
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    # What its models take, as in `providers/capabilities/capabilities.yaml`.
    capabilities: (
        Annotated[dict[str, Any], BeforeValidator(_read_capabilities), Field(max_length=100)] | None
    ) = None
