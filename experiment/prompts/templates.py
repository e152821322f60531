"""Render messages: sandboxed jinja2, with texts inserted byte for byte.

`{{ file('a.md') }}` inserts a file rendered with the same variables, `{{ raw('a.md') }}` inserts it
unchanged; neither adds nor removes a newline. An unknown variable is an error, never an empty text.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from experiment.errors import BadTemplate

_MAX_DEPTH = 20
# Variables that differ between requests of one condition.
PER_REQUEST_VARIABLES = frozenset({"query", "output", "reasoning"})
# What the expressions of a template can raise.
_RENDER_ERRORS = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
)
# jinja2 normalises line endings. A carriage return outside its tags must survive, so it is replaced
# by a sequence of private-use characters that no text contains, and restored afterwards.
_CARRIAGE_RETURN = "\ue00d\uf8ff\ue00d"
_TEMPLATE_TAGS = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})", re.DOTALL)


class _SandboxEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox whose globals are a single plain dict: jinja's chained ones are slow to copy."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


class Templates:
    """Compiles each template once, and records which files were read.

    A text without per-request variables is the same for all requests of a condition: it is rendered
    once and stays one object, so that a tokenizer can look it up at no cost.

    Args:
        folder: the folder that the paths given to `file` and `raw` are relative to.
        kept: texts of files that were kept, by normalized path; where it is given, no file is read.
    """

    def __init__(self, folder: Path, kept: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._kept = kept
        self._compiled: dict[str, tuple[Template, bool]] = {}
        self._texts: dict[str, str] = {}
        self._constant: dict[tuple[str, str], str] = {}
        self._varies = False

    def render(self, text: str, variables: dict[str, Any], where: str, condition: str = "") -> str:
        """Render a template.

        Args:
            text: the template.
            variables: those that it may use.
            where: its place in the experiment file, for errors.
            condition: calls with the same condition have the same variables, except for
                `PER_REQUEST_VARIABLES`.

        Raises:
            BadTemplate: a syntax error, an unknown variable, or a file that cannot be read.
        """
        self._varies = False
        return self._render_text(text, variables, where, condition)

    @property
    def file_digests(self) -> dict[str, str]:
        """The sha256 of every file that was inserted so far, by path."""
        return {
            path: hashlib.sha256(text.encode()).hexdigest() for path, text in self._texts.items()
        }

    def _render_text(
        self, text: str, variables: dict[str, Any], where: str, condition: str, depth: int = 0
    ) -> str:
        if depth > _MAX_DEPTH:
            raise BadTemplate(
                f"{where}: files include each other more than {_MAX_DEPTH} levels deep"
            )
        constant = self._constant.get((text, condition))
        if constant is not None:
            return constant
        outer_varies, self._varies = self._varies, False

        def insert_file(path: str) -> str:
            return self._render_text(
                self._read_file(path, where), variables, str(path), condition, depth + 1
            )

        def insert_raw(path: str) -> str:
            return self._read_file(path, where)

        try:
            template, varies = self._compile_text(text)
            rendered = template.render(**variables, file=insert_file, raw=insert_raw)
        except _RENDER_ERRORS as error:
            line = getattr(error, "lineno", None)
            at = f", line {line}" if line else ""
            names = ", ".join(sorted(variables))
            raise BadTemplate(f"{where}{at}: {error}; available variables: {names}") from error
        rendered = rendered.replace(_CARRIAGE_RETURN, "\r")
        if not (varies or self._varies):
            self._constant[text, condition] = rendered
        self._varies = outer_varies or varies or self._varies
        return rendered

    def _compile_text(self, text: str) -> tuple[Template, bool]:
        """Compile a text; also return whether it uses per-request variables."""
        if text not in self._compiled:
            parts = _TEMPLATE_TAGS.split(text)
            parts[::2] = [part.replace("\r", _CARRIAGE_RETURN) for part in parts[::2]]
            source = "".join(parts)
            tree = self._environment.parse(source)
            names = meta.find_undeclared_variables(tree)
            template = self._environment.from_string(source)
            self._compiled[text] = template, bool(names & PER_REQUEST_VARIABLES)
            self._read_named_files(tree)
        return self._compiled[text]

    def _read_named_files(self, tree: nodes.Template) -> None:
        """Read the files that a template names, also those in branches that are not rendered now.

        A branch that depends on an answer is rendered only in a run, and its files are planned too.
        """
        for call in tree.find_all(nodes.Call):
            match call.node, call.args:
                case nodes.Name(name="file" | "raw" as function), [nodes.Const(value=str(path))]:
                    with suppress(BadTemplate, TemplateError):  # raised where it is rendered
                        text = self._read_file(path, path)
                        if function == "file":
                            self._compile_text(text)

    @cached_property
    def _environment(self) -> _SandboxEnvironment:
        return _SandboxEnvironment(
            undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
        )

    def _read_file(self, path: str, where: str) -> str:
        if path not in self._texts:
            try:
                self._texts[path] = self._load_text(path)
            except (OSError, UnicodeDecodeError, TypeError) as error:
                reason = getattr(error, "strerror", None) or error
                raise BadTemplate(f"{where}: file {path!r} in {self._folder}: {reason}") from error
        return self._texts[path]

    def _load_text(self, path: str) -> str:
        if self._kept is None:
            with (self._folder / path).open(encoding="utf-8", newline="") as file:
                return file.read()
        name = os.path.normpath(path)
        if name not in self._kept:
            raise FileNotFoundError(errno.ENOENT, "no text was kept of it")
        return self._kept[name]
