"""Registry: the known providers, with what an experiment changes and adds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from experiment.definition import ProviderFields, check_field_name
from experiment.errors import BadExperiment
from pricing.catalog import ModelName, find_meaning, provider_ids
from pricing.data_files import read_data_file
from providers.capabilities import parse_record
from providers.provider import Provider

# What `max_tokens` is called: another name might be no limit, and then no cost has a ceiling.
_LIMIT_FIELDS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens")


def load_providers(overrides: dict[str, ProviderFields]) -> dict[str, Provider]:
    """Return the built-in providers, with the experiment's changes and additions.

    Raises:
        BadExperiment: a new provider without kind or base_url, or a capability that is none.
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


def find_builtin_name(written: str) -> str | None:
    """Return the built-in provider that a name, here or in other tools, means; None if none."""
    known = builtin_providers()
    return written if written in known else find_meaning(written)


def list_changed_fields(provider: Provider) -> tuple[str, ...]:
    """Return how an experiment has a built-in provider spoken to in another way."""
    known = builtin_providers().get(provider.name, provider)
    spoken = ("kind", "prefill", "max_tokens_field", "capabilities")
    return tuple(field for field in spoken if getattr(provider, field) != getattr(known, field))


def describe_unsent(provider: Provider, names: Iterable[ModelName]) -> str:
    """Return that requests to a provider of which only prices are known are not sent, and the mend.

    Args:
        provider: of the kind `none`.
        names: of the models that are planned there.
    """
    others = [other for name in names if (other := _find_other(name))]
    elsewhere = f" ({', '.join(dict.fromkeys(others))})" if others else ""
    own = (
        f", or, where it takes them in OpenAI's form for you, write into the experiment file "
        f'`providers: {{{provider.name}: {{kind: openai, base_url: "{provider.openai_url}", '
        f"api_key_env: {next(iter(provider.api_key_env), 'VARIABLE')}}}}}`"
    )
    return (
        f"{provider.name}: this version prices requests to it and sends none. Name another "
        f"provider of the same model{elsewhere}{own if provider.openai_url else ''}"
    )


def _find_other(name: ModelName) -> str | None:
    """Return a model at the first provider of its alias that requests can be sent to."""
    known = builtin_providers()
    sent = (each for each in provider_ids(name.alias) if each in known)
    found = next((each for each in sent if known[each].kind != "none"), None)
    return found and f"{found}/{name.alias}"


def _merge_provider(name: str, base: Provider | None, fields: ProviderFields) -> Provider:
    given = {
        field: value
        for field in type(fields).model_fields
        if (value := getattr(fields, field)) is not None
    }
    _check_capabilities(name, given.get("capabilities", {}))
    if "api_key_env" in given:
        given["api_key_env"] = (given["api_key_env"],)
    if base is None:
        if given.get("kind") == "none":  # nothing is sent there
            return Provider(name=name, **({"base_url": "", "prefill": "none"} | given))
        if missing := {"kind", "base_url"} - given.keys():
            raise BadExperiment(
                f"providers.{name}: a new provider needs {' and '.join(sorted(missing))}, "
                f"such as {{kind: openai, base_url: http://localhost:8000/v1}}"
            )
        return Provider(name=name, **given, builtin_url=False)
    own = (base.base_url, *base.other_urls)
    return replace(base, **given, builtin_url=given.get("base_url", base.base_url) in own)


def _check_capabilities(name: str, given: Mapping[str, Any]) -> None:
    """Check what an experiment says that a provider's models take.

    Raises:
        BadExperiment: names the place.
    """
    for field, value in given.items():
        if field == "limit_field" and value not in _LIMIT_FIELDS:
            known = ", ".join(_LIMIT_FIELDS)
            raise BadExperiment(
                f"providers.{name}.capabilities.{field}: {value!r} is not known to limit answers; "
                f"known: {known}"
            )
        try:
            record = parse_record({field: value})
            for rule in [
                *record.get("fields", {}).values(),
                *record.get("while_reasoning", {}).values(),
            ]:
                if rule.name:
                    check_field_name(rule.name)
        except (ValueError, TypeError, AttributeError) as error:
            raise BadExperiment(f"providers.{name}.capabilities.{field}: {error}") from error


def _load_builtin() -> dict[str, dict[str, Any]]:
    rows = read_data_file(Path(__file__).with_name("providers.yaml"))
    lists = ("api_key_env", "other_urls")
    return {
        name: fields | {each: tuple(fields.get(each, ())) for each in lists}
        for name, fields in rows.items()
    }
