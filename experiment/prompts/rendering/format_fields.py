"""Format fields: `'{:>20}'.format(value)` in a template, within its budget."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from types import BuiltinMethodType, MethodType
from typing import Any

from jinja2.sandbox import SandboxedEnvironment, SandboxedEscapeFormatter, SandboxedFormatter
from markupsafe import Markup

from experiment.prompts.rendering.growth import spend_format_spec
from experiment.prompts.rendering.printing import require_printable
from experiment.prompts.rendering.render_budget import RenderBudget

_Value = Any  # whatever a template makes


class _Bounded:
    """What both formatters below add to jinja's: each field spends what it prints."""

    budget: RenderBudget

    def format_field(self, value: _Value, format_spec: str) -> _Value:
        """Format one field."""
        spend_format_spec(self.budget, format_spec)
        require_printable(value, self.budget)
        text = super().format_field(value, format_spec)  # type: ignore[misc] # of the other base
        self.budget.spend_text(len(text))
        return text

    def convert_field(self, value: _Value, conversion: _Value) -> _Value:
        """Convert one field with `!r` or `!s`."""
        require_printable(value, self.budget)
        return super().convert_field(value, conversion)  # type: ignore[misc]


class _Formatter(_Bounded, SandboxedFormatter):
    pass


class _EscapeFormatter(_Bounded, SandboxedEscapeFormatter):
    pass


def wrap_format_method(
    environment: SandboxedEnvironment, budget: RenderBudget, value: _Value
) -> Callable[..., str] | None:
    """Return a bounded function for a text's `format` or `format_map`; None for another value."""
    is_method = isinstance(value, MethodType | BuiltinMethodType)
    if not is_method or value.__name__ not in {"format", "format_map"}:
        return None
    text = value.__self__
    if not isinstance(text, str):
        return None
    formatter: _Bounded = (
        _EscapeFormatter(environment, escape=text.escape)
        if isinstance(text, Markup)
        else _Formatter(environment)
    )
    formatter.budget = budget
    format_map = value.__name__ == "format_map"

    def format_text(*args: _Value, **kwargs: _Value) -> str:
        if format_map:
            (kwargs,), args = args, ()
        return type(text)(formatter.vformat(text, args, kwargs))  # type: ignore[attr-defined]

    return update_wrapper(format_text, value)
