"""Registry: the known providers, with what an experiment changes and adds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from experiment.definition import ProviderFields
from experiment.errors import BadExperiment
from providers.provider import Provider


def load_providers(overrides: dict[str, ProviderFields]) -> dict[str, Provider]:
    """Return the built-in providers, with the experiment's changes and additions.

    Raises:
        BadExperiment: a new provider without kind or base_url.
    """
    known = dict(builtin_providers())
    for name, fields in overrides.items():
        known[name] = _merge_provider(name, known.get(name), fields)
    return known


@cache
def builtin_providers() -> MappingProxyType[str, Provider]:
    """Return the providers of `providers.yaml` by name."""
    known = {name: Provider(name=name, **fields) for name, fields in _load_builtin().items()}
    return MappingProxyType(known)


def list_changed_fields(provider: Provider) -> tuple[str, ...]:
    """Return how an experiment has a built-in provider spoken to in another way."""
    known = builtin_providers().get(provider.name, provider)
    spoken = ("kind", "prefill", "max_tokens_field")
    return tuple(field for field in spoken if getattr(provider, field) != getattr(known, field))


def _merge_provider(name: str, base: Provider | None, fields: ProviderFields) -> Provider:
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
    return replace(base, **given, builtin_url=given.get("base_url", base.base_url) == base.base_url)


def _load_builtin() -> dict[str, dict[str, Any]]:
    text = (Path(__file__).parent / "providers.yaml").read_text(encoding="utf-8")
    return {
        name: fields | {"api_key_env": tuple(fields.get("api_key_env", ()))}
        for name, fields in yaml.safe_load(text).items()
    }
