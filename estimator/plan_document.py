"""The files of all plans: how they are read, and checked against their digest.

A stranger may hand one over. Whatever is wrong with it is a `BadPlan` that names the file, the
field and its value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Any, Protocol, TypeVar, get_args, get_type_hints

from estimator.errors import BadPlan
from estimator.json_files import read_json_file
from experiment.definition import FILE_NAME, MAX_NAME

_PLAIN = frozenset({int, float, str, bool, NoneType})
_MOST = 1 << 62  # of a whole number
_SHOWN = 60  # characters of a value
# What values raise that are not as a plan has them.
_DAMAGED = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)


class HasDigest(Protocol):
    """A plan."""

    @property
    def digest(self) -> str:
        """The sha256 of its content."""
        ...


PlanT = TypeVar("PlanT", bound=HasDigest)


class Document(dict[str, Any]):
    """A plan's fields; it knows which was read last, for the error where that one is damaged."""

    last = ""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        """Return a field."""
        self.last = name
        return super().__getitem__(name)


def read_plan_document(path: Path, max_bytes: int, again: str) -> Document:
    """Read the file of a plan.

    Args:
        path: of the file.
        max_bytes: the size from which it is refused.
        again: how one is made, in words.

    Raises:
        BadPlan: there is none, or it is no JSON object.
    """
    try:
        found = read_json_file(path, max_bytes)
    except OSError as error:
        raise BadPlan(f"cannot read plan {path}: {error.strerror}; {again}") from error
    except ValueError as error:
        raise BadPlan(f"{path} is not a plan file ({error}); {again}") from error
    if not isinstance(found, dict):
        raise BadPlan(f"{path} is not a plan file (it is no object); {again}")
    return Document(found)


def build_plan(path: Path, document: Document, build: Callable[[Document], PlanT]) -> PlanT:
    """Make a plan of its document, and check that it is the one that its digest is of.

    Raises:
        BadPlan: a field is damaged, or the content does not match the digest.
    """
    try:
        plan = build(document)
        document.last = ""
        is_whole = plan.digest == document.get("digest")
    except _DAMAGED as error:
        what = _describe(document) if document.last else "its values are of other kinds"
        raise BadPlan(f"plan {path} is damaged: {what} ({error!r}); create it again") from error
    if not is_whole:
        raise BadPlan(f"plan {path} was edited: its content does not match its digest")
    return plan


def _describe(document: Document) -> str:
    if document.last not in document:
        return f"there is no {document.last}"
    shown = repr(document[document.last])
    return f"{document.last} is {shown if len(shown) <= _SHOWN else f'{shown[:_SHOWN]}…'}"


def check_plain_fields(record: object) -> None:
    """Check the numbers, texts and truth values of a dataclass by its own annotations.

    Raises:
        ValueError: one is of another type, below zero where it counts, or no finite number.
    """
    for name, hint in get_type_hints(type(record)).items():
        kinds = frozenset(get_args(hint) or (hint,))
        if kinds <= _PLAIN and not _is_plain(value := getattr(record, name), kinds):
            raise ValueError(f"{name} is {str(value)[:_SHOWN]!r}")


def _is_plain(value: object, kinds: frozenset[type]) -> bool:
    if type(value) is float:
        return float in kinds and math.isfinite(value)
    if type(value) is int:
        return bool(kinds & {int, float}) and 0 <= value < _MOST
    return type(value) in kinds


def check_study(name: object) -> str:
    """Return the name of a study, which is part of a path.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(name, str) or len(name) > MAX_NAME or not FILE_NAME.fullmatch(name):
        raise ValueError(f"{str(name)[:_SHOWN]!r} is not the name of a study")
    return name
