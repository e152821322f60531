"""Printing: what a value's text is, where it is the same in every process.

The text of a function, a generator or a set is not: it holds an address, or has no order. A request
with such a text would be another one tomorrow, and be paid again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from typing import Any

from jinja2 import Undefined
from jinja2.runtime import LoopContext
from jinja2.utils import Namespace

from experiment.prompts.rendering.render_budget import RenderBudget, RenderLimit

_PLAIN = (int, float, complex, bool, type(None), str, bytes, date, time, timedelta, range)
_NAMED = (Undefined, LoopContext, Namespace)  # an undefined one raises when it is printed
_LISTS: Any = (list, tuple, type({}.keys()), type({}.values()), type({}.items()))


def require_printable(value: object, budget: RenderBudget) -> None:
    """Check that a value's text is the same everywhere, and spend what it takes to print it.

    Raises:
        RenderLimit: it is not, or is too long.
    """
    if isinstance(value, str):
        return
    budget.spend_value(value)
    waiting: list[Any] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += each.keys()
            waiting += each.values()
        elif isinstance(each, _LISTS):
            waiting += list(each)
        elif not isinstance(each, _PLAIN) and not isinstance(each, _NAMED):
            raise RenderLimit(
                f"the text of a {type(each).__name__} is not the same every time; print a value"
                + ("" if callable(each) else ", such as with `| list` or `| join`")
            )


def refuse_unordered(value: object) -> None:
    """Refuse a set, whose order differs between processes.

    Raises:
        RenderLimit: the value is one.
    """
    if isinstance(value, set | frozenset):
        raise RenderLimit("a set has no order that is the same every time; use a list")


def refuse_functions(values: Iterable[object]) -> None:
    """Refuse functions where values are meant.

    Raises:
        RenderLimit: one of the values is a function.
    """
    for value in values:
        if callable(value) and not isinstance(value, Undefined):
            raise RenderLimit(f"a {type(value).__name__} is no value; call it with parentheses")
