"""Names: which provider and which of its models a written name means.

A bare name (`llama-3.1-70b`) goes through the alias table in `models.yaml`; `provider/model` names
the provider's own id, or an alias at that provider. Nothing here guesses: a near miss is an error
that lists candidates, because a wrong guess would price the wrong model.
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

_MOST_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class ModelName:
    """A resolved name.

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
    def short(self) -> str:
        """The alias if there is one, else the provider's id."""
        return self.alias or self.id

    @property
    def keys(self) -> tuple[str, ...]:
        """The names under which a user may set this model's price."""
        return (self.written, f"{self.provider}/{self.short}", f"{self.provider}/{self.id}")

    def __str__(self) -> str:
        return f"{self.provider}/{self.short}"


def resolve(
    written: str,
    providers: Collection[str],
    is_lab_id: Callable[[str, str], bool],
    offered: Callable[[str, Collection[str]], list[str]] = lambda *_: [],
) -> ModelName:
    """Find what a written name means.

    Args:
        written: `alias`, a lab's own id, `provider/alias` or `provider/id`.
        providers: names of the known providers, the user's own among them.
        is_lab_id: tells whether a lab (an alias table entry under `labs`) has a model of that id.
        offered: gives `provider/id` for every known model of these providers with such an id.

    Raises:
        UnknownModel: with candidates, where no rule gives one provider and one id.
    """
    head, slash, rest = written.partition("/")
    if slash and head in providers and rest:
        return _at_provider(written, head, rest)
    if written in _table()["models"]:
        provider, model_id = next(iter(_table()["models"][written]["at"].items()))
        return ModelName(written, provider, model_id, written)
    labs = [lab for lab in _table()["labs"] if is_lab_id(lab, written)]
    if len(labs) == 1:
        return ModelName(written, labs[0], written, _alias_of(labs[0], written))
    if len(labs) > 1:
        either = ", ".join(f"{lab}/{written}" for lab in labs)
        raise UnknownModel(f"model {written!r} is offered by several labs; write one of {either}")
    raise UnknownModel(_unknown(written, providers, offered(written, providers)))


def _at_provider(written: str, provider: str, rest: str) -> ModelName:
    entry = _table()["models"].get(rest)
    if entry is None:
        return ModelName(written, provider, rest, _alias_of(provider, rest))
    if provider in entry["at"]:
        return ModelName(written, provider, entry["at"][provider], rest)
    return ModelName(written, provider, rest, rest)


def _alias_of(provider: str, model_id: str) -> str | None:
    for alias, entry in _table()["models"].items():
        if entry["at"].get(provider) == model_id:
            return str(alias)
    return None


def moved(written: str, provider: str) -> str:
    """Give the name of a model at another provider: of its alias where it has one."""
    head, _, rest = written.partition("/")
    alias = rest if rest in _table()["models"] else _alias_of(head, rest)
    return f"{provider}/{alias or written}"


def hosts(alias: str | None) -> dict[str, str]:
    """Give the providers of an alias, with its id at each."""
    entry = _table()["models"].get(alias) or {"at": {}}
    return dict(entry["at"])


def aliases() -> list[str]:
    """Give every alias of the table."""
    return list(_table()["models"])


def window(alias: str | None) -> int | None:
    """Give the context window of an alias in tokens, or None where the table has none."""
    entry = _table()["models"].get(alias) or {}
    return entry.get("window")


def _unknown(written: str, providers: Collection[str], offered: list[str]) -> str:
    head, slash, _ = written.partition("/")
    if slash and head not in providers:
        near = difflib.get_close_matches(head, providers, n=3)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        return (
            f"model {written!r}: {head!r} is not a provider; {hint}"
            f"known providers: {', '.join(sorted(providers))}, and those in the experiment file"
        )
    if offered:
        several = ", ".join(offered[:_MOST_CANDIDATES])
        return f"model {written!r} is ambiguous; specify the provider: {several}"
    names = list(_table()["models"])
    near = difflib.get_close_matches(written, names, n=4, cutoff=0.5)
    near += [name for name in names if name.startswith(f"{written}-") and name not in near]
    hint = f"did you mean {', '.join(near[:_MOST_CANDIDATES])}? " if near else ""
    return (
        f"model {written!r} is unknown; {hint}`afcost prices list` shows all names; "
        "write any other model as provider/model."
    )


@cache
def _table() -> dict[str, Any]:
    text = (Path(__file__).parent / "models.yaml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.safe_load(text)
    return table
