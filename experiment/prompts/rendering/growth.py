"""Growth: what an operation adds to a text or a list, found before it is done.

Most operations make nothing larger than what they are given. Those here do: `'x' * 10**9` is a
gigabyte. Each function spends the steps and characters of one, or raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from experiment.prompts.rendering.render_budget import RenderBudget, RenderLimit

_Value = Any  # whatever a template makes

_MAX_BITS = 20_000  # of a whole number
_MAX_ROUNDING = 1000  # digits
_COPIED_PER_STEP = 10_000  # characters
_MAX_INDENT = 100  # of JSON
_NUMBER = re.compile(r"[0-9]+")
_LONGEST_NUMBER = 300  # characters that an unformatted float may print

Growth = Callable[..., None]


def spend_binary(budget: RenderBudget, operator: str, left: _Value, right: _Value) -> None:
    """Spend what `left * right` and the like make."""
    budget.spend(1)
    if operator == "*":
        _spend_product(budget, left, right)
    elif operator == "**":
        _limit_power(left, right)
    elif operator == "+":
        _spend_copy(budget, left)
        _spend_copy(budget, right)
    elif operator == "%" and isinstance(left, str | bytes):
        spend_percent_format(budget, left, right)


def _spend_product(budget: RenderBudget, left: _Value, right: _Value) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _MAX_BITS:
            raise RenderLimit("the product is too large a number")
        return
    for times, value in ((left, right), (right, left)):
        if isinstance(times, int) and hasattr(value, "__len__"):
            _spend_copy(budget, value, max(times, 0))


def _limit_power(base: _Value, exponent: _Value) -> None:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and base.bit_length() * max(exponent, 0) > _MAX_BITS:
        raise RenderLimit("the power is too large a number")


def _spend_copy(budget: RenderBudget, value: _Value, times: int = 1) -> None:
    if isinstance(value, str | bytes):
        budget.spend_text(len(value) * times)
    elif hasattr(value, "__len__"):
        budget.spend(len(value) * times)


def spend_percent_format(budget: RenderBudget, text: str | bytes, values: _Value) -> None:
    """Spend what `text % values` makes: each width, and the longest value at each place."""
    text = text if isinstance(text, str) else text.decode("latin-1")
    listed = values if isinstance(values, tuple | Mapping) else (values,)
    longest = budget.spend_value(listed) + _LONGEST_NUMBER
    widths = sum(_read_width(number) for number in _NUMBER.findall(text))
    if "*" in text:
        widths += text.count("*") * max(
            (abs(each) for each in listed if isinstance(each, int)), default=0
        )
    budget.spend_text(len(text) + text.count("%") * longest + widths)


def spend_format_spec(budget: RenderBudget, spec: str) -> None:
    """Spend the widths in a format such as `>80`."""
    budget.spend_text(sum(_read_width(number) for number in _NUMBER.findall(spec)))


def _read_width(digits: str) -> int:
    return int(digits) if len(digits) < 10 else 10**9  # noqa: PLR2004 - larger than any limit


def spend_method(
    budget: RenderBudget, receiver: _Value, name: str, arguments: list[_Value]
) -> None:
    """Spend what a method of a text, or of a number, makes.

    Args:
        budget: what is left.
        receiver: whose method it is.
        name: of the method.
        arguments: also those given by name. An iterator in it is replaced by a list.
    """
    if isinstance(receiver, int):
        if name == "to_bytes":
            budget.spend_text(_read_int(arguments))
        return
    size = len(receiver)
    if name in {"ljust", "rjust", "center", "zfill"}:
        budget.spend_text(max(size, _read_int(arguments)))
    elif name == "expandtabs":
        tabs = receiver.count("\t" if isinstance(receiver, str) else b"\t")
        budget.spend_text(size + tabs * max(8, _read_int(arguments)))
    elif name == "replace" and len(arguments) > 1:
        spend_replacement(budget, receiver, *arguments[:2])
    elif name == "join" and arguments:
        arguments[0] = list(budget.count(arguments[0]))
        budget.spend_value(arguments[0])
        budget.spend_text(len(arguments[0]) * size)
    elif name == "translate" and arguments and hasattr(arguments[0], "values"):
        sizes = (len(each) for each in arguments[0].values() if isinstance(each, str))
        budget.spend(len(arguments[0]))
        budget.spend_text(size * max(sizes, default=1))
    elif name in {"split", "rsplit", "splitlines"}:
        budget.spend(size // 4)
    else:
        budget.spend_text(size)


def _read_int(arguments: list[_Value]) -> int:
    return next((abs(each) for each in arguments if isinstance(each, int)), 0)


def spend_replacement(budget: RenderBudget, text: _Value, old: _Value, new: _Value) -> None:
    """Spend what replacing each `old` in a text makes."""
    if isinstance(text, bytes):
        text, old, new = (bytes(each).decode("latin-1") for each in (text, old, new))
    text, old, new = str(text), str(old), str(new)
    places = text.count(old) if old else len(text) + 1
    budget.spend_text(len(text) + places * len(new))


def _spend_center(budget: RenderBudget, _value: _Value, width: _Value = 80) -> None:
    budget.spend_text(width if isinstance(width, int) else 0)


def _spend_indent(
    budget: RenderBudget, value: _Value, width: _Value = 4, *_: _Value, **__: _Value
) -> None:
    step = len(width) if isinstance(width, str) else width if isinstance(width, int) else 0
    budget.spend_text(len(str(value).splitlines()) * max(step, 0))
    budget.spend_text(max(step, 0))


def _spend_wrapping(
    budget: RenderBudget, value: _Value, width: _Value = 79, *given: _Value, **named: _Value
) -> None:
    text = str(value)
    longest = max(map(len, text.split()), default=0)
    # A word that is longer than the line is cut off piece by piece, and copied each time.
    copied = longest**2 // (max(_read_int([width]), 1) * _COPIED_PER_STEP)
    budget.spend(len(text) // 4 + copied)
    ending = sum(len(each) for each in (*given, *named.values()) if isinstance(each, str))
    budget.spend_text(len(text) * ending)


def _spend_batch(
    budget: RenderBudget, _value: _Value, lines: _Value = 0, *_: _Value, **__: _Value
) -> None:
    budget.spend(abs(lines) if isinstance(lines, int) else 0)


def _limit_rounding(
    _budget: RenderBudget, _value: _Value, precision: _Value = 0, *_: _Value, **__: _Value
) -> None:
    if isinstance(precision, int) and abs(precision) > _MAX_ROUNDING:
        raise RenderLimit(f"round: at most {_MAX_ROUNDING} digits")


def _spend_format(budget: RenderBudget, value: _Value, *values: _Value, **named: _Value) -> None:
    spend_percent_format(budget, str(value), named or values)


def _spend_joining(
    budget: RenderBudget, value: _Value, d: _Value = "", *_: _Value, **__: _Value
) -> None:
    if hasattr(value, "__len__"):
        budget.spend_text(len(value) * len(str(d)))


def _limit_json(budget: RenderBudget, value: _Value, indent: _Value = None) -> None:
    if isinstance(indent, int) and abs(indent) > _MAX_INDENT:
        raise RenderLimit(f"tojson: an indent of at most {_MAX_INDENT}")
    budget.spend_value(value, 1 + abs(indent) if isinstance(indent, int) else 1)


def _spend_sum(
    budget: RenderBudget, value: _Value, _attribute: _Value = None, start: _Value = 0
) -> None:
    if not isinstance(start, int | float) and hasattr(value, "__len__"):  # each sum is a copy
        total = sum(len(each) for each in value if hasattr(each, "__len__"))
        budget.spend(len(value) * total)


def _spend_tag_search(budget: RenderBudget, value: _Value) -> None:
    text = str(value)
    budget.spend(text.count("<") * len(text) // 1024)


def _spend_links(budget: RenderBudget, value: _Value, *given: _Value, **named: _Value) -> None:
    longest = sum(len(str(each)) for each in (*given, *named.values()))
    budget.spend(len(str(value)))
    budget.spend_text(len(str(value)) * (longest + 8) // 4)


def _spend_pretty_print(budget: RenderBudget, value: _Value) -> None:
    budget.spend_value(value, 10)


def _spend_words(budget: RenderBudget, value: _Value) -> None:
    budget.spend(len(str(value)) // 2)  # all words are held at once


# Of jinja2's filters, those whose result may be larger than what they are given, or that are slow.
FILTER_GROWTH: dict[str, Growth] = {
    "center": _spend_center,
    "indent": _spend_indent,
    "wordwrap": _spend_wrapping,
    "batch": _spend_batch,
    "slice": _spend_batch,
    "round": _limit_rounding,
    "format": _spend_format,
    "join": _spend_joining,
    "replace": lambda budget, value, old="", new="", *_, **__: spend_replacement(
        budget, value, old, new
    ),
    "tojson": _limit_json,
    "sum": _spend_sum,
    "striptags": _spend_tag_search,
    "urlize": _spend_links,
    "pprint": _spend_pretty_print,
    "title": _spend_words,
    "wordcount": _spend_words,
}
