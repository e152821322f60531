"""Providers: where requests can go, as data. The built-in ones, and what an experiment changes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from experiment.definition.schema import ProviderFields
from experiment.errors import BadExperiment


@dataclass(frozen=True, slots=True)
class Provider:
    """One place to send requests to.

    Attributes:
        name: as in `provider/model`.
        kind: the wire format, `openai` or `anthropic`; `none` where only prices are known.
        base_url: up to, but without, the route.
        api_key_env: environment variables that may hold the key; empty where none is needed.
        prefill: how a final assistant message is taken: continue, prefix, flags or none.
        max_tokens_field: what `max_tokens` is called on the wire.
        model_prefix: put before a model's id on the wire.
        cost_field: where `usage` states the cost of a request in USD, if anywhere.
        estimate_field: where `usage` states what the provider only estimates.
        standard_tier: the `service_tier` that asks for the standard price, where a setting of the
            user's account could otherwise choose a dearer one.
        max_price: whether it takes `provider.max_price`, as OpenRouter does.
        builtin_url: False where the user sends this provider's requests elsewhere.
    """

    name: str
    kind: str
    base_url: str
    api_key_env: tuple[str, ...] = ()
    prefill: str = "continue"
    max_tokens_field: str = "max_tokens"
    model_prefix: str = ""
    cost_field: str | None = None
    estimate_field: str | None = None
    max_price: bool = False
    standard_tier: str = ""
    builtin_url: bool = True

    def wire_model(self, model_id: str) -> str:
        """Give a model's id as it stands on the wire, with the prefix once."""
        prefix = "" if model_id.startswith(self.model_prefix) else self.model_prefix
        return prefix + model_id


def api_key(provider: Provider) -> str | None:
    """Give the first key that the environment holds for a provider; None without one."""
    for variable in provider.api_key_env:
        if key := os.environ.get(variable, "").strip():
            return key
    return None


def providers(own: dict[str, ProviderFields]) -> dict[str, Provider]:
    """Give the built-in providers, with what an experiment changes or adds.

    Raises:
        BadExperiment: a new provider without kind or base_url.
    """
    known = {name: Provider(name=name, **fields) for name, fields in _builtin().items()}
    for name, fields in own.items():
        known[name] = _merged(name, known.get(name), fields)
    return known


def _merged(name: str, base: Provider | None, fields: ProviderFields) -> Provider:
    given: dict[str, Any] = fields.model_dump(exclude_none=True)
    if "api_key_env" in given:
        given["api_key_env"] = (given["api_key_env"],)
    if base is None:
        if missing := {"kind", "base_url"} - given.keys():
            raise BadExperiment(
                f"providers.{name}: a new provider needs {' and '.join(sorted(missing))}, "
                f"such as {{kind: openai, base_url: http://localhost:8000/v1}}"
            )
        return Provider(name=name, **given, builtin_url=False)
    merged = {slot: getattr(base, slot) for slot in Provider.__slots__} | given
    return Provider(**merged | {"builtin_url": "base_url" not in given and base.builtin_url})


@cache
def _builtin() -> dict[str, dict[str, Any]]:
    text = (Path(__file__).parent / "providers.yaml").read_text(encoding="utf-8")
    return {
        name: fields | {"api_key_env": tuple(fields.get("api_key_env", ()))}
        for name, fields in yaml.safe_load(text).items()
    }
