"""Chat templates of custom tokenizers, bounded in time and size as an experiment's are."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from experiment.prompts import BoundedEnvironment, RenderBudget

_Loaded = Any  # a tokenizer of transformers, which is optional and has no common type


class _OwnText(str):
    """The text of a template of one tokenizer, equal to no other's.

    transformers keeps one compiled template for equal texts. Two tokenizers of one process often
    have the same template, and each must spend from its own budget.
    """

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__
    __ne__ = object.__ne__


def bound_chat_template(loaded: _Loaded, budget: RenderBudget) -> None:
    """Let the compiled chat template of a tokenizer spend from a budget.

    transformers keeps the compiled template and renders it in a sandbox without bounds. What it
    keeps for this tokenizer is replaced by the same template, compiled in a bounded one. It keeps
    a limited number, so this is called before each rendering. A version that keeps it elsewhere
    goes on as before.

    Raises:
        TemplateError: the template is not valid.
    """
    from transformers.utils import chat_template_utils  # noqa: PLC0415 - takes a second

    compile_template = getattr(chat_template_utils, "_compile_jinja_template", None)
    if compile_template is None or not isinstance(text := loaded.chat_template, str):
        return
    if not isinstance(text, _OwnText):
        text = _OwnText(text)
    elif isinstance(compile_template(text).environment, BoundedEnvironment):
        return
    bounded = BoundedEnvironment.like(compile_template("").environment, budget)
    _try_constants(bounded, bounded.parse(text))
    made = bounded.compile_tree(bounded.parse(text))
    loaded.chat_template, compiled = text, compile_template(text)
    compiled.environment, compiled.globals = bounded, made.globals
    compiled.root_render_func, compiled.blocks = made.root_render_func, made.blocks


def _try_constants(bounded: BoundedEnvironment, tree: nodes.Template) -> None:
    """Render what is constant in a template by itself: an unbounded compiler computes it at once.

    Raises:
        TemplateError: a constant takes too much.
    """
    for part in tree.find_all((nodes.BinExpr, nodes.Filter)):
        if next(part.find_all(nodes.Name), None) is None:
            alone = nodes.Template([nodes.Output([part])], lineno=1)
            alone.set_environment(bounded)
            bounded.compile_tree(alone).render()
