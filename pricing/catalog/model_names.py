"""Model names: which provider and which of its models a written name means.

A bare name (`llama-3.1-70b`) goes through the alias table in `models.yaml`; `provider/model` names
the provider's own id, or an alias at that provider. Names are never guessed: a near miss is an
error that lists candidates, because a wrong guess would price the wrong model.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pricing.errors import UnknownModel

_MAX_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class ModelName:
    """A resolved model name.

    Attributes:
        written: the name as the experiment or the user wrote it.
        provider: where requests go.
        id: what that provider calls the model.
        alias: the common name, where the alias table has one.
    """

    written: str
    provider: str
    id: str
    alias: str | None = None

    @property
    def short_name(self) -> str:
        """The alias if there is one, else the provider's id."""
        return self.alias or self.id

    @property
    def price_keys(self) -> tuple[str, ...]:
        """The names under which a user may set this model's price."""
        return (self.written, f"{self.provider}/{self.short_name}", f"{self.provider}/{self.id}")

    def __str__(self) -> str:
        return f"{self.provider}/{self.short_name}"


def resolve_model_name(
    model_name_as_written: str,
    providers: Collection[str],
    is_lab_id: Callable[[str, str], bool],
    candidates: Callable[[str, Collection[str]], list[str]] = lambda *_: [],
) -> ModelName:
    """Resolve a written model name to a provider and its model.

    Args:
        model_name_as_written: `alias`, a lab's own id, `provider/alias` or `provider/id`.
        providers: names of the known providers, the user's own among them.
        is_lab_id: returns whether a lab (an entry under `labs` in the alias table) has this id.
        candidates: returns `provider/id` for every known model of these providers with this id.

    Raises:
        UnknownModel: with candidates, where no rule leads to one provider and one id.
    """
    head, slash, rest = model_name_as_written.partition("/")
    if slash and head in providers and rest:
        return _resolve_at_provider(model_name_as_written, head, rest)
    if model_name_as_written in _load_alias_table()["models"]:
        provider, model_id = next(
            iter(_load_alias_table()["models"][model_name_as_written]["at"].items())
        )
        return ModelName(model_name_as_written, provider, model_id, model_name_as_written)
    labs = [lab for lab in _load_alias_table()["labs"] if is_lab_id(lab, model_name_as_written)]
    if len(labs) == 1:
        return ModelName(
            model_name_as_written,
            labs[0],
            model_name_as_written,
            _find_alias(labs[0], model_name_as_written),
        )
    if len(labs) > 1:
        either = ", ".join(f"{lab}/{model_name_as_written}" for lab in labs)
        raise UnknownModel(
            f"model {model_name_as_written!r} is offered by several labs; write one of {either}"
        )
    raise UnknownModel(
        _unknown_model_message(
            model_name_as_written, providers, candidates(model_name_as_written, providers)
        )
    )


def _resolve_at_provider(
    model_name_as_written: str, provider: str, model_id_or_alias: str
) -> ModelName:
    entry = _load_alias_table()["models"].get(model_id_or_alias)
    if entry is None:
        return ModelName(
            model_name_as_written,
            provider,
            model_id_or_alias,
            _find_alias(provider, model_id_or_alias),
        )
    if provider in entry["at"]:
        return ModelName(model_name_as_written, provider, entry["at"][provider], model_id_or_alias)
    return ModelName(model_name_as_written, provider, model_id_or_alias, model_id_or_alias)


def _find_alias(provider: str, model_id: str) -> str | None:
    for alias, entry in _load_alias_table()["models"].items():
        if entry["at"].get(provider) == model_id:
            return str(alias)
    return None


def at_provider(model_name_as_written: str, provider: str) -> str:
    """Return a model's name at another provider, by its alias where it has one."""
    head, _, rest = model_name_as_written.partition("/")
    alias = rest if rest in _load_alias_table()["models"] else _find_alias(head, rest)
    return f"{provider}/{alias or model_name_as_written}"


def provider_ids(alias: str | None) -> dict[str, str]:
    """Return the providers of an alias, with the model's id at each."""
    entry = _load_alias_table()["models"].get(alias) or {"at": {}}
    return dict(entry["at"])


def list_aliases() -> list[str]:
    """Return every alias in the table."""
    return list(_load_alias_table()["models"])


def find_context_window(alias: str | None) -> int | None:
    """Return the context window of an alias in tokens, or None where the table has none."""
    entry = _load_alias_table()["models"].get(alias) or {}
    return entry.get("window")


def _unknown_model_message(
    model_name_as_written: str, providers: Collection[str], candidates: list[str]
) -> str:
    head, slash, _ = model_name_as_written.partition("/")
    if slash and head not in providers:
        near = difflib.get_close_matches(head, providers, n=3)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        return (
            f"model {model_name_as_written!r}: {head!r} is not a provider; {hint}"
            f"known providers: {', '.join(sorted(providers))}, and those in the experiment file"
        )
    if candidates:
        several = ", ".join(candidates[:_MAX_CANDIDATES])
        return f"model {model_name_as_written!r} is ambiguous; specify the provider: {several}"
    names = list(_load_alias_table()["models"])
    near = difflib.get_close_matches(model_name_as_written, names, n=4, cutoff=0.5)
    near += [
        name for name in names if name.startswith(f"{model_name_as_written}-") and name not in near
    ]
    hint = f"did you mean {', '.join(near[:_MAX_CANDIDATES])}? " if near else ""
    return (
        f"model {model_name_as_written!r} is unknown; {hint}`afcost prices list` shows all names; "
        "write any other model as provider/model."
    )


@cache
def _load_alias_table() -> dict[str, Any]:
    text = (Path(__file__).parent / "models.yaml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.safe_load(text)
    return table
