"""The sandbox: jinja2 for templates of strangers, bounded in time, size and depth.

jinja2's own sandbox keeps a template from reaching the machine; it does not keep it from taking
all of it. Here each loop, call, filter and operation spends from a `RenderBudget`, and what is not
the same in every process cannot be printed. A template without any of them renders as fast as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from datetime import date, time
from functools import wraps
from typing import Any, Self, cast

from jinja2 import Environment, StrictUndefined, Template, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.filters import FILTERS
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context, markup_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from experiment.prompts.rendering.format_fields import wrap_format_method
from experiment.prompts.rendering.growth import FILTER_GROWTH, spend_binary, spend_method
from experiment.prompts.rendering.printing import (
    refuse_functions,
    refuse_unordered,
    require_printable,
)
from experiment.prompts.rendering.render_budget import MAX_TEXT, RenderBudget, RenderLimit

# What the expressions of a template can raise, and python's compiler for nested ones.
RENDER_ERRORS = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    SyntaxError,
    RecursionError,
    MemoryError,
)
_Value = Any  # whatever a template makes

_MAX_TOKENS = 30_000  # of the code in one template
_STEPS_PER_CALL = 3
_STEPS_PER_TOKEN = 5  # compiling takes longer than rendering
# Names that no template can write.
_COUNT, _JOIN, _WEIGH = "count turns", "join texts", "weigh value"
# Filters that look at no more than the outside of their value, or at one part after another.
_CHEAP = {"length", "count", "first", "last", "default", "d", "attr"}
_LAZY = {"list", "reverse", "batch", "slice", "map", "select", "reject", "selectattr", "rejectattr"}
_LISTS = (
    _CHEAP | _LAZY | {"items", "dictsort", "groupby", "join", "max", "min", "sort", "sum", "unique"}
)
_CLOCK = {
    "today", "now", "utcnow", "fromtimestamp", "utcfromtimestamp", "astimezone", "timestamp",
}  # fmt: skip
_SYNTAX = ("trim_blocks", "lstrip_blocks", "keep_trailing_newline", "undefined", "autoescape")
_NO_RANDOM = (
    "templates have no randomness of their own, because a request must be the same whenever it is "
    "made; use {{ choice(list) }} or {{ shuffle(list) }}"
)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox that spends from a budget.

    Its globals are a single plain dict: jinja's chained ones are slow to copy.

    Args:
        budget: of the rendering under way.
    """

    intercepted_binops = frozenset({"*", "**", "+", "-", "%"})

    def __init__(self, budget: RenderBudget) -> None:
        super().__init__(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
        self.budget = budget
        self.finalize = self._print_value
        del self.globals["lipsum"]
        self.filters = {name: self._bound_filter(name, each) for name, each in FILTERS.items()}
        self.filters |= {
            "random": _refuse_random,
            _COUNT: budget.count,
            _JOIN: self._join_texts,
            _WEIGH: self._weigh_value,
        }
        self.tests = {name: self._bound_test(each) for name, each in self.tests.items()}

    @classmethod
    def like(cls, other: Environment, budget: RenderBudget) -> Self:
        """Return a bounded environment that reads and renders templates as another one does."""
        bounded = cls(budget)
        for name in _SYNTAX:
            setattr(bounded, name, getattr(other, name))
        bounded.extensions = {name: each.bind(bounded) for name, each in other.extensions.items()}
        own = {name: each for name, each in other.filters.items() if FILTERS.get(name) is not each}
        bounded.filters |= {name: bounded._bound_filter(name, each) for name, each in own.items()}
        bounded.globals = {**other.globals, **bounded.globals}
        return bounded

    def compile_tree(self, tree: nodes.Template) -> Template:
        """Compile a parsed template, with all that it repeats counted."""
        code = self.compile(_CountedParts().visit(tree))
        return Template.from_code(self, code, self.make_globals(None), None)

    def count_turn(self) -> None:
        """Do nothing: the call itself is counted."""

    def make_globals(self, d: MutableMapping[str, _Value] | None) -> MutableMapping[str, _Value]:
        """Return the globals in one dict."""
        return {**self.globals, **(d or {})}

    def concat(self, parts: Iterable[str]) -> str:
        """Join the parts of a rendered text, unless they are too many."""
        kept, total = [], 0
        for part in parts:
            total += len(part)
            if total > MAX_TEXT:
                raise RenderLimit(f"the text has more than {MAX_TEXT:,} characters")
            kept.append(part)
        self.budget.spend_text(total)
        return "".join(kept)

    def call(
        __self,  # noqa: N805 - a template may give arguments of any name
        __context: Context,  # noqa: PYI063 - as in jinja
        __obj: _Value,
        *args: _Value,
        **kwargs: _Value,
    ) -> _Value:
        """Call a function or method from a template."""
        budget, receiver = __self.budget, getattr(__obj, "__self__", None)
        budget.spend(_STEPS_PER_CALL + len(args))
        if isinstance(receiver, str | bytes | int) and not isinstance(__obj, type):
            given = [*args, *kwargs.values()]
            spend_method(budget, receiver, __obj.__name__, given)
            args = tuple(given[: len(args)])
        elif isinstance(receiver, dict | list | tuple) or isinstance(__obj, type):
            for each in args:
                __self._weigh_value(each)
        result = super().call(__context, __obj, *args, **kwargs)
        refuse_unordered(result)
        __self._spend_result(result)
        return result

    def call_binop(self, context: Context, operator: str, left: _Value, right: _Value) -> _Value:
        """Add, multiply, raise or format."""
        spend_binary(self.budget, operator, left, right)
        if operator == "%" and isinstance(left, str):
            require_printable(right, self.budget)
        result = super().call_binop(context, operator, left, right)
        refuse_unordered(result)
        return result

    def is_safe_attribute(self, obj: _Value, attr: str, value: _Value) -> bool:
        """Return whether a template may use an attribute; what depends on the clock, it may not."""
        if isinstance(obj, date | time) and attr in _CLOCK:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def getitem(self, obj: _Value, argument: _Value) -> _Value:
        """Return an item; a key that is a list of lists takes as long to find as to print."""
        if type(argument) is tuple:
            self._weigh_value(argument)
        return super().getitem(obj, argument)

    def wrap_str_format(self, value: _Value) -> Callable[..., str] | None:
        """Return a bounded `str.format` in the place of the text's own."""
        return wrap_format_method(self, self.budget, value)

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        stream = super()._tokenize(source, name, filename, state)
        return TokenStream(self._count_tokens(stream), stream.name, stream.filename)

    def _count_tokens(self, tokens: Iterable[Token]) -> Iterator[Token]:
        for number, token in enumerate(tokens):
            if number > _MAX_TOKENS:
                raise RenderLimit(f"the template has more than {_MAX_TOKENS:,} words of code")
            if token.type != "data":
                self.budget.spend(_STEPS_PER_TOKEN)
            yield token

    def _print_value(self, value: _Value) -> _Value:
        if type(value) is not str:
            require_printable(value, self.budget)
        return value

    def _join_texts(self, values: list[_Value]) -> str:
        """Join what stands between `~`."""
        for value in values:
            require_printable(value, self.budget)
        if any(hasattr(value, "__html__") for value in values):
            return markup_join(values)
        return self.concat(map(str, values))

    def _weigh_value(self, value: _Value) -> _Value:
        """Spend what it takes to compare a value, or to search or cut it."""
        if isinstance(value, str | bytes):
            self.budget.spend(len(value) >> 10)
        elif hasattr(value, "__len__"):
            self.budget.spend_value(value, share=8)
        return value

    def _spend_result(self, result: _Value) -> None:
        if isinstance(result, str | bytes):
            self.budget.spend_text(len(result))
        elif isinstance(result, list | tuple | dict):
            self.budget.spend(len(result))

    def _bound_filter(self, name: str, function: Callable[..., _Value]) -> Callable[..., _Value]:
        """Return a filter that spends before it works; with jinja's marks of the original."""
        passed = 1 if hasattr(function, "jinja_pass_arg") else 0
        spend_growth = FILTER_GROWTH.get(name)

        @wraps(function)
        def bounded(*args: _Value, **kwargs: _Value) -> _Value:
            values = list(args[passed:])
            if name == "join" and values and not hasattr(values[0], "__len__"):
                values[0] = list(self.budget.count(values[0]))
            self._spend_arguments(name, values, kwargs)
            if spend_growth is not None:
                spend_growth(self.budget, *values, **kwargs)
            result = function(*args[:passed], *values, **kwargs)
            if isinstance(result, Iterator):
                return self.budget.count(result)
            self._spend_result(result)
            return result

        return bounded

    def _spend_arguments(self, name: str, values: list[_Value], named: dict[str, _Value]) -> None:
        self.budget.spend(1)
        refuse_functions([*values, *named.values()])
        if (name not in _LISTS or name == "join") and values:
            require_printable(values[0], self.budget)
        for value in (*values[name in _CHEAP | _LAZY :], *named.values()):
            if not isinstance(value, Iterator):
                self.budget.spend_value(value)
        if name in _LAZY and values and hasattr(values[0], "__len__"):
            self.budget.spend(len(values[0]) // 8)

    def _bound_test(self, function: _Value) -> Callable[..., _Value]:
        """Return a test that spends what it takes to compare its values."""

        @wraps(function)
        def bounded(*values: _Value) -> _Value:
            if len(values) > 1:
                for value in values:
                    self._weigh_value(value)
            return function(*values)

        return bounded


class _CountedParts(NodeTransformer):
    """Counts each turn of a loop, and weighs what is joined, compared or cut."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - named after the node
        self.generic_visit(node)
        node.iter = _make_filter(cast("nodes.Expr", node.iter), _COUNT)
        if node.recursive:  # an inner turn does not pass through the filter
            turn = nodes.Call(nodes.EnvironmentAttribute("count_turn"), [], [], None, None)
            node.body.insert(0, nodes.ExprStmt(turn).set_lineno(node.lineno))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _make_filter(nodes.List(node.nodes, lineno=node.lineno), _JOIN)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _weigh(node.expr)
        for operand in node.ops:
            operand.expr = _weigh(operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _weigh(node.node)
        return node

    def visit_Pair(self, node: nodes.Pair) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.key = _weigh(node.key)
        return node


def _weigh(node: nodes.Expr) -> nodes.Expr:
    return node if isinstance(node, nodes.Const) else _make_filter(node, _WEIGH)


def _make_filter(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _refuse_random(*_: _Value, **__: _Value) -> None:
    raise SecurityError(_NO_RANDOM)
