"""Cuts: a template as texts with places for values, where its syntax tree shows that it is no more.

Most templates only insert values, as in `{{ query }}`, and files. What such a template says in one
condition is joined from a few texts, which takes a tenth of the time of rendering it. Anything
else, a filter, a loop, a value that is no text, is left to jinja.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jinja2 import nodes

from experiment.definition import ROW

MARK = "\ue00d"  # begins what stands for a carriage return while jinja renders
_MAX_CHARACTERS = 1 << 20  # of a text that is joined: less than a rendering saves up for
_PRINTED = (str, int, float, bool)  # constants whose text is that of `str`


class Slot(NamedTuple):
    """A place for a value: a variable, or a column of the query's row."""

    name: str
    column: str | None = None


class Insertion(NamedTuple):
    """A call of `file` or `raw`, with the path or the variable that holds it."""

    function: str
    path: str | Slot


Part = str | Slot | Insertion


def list_parts(tree: nodes.Template) -> tuple[Part, ...] | None:
    """Return the parts of a parsed template; None where it does more than insert texts."""
    parts = [
        _read_part(each) if isinstance(output, nodes.Output) else None
        for output in tree.body
        for each in (output.nodes if isinstance(output, nodes.Output) else (output,))
    ]
    found = [each for each in parts if each is not None]
    return tuple(found) if len(found) == len(parts) else None


def _read_part(node: nodes.Node) -> Part | None:
    match node:
        case nodes.TemplateData(data=text):
            return str(text)
        case nodes.Name(name=name, ctx="load"):
            return Slot(name)
        case nodes.Getitem(node=nodes.Name(name="row"), arg=nodes.Const(value=str(column))):
            return Slot(ROW, column)
        case nodes.Getattr(node=nodes.Name(name="row"), attr=column) if not hasattr(dict, column):
            return Slot(ROW, column)
        case nodes.Call(
            node=nodes.Name(name="file" | "raw" as function),
            args=[argument],
            kwargs=[],
            dyn_args=None,
            dyn_kwargs=None,
        ):
            return _read_insertion(function, argument)
        case _:
            return None


def _read_insertion(function: str, argument: nodes.Node) -> Insertion | None:
    match argument:
        case nodes.Const(value=str(path)):
            return Insertion(function, path)
        case nodes.Name(name=name):
            return Insertion(function, Slot(name))
        case _:
            return None


class Cut:
    """A template in one condition: texts, and between them places for values.

    Args:
        pieces: in order.
    """

    def __init__(self, pieces: list[str | Slot]) -> None:
        self._pieces = _join_texts(pieces)
        self._slots = [(n, each) for n, each in enumerate(self._pieces) if isinstance(each, Slot)]
        self.characters = sum(len(each) for each in self._pieces if isinstance(each, str))

    @property
    def pieces(self) -> tuple[str | Slot, ...]:
        """What it is joined from."""
        return tuple(self._pieces)

    @property
    def names(self) -> frozenset[str]:
        """The variables that it has places for."""
        return frozenset(slot.name for _, slot in self._slots)

    def fill(self, variables: Mapping[str, Any]) -> str | None:
        """Return the text with these values; None where jinja must render it.

        Args:
            variables: those of a request.
        """
        pieces: list[Any] = self._pieces.copy()
        for place, (name, column) in self._slots:
            value = variables.get(name)
            if column is not None:
                value = value.get(column) if type(value) is dict else None
            if type(value) is not str:
                return None
            pieces[place] = value
        text = "".join(pieces)
        return None if len(text) > _MAX_CHARACTERS or MARK in text else text


def bind_parts(
    parts: tuple[Part, ...],
    constants: Mapping[str, Any],
    varying: frozenset[str],
    insert: Callable[[str, str], list[str | Slot] | None],
) -> list[str | Slot] | None:
    """Return a template's texts and places in one condition; None where jinja must render it.

    Args:
        parts: of the template.
        constants: the variables that are the same for all requests of the condition.
        varying: the names of those that differ.
        insert: (function, path) -> the pieces of a file, or None.
    """
    pieces: list[str | Slot] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(part)
        elif isinstance(part, Insertion):
            path = _find_constant(part.path, constants, varying)
            found = insert(part.function, path) if type(path) is str else None
            if found is None:
                return None
            pieces += found
        elif part.name in varying:
            pieces.append(part)
        elif type(value := _find_constant(part, constants, varying)) in _PRINTED:
            pieces.append(str(value))
        else:
            return None
    return pieces


def _find_constant(
    part: str | Slot, constants: Mapping[str, Any], varying: frozenset[str]
) -> object:
    """Return the value of a constant; None where it is none."""
    if isinstance(part, str):
        return part
    return None if part.name in varying else constants.get(part.name)


def _join_texts(pieces: list[str | Slot]) -> list[str | Slot]:
    """Return pieces with neighbouring texts joined."""
    joined: list[str | Slot] = []
    for each in pieces:
        if isinstance(each, str) and joined and isinstance(joined[-1], str):
            joined[-1] += each
        else:
            joined.append(each)
    return joined
