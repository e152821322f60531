"""Render messages: sandboxed jinja2, with texts inserted byte for byte.

`{{ file('a.md') }}` inserts a file rendered with the same variables, `{{ raw('a.md') }}` inserts it
unchanged; neither adds nor removes a newline. An unknown variable is an error, never an empty text.
`{{ choice(list) }}` and `{{ shuffle(list) }}` draw from the query, or from a seed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, reduce
from operator import or_
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Template, nodes

from experiment.definition import ROW
from experiment.errors import BadTemplate, RefusedFile
from experiment.file_access import Trust, read_file
from experiment.prompts.rendering.cuts import MARK, Cut, Part, Slot, bind_parts, list_parts
from experiment.prompts.rendering.render_budget import RenderBudget, RenderLimit
from experiment.prompts.rendering.sandbox import RENDER_ERRORS, BoundedEnvironment
from experiment.prompts.rendering.seeded_order import choose_value, shuffle_values
from experiment.prompts.rendering.template_names import find_names
from experiment.prompts.rendering.used_names import TemplateNames

_MAX_DEPTH = 20
_MAX_INSERTED = 1000  # files that one rendering inserts
_MAX_FILE_CHARACTERS = 64 << 20  # of all files together
_MAX_CONSTANT_CHARACTERS = 64 << 20  # of rendered texts that are kept
_MAX_SHOWN_NAMES, _MAX_SHOWN = 30, 600  # in an error message
# Variables that differ between requests of one condition.
PER_REQUEST_VARIABLES = frozenset({"query", ROW, "output", "reasoning", "refusal", "kind", "fence"})
# jinja2 normalises line endings. A carriage return outside its tags must survive, so it is replaced
# by a sequence of private-use characters that no text contains, and restored afterwards.
_CARRIAGE_RETURN = f"{MARK}\uf8ff{MARK}"
_TAG_ENDS = {"{{": "}}", "{%": "%}", "{#": "#}"}
# jinja2's patterns for these need three hundred bytes for each digit or backslash.
_LONG_NUMBER, _MAX_ESCAPES = re.compile(r"[0-9A-Fa-f_]{20000}"), 200_000
_TAG_START = re.compile(r"\{[{%#]")


class _Compiled(NamedTuple):
    """A compiled template: the names that it uses, its calls of `file` and `raw`, and its parts.

    The parts are those that it can be joined from; None where only jinja can render it.
    """

    template: Template
    names: TemplateNames
    calls: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...] | None

    @property
    def varies(self) -> bool:
        """Whether it uses variables that differ between requests of a condition."""
        return not PER_REQUEST_VARIABLES.isdisjoint(self.names.variables)

    @property
    def files(self) -> tuple[str, ...]:
        """The paths that it names."""
        return tuple(path for _, path in self.calls)

    @property
    def rendered(self) -> tuple[str, ...]:
        """The paths that it names of files that are templates too."""
        return tuple(path for function, path in self.calls if function == "file")


class Templates:
    """Compiles each template once, and records which files were read.

    A text without per-request variables is the same for all requests of a condition: it is rendered
    once and stays one object, so that a tokenizer can look it up at no cost. What only inserts
    values can be cut, and joined after that.

    Args:
        folder: the folder that the paths given to `file` and `raw` are relative to.
        kept: texts of files that were kept, by normalized path; where it is given, no file is read.
        trust: from where else files may be read.
        limited: whether the work of all renderings together is limited, not only of each.
    """

    def __init__(
        self,
        folder: Path,
        kept: Mapping[str, str] | None = None,
        trust: Trust = Trust(),
        *,
        limited: bool = False,
    ) -> None:
        self._folder = folder
        self._kept = kept
        self._trust = trust
        self._budget = RenderBudget(in_total=limited)
        self._compiled: dict[str, _Compiled] = {}
        self._texts: dict[str, str] = {}
        self._file_characters = 0
        self._constant: dict[tuple[str, str], str] = {}
        self._constant_characters = 0
        self._varies = False
        self._inserted = 0
        self._query = ""

    def render(self, text: str, variables: dict[str, Any], where: str, condition: str = "") -> str:
        """Render a template.

        Args:
            text: the template.
            variables: those that it may use.
            where: its place in the experiment file, for errors.
            condition: calls with the same condition have the same variables, except for
                `PER_REQUEST_VARIABLES`.

        Raises:
            BadTemplate: a syntax error, an unknown variable, a file that cannot be read, or more
                work than a template may take.
        """
        self._varies, self._inserted = False, 0
        self._query = str(variables.get("query", ""))
        try:
            self._budget.begin()
        except RenderLimit as error:
            raise BadTemplate(f"{where}: {error}") from error
        return self._render_text(text, variables, where, condition)

    def cut(
        self, text: str, variables: dict[str, Any], condition: str, rendered: str
    ) -> str | Cut | None:
        """Return what a template says in a condition without jinja; None where only jinja can say.

        Args:
            text: the template.
            variables: of a request.
            condition: as of `render`.
            rendered: what `render` returned with all of these, which a cut must say too.

        Returns:
            the text itself where all requests of the condition share it, or a cut to be filled.
        """
        if (text, condition) in self._constant:
            return rendered
        pieces = self._cut_text(text, variables)
        cut = None if pieces is None else Cut(pieces)
        return cut if cut is not None and cut.fill(variables) == rendered else None

    def count_renderings(self, number: int) -> None:
        """Count renderings that are filled in from cuts, as those that were rendered are."""
        self._budget.count_free(number)

    @property
    def is_heavy(self) -> bool:
        """Whether a rendering took more than each saves up, so that their order may matter."""
        return self._budget.is_heavy

    @property
    def file_digests(self) -> dict[str, str]:
        """The sha256 of every file that was inserted so far, by path."""
        return {path: _sha256(text) for path, text in self._texts.items()}

    @property
    def named_files(self) -> dict[str, str | None]:
        """The sha256 of every file that a template named so far; None where it was not read."""
        named = {path: None for each in self._compiled.values() for path in each.files}
        return {**named, **self.file_digests}

    @property
    def file_count(self) -> int:
        """How many files were inserted so far."""
        return len(self._texts)

    @property
    def used_names(self) -> TemplateNames:
        """The names that all templates used so far, with the files that they inserted."""
        return reduce(or_, (each.names for each in self._compiled.values()), TemplateNames())

    def list_names(self, text: str) -> TemplateNames:
        """Return the names that a template, and every file that it names, uses.

        Raises:
            BadTemplate: a syntax error.
        """
        names, found, waiting = TemplateNames(), set[str](), [text]
        while waiting:
            self._budget.begin()
            part = waiting.pop()
            found.add(part)
            try:
                compiled = self._compile_text(part)
            except RENDER_ERRORS as error:
                raise BadTemplate(_shorten(str(error))) from error
            names |= compiled.names
            inserted = {self._texts[path] for path in compiled.rendered if path in self._texts}
            waiting += sorted(inserted - found)
        return names

    def list_named_files(self, text: str, *, need_all: bool = False) -> dict[str, str]:
        """Return the sha256 of every file that a template names, or files that it names, by path.

        Args:
            text: the template.
            need_all: also those in branches that may never be rendered must be readable.

        Raises:
            BadTemplate: a syntax error, or a file that is needed cannot be read.
        """
        found: dict[str, str] = {}
        waiting = [text]
        while waiting:
            self._budget.begin()
            try:
                named = self._compile_text(waiting.pop()).files
            except RENDER_ERRORS as error:
                raise BadTemplate(_shorten(str(error))) from error
            for path in named:
                if need_all:
                    self._read_file(path, "a file that it inserts")
                if path in self._texts and path not in found:
                    found[path] = _sha256(self._texts[path])
                    waiting.append(self._texts[path])
        return found

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
            compiled = self._compile_text(text)
            varies = compiled.varies
            # A level's own variable of that name comes before `choice` and `shuffle`.
            given = {"choice": self._choose, "shuffle": self._shuffle} | variables
            rendered = compiled.template.render(given, file=insert_file, raw=insert_raw)
        except RENDER_ERRORS as error:
            raise _explain_error(error, where, variables) from error
        rendered = rendered.replace(_CARRIAGE_RETURN, "\r")
        if not (varies or self._varies):
            self._keep_constant(text, condition, rendered)
        self._varies = outer_varies or varies or self._varies
        return rendered

    def _keep_constant(self, text: str, condition: str, rendered: str) -> None:
        self._constant_characters += len(rendered)
        if self._constant_characters > _MAX_CONSTANT_CHARACTERS:
            self._constant.clear()
            self._constant_characters = len(rendered)
        self._constant[text, condition] = rendered

    def _cut_text(
        self, text: str, variables: dict[str, Any], depth: int = 0
    ) -> list[str | Slot] | None:
        """Return the texts and places of a template that was rendered; None where it has others."""
        compiled = self._compiled.get(text)
        if depth > _MAX_DEPTH or compiled is None or compiled.parts is None or MARK in text:
            return None

        def insert(function: str, path: str) -> list[str | Slot] | None:
            inserted = self._texts.get(path)
            if inserted is None or function == "raw":
                return None if inserted is None else [inserted]
            return self._cut_text(inserted, variables, depth + 1)

        pieces = bind_parts(compiled.parts, variables, PER_REQUEST_VARIABLES, insert)
        return pieces and [
            each.replace(_CARRIAGE_RETURN, "\r") if isinstance(each, str) else each
            for each in pieces
        ]

    def _shuffle(self, values: Iterable[Any], seed: object = None) -> list[Any]:
        return shuffle_values(self._budget.count(values), self._name_seed(seed))

    def _choose(self, values: Iterable[Any], seed: object = None) -> object:
        return choose_value(self._budget.count(values), self._name_seed(seed))

    def _name_seed(self, seed: object) -> str:
        """Return a seed as text; by default the query, which all conditions share."""
        if seed is None:
            self._varies = True
            return f"query {self._query}"
        if not isinstance(seed, str | int | float):
            raise TypeError("seed: expected a text or a number, such as seed=1 or seed=query")
        return f"seed {seed}"

    def _compile_text(self, text: str) -> _Compiled:
        """Compile a text."""
        if text not in self._compiled:
            source = text
            if _LONG_NUMBER.search(text) or text.count("\\") > _MAX_ESCAPES:
                raise RenderLimit("a number has too many digits, or a text too many backslashes")
            if "\r" in text:
                parts = list(_split_tags(text))
                parts[::2] = [part.replace("\r", _CARRIAGE_RETURN) for part in parts[::2]]
                source = "".join(parts)
            tree = self._environment.parse(source)
            names, named = find_names(tree), tuple(_find_named_files(tree))
            cuttable = list_parts(tree)
            template = self._environment.compile_tree(tree)
            self._compiled[text] = _Compiled(template, names, named, cuttable)
            self._read_named_files(named)
        return self._compiled[text]

    def _read_named_files(self, named: Iterable[tuple[str, str]]) -> None:
        """Read the files that a template names, also those in branches that are not rendered now.

        A branch that depends on an answer is rendered only in a run, and its files are planned too.

        Raises:
            BadTemplate: one may not be read; any other problem is raised where it is rendered.
        """
        for function, path in named:
            try:
                text = self._read_file(path, path)
                if function == "file":
                    self._compile_text(text)
            except (BadTemplate, *RENDER_ERRORS) as error:
                if isinstance(error.__cause__, RefusedFile):
                    raise

    @cached_property
    def _environment(self) -> BoundedEnvironment:
        return BoundedEnvironment(self._budget)

    def _read_file(self, path: str, where: str) -> str:
        self._inserted += 1
        if self._inserted > _MAX_INSERTED:
            raise RenderLimit(f"more than {_MAX_INSERTED:,} files are inserted")
        if path not in self._texts:
            try:
                text = self._load_text(path)
            except (OSError, ValueError, TypeError, RefusedFile) as error:
                reason = getattr(error, "strerror", None) or error
                shown = _shorten(repr(path))
                raise BadTemplate(f"{where}: file {shown} in {self._folder}: {reason}") from error
            self._file_characters += len(text)
            if self._file_characters > _MAX_FILE_CHARACTERS:
                raise RenderLimit(
                    "the inserted files have more than "
                    f"{_MAX_FILE_CHARACTERS:,} characters together"
                )
            self._texts[path] = text
        return self._texts[path]

    def _load_text(self, path: str) -> str:
        if self._kept is None:
            return read_file(self._folder, os.fspath(path), self._trust).decode()
        name = os.path.normpath(path)
        if name not in self._kept:
            raise FileNotFoundError(errno.ENOENT, "no text was kept of it")
        return self._kept[name]


def _find_named_files(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    """Yield the calls of `file` and `raw` with a path that stands in the template."""
    for call in tree.find_all(nodes.Call):
        match call.node, call.args:
            case nodes.Name(name="file" | "raw" as function), [nodes.Const(value=str(path))]:
                yield function, path


def _split_tags(text: str) -> Iterator[str]:
    """Yield text and tags in turns, beginning with text; a tag that is not closed is text."""
    start, position, unclosed = 0, 0, set()
    while found := _TAG_START.search(text, position):
        opening = found.group()
        end = -1 if opening in unclosed else text.find(_TAG_ENDS[opening], found.end())
        if end < 0:  # nor is any later one of its kind
            unclosed.add(opening)
            position = found.start() + 1
            if len(unclosed) == len(_TAG_ENDS):
                break
            continue
        yield text[start : found.start()]
        start = position = end + len(opening)
        yield text[found.start() : start]
    yield text[start:]


def _explain_error(error: Exception, where: str, variables: dict[str, Any]) -> BadTemplate:
    line = getattr(error, "lineno", None)
    at = f", line {line}" if line else ""
    if isinstance(error, RenderLimit):
        return BadTemplate(f"{where}{at}: {error}")
    if isinstance(error, RecursionError | MemoryError | SyntaxError):
        problem = "its parts are nested too deep, or call each other without end"
        return BadTemplate(f"{where}: {problem}")
    names = sorted(_list_variables(variables))
    listed = ", ".join(names[:_MAX_SHOWN_NAMES]) + ", …" * (len(names) > _MAX_SHOWN_NAMES)
    return BadTemplate(f"{where}{at}: {_shorten(str(error))}; available variables: {listed}")


def _list_variables(variables: dict[str, Any]) -> Iterator[str]:
    """Yield the names that a template may write, those of the columns in `row` among them."""
    for name, value in variables.items():
        if name == ROW and isinstance(value, dict):
            yield from (f"{ROW}.{column}" for column in value)
        else:
            yield name


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
