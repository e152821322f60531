"""Factors: crossed, each with levels that set template variables, and may change `sampling`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from pydantic import ConfigDict
from typing_extensions import TypedDict

from experiment.definition.sampling import EXTRA, SamplingChanges
from experiment.yaml_words import YamlWord, read_booleans

SAMPLING: Final = "sampling"  # of a level; everything else in it is a variable
TWO_LEVELS = 2
_RESERVED_NAMES = {"query", "output", "reasoning", "file", "raw", "self"}  # in templates


class Level(TypedDict, total=False):
    """The variables that a level sets, and what it changes in `sampling`."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    sampling: SamplingChanges


def read_levels(factors: object) -> object:
    """Return the factors of a file, with the words among their variables as booleans.

    Raises:
        ValueError: a level has no name, or sets a variable of a reserved name.
    """
    if not isinstance(factors, dict) or not all(isinstance(f, dict) for f in factors.values()):
        raise ValueError("expected factor: {level: {variable: value}}")
    for factor, levels in factors.items():
        for level, given in levels.items():
            _check_level(factor, level, given)
    return {f: {k: _read_level(v) for k, v in levels.items()} for f, levels in factors.items()}


def refuse_conflicts(factors: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Refuse levels of two factors that set a field of `sampling` to different values.

    Every level of a factor meets every level of another one in some condition. Of each field at
    most two values of the factors before are kept: a third differs from one of them in any case.

    Raises:
        ValueError: names both levels.
    """
    before: dict[str, dict[str, str]] = {}
    for factor, levels in factors.items():
        here: dict[str, dict[str, str]] = {}
        for level, field, value in _list_settings(levels):
            for other, place in before.get(field, {}).items():
                if other != value:
                    raise ValueError(
                        f"levels {place} and {factor}.{level} both set {field} in `sampling`, to "
                        f"{other[:60]} and {value[:60]}, and they meet in one condition; set it in "
                        "one factor only"
                    )
            here.setdefault(field, {}).setdefault(value, f"{factor}.{level}")
        for field, values in here.items():
            known = before.setdefault(field, {})
            known.update(list(values.items())[: 2 - len(known)])


def choose_compared(factors: Mapping[str, Collection[str]], compare: str | None) -> str | None:
    """Return the factor whose levels are compared.

    By default the first of two levels, else the first.

    Args:
        factors: factor -> its levels.
        compare: what the file names.
    """
    if compare or not factors:
        return compare
    binary = (name for name, levels in factors.items() if len(levels) == TWO_LEVELS)
    return next(binary, next(iter(factors)))


def _check_level(factor: object, level: object, given: object) -> None:
    if not isinstance(level, str):
        read = type(level).__name__
        raise ValueError(  # noqa: TRY004 - pydantic expects a ValueError
            f"level {level!r} of {factor} must be quoted: YAML reads it as {read}"
        )
    named = given if isinstance(given, dict | list | tuple) else ()
    if reserved := _RESERVED_NAMES.intersection(n for n in named if isinstance(n, str)):
        name = min(reserved)
        mend = (
            "; write `sampling: {reasoning: …}` to change what is sent"
            if name == "reasoning"
            else ""
        )
        raise ValueError(f"level {level} sets {name!r}, which is a reserved name{mend}")


def _read_level(given: Any) -> Any:  # noqa: ANN401 - YAML's
    if given is None or given == {}:
        return {}
    if not isinstance(given, dict):
        return str(given) if isinstance(given, YamlWord) else given
    return {k: v if k == SAMPLING else read_booleans(v) for k, v in given.items()}


def _list_settings(levels: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Yield level, field and value, as text, of everything that levels set in `sampling`."""
    for level, given in levels.items():
        changes = given.get(SAMPLING, {})
        inner = changes.get(EXTRA) or {}
        for name, value in changes.items():
            if name != EXTRA or not inner:
                yield level, name, json.dumps(value, sort_keys=True)
        for name, value in inner.items():
            yield level, f"{EXTRA}.{name}", json.dumps(value, sort_keys=True)
