"""Replies: a user's own answers for a rehearsal, where a program cannot go on with placeholders.

A text file is the answer to every call. A JSONL file, an object a line, or a YAML file, a list, has
rules, of which the first that fits a call answers it; a call that none fits gets a placeholder:

    - match: "Is the answer correct"     # a regular expression, found in the call's last message
      model: "gpt-4o*"                   # with * and ?; with or without the provider before it
      reply: "GRADE: I"
    - tool: search                       # calls this tool, where it is offered
      reply: '{"query": "rivers"}'
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from experiment.errors import RefusedFile
from experiment.file_access import read_user_file
from runner.errors import BadReplies

_KEYS = ("match", "model", "tool", "reply")
_MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and which calls it is for.

    Attributes:
        text: of the answer; of a tool's call, its arguments as JSON.
        match: is found in the last message; None for any.
        model: a pattern of its name; empty for any.
        tool: that is called; empty for an answer, or for the tool that must be called.
    """

    text: str
    match: re.Pattern[str] | None = None
    model: str = ""
    tool: str = ""

    def fits(self, provider: str, model: str, last: str) -> bool:
        """Return whether it answers a call to a model, with this last message."""
        names = (model, f"{provider}/{model}")
        is_model = not self.model or any(fnmatchcase(name, self.model) for name in names)
        return is_model and (self.match is None or self.match.search(last) is not None)


@dataclass(frozen=True, slots=True)
class Replies:
    """A user's answers, in the order in which they are tried."""

    rules: tuple[Reply, ...]

    def find(self, provider: str, model: str, last: str, tools: Collection[str]) -> Reply | None:
        """Return the answer to a call; None where no rule fits it.

        Args:
            provider: that is called.
            model: as the program writes it.
            last: the call's last message.
            tools: names of those that it offers.
        """
        fitting = (rule for rule in self.rules if rule.fits(provider, model, last))
        return next((rule for rule in fitting if not rule.tool or rule.tool in tools), None)


def read_replies(path: Path) -> Replies:
    """Read a file of replies.

    Raises:
        BadReplies: it cannot be read, or a rule is none.
    """
    try:
        text = read_user_file(path, _MAX_BYTES).decode("utf-8")
    except (OSError, RefusedFile) as error:
        raise BadReplies(f"cannot read the replies {path}: {error}") from error
    except UnicodeDecodeError as error:
        raise BadReplies(f"{path}: expected a text in UTF-8") from error
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return Replies(tuple(_read_lines(path, text)))
    if suffix in (".yaml", ".yml"):
        return Replies(tuple(_read_list(path, text)))
    if not text.strip():
        raise BadReplies(f"{path} is empty; write the answer that every call shall get")
    return Replies((Reply(text.removesuffix("\n")),))


def _read_lines(path: Path, text: str) -> Iterator[Reply]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                rule = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise BadReplies(f"{path}, line {number}: it is no JSON object") from error
            yield _read_rule(f"{path}, line {number}", rule)


def _read_list(path: Path, text: str) -> Iterator[Reply]:
    try:
        # Every value is a text, so that `reply: yes` is one.
        rules = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes nothing but texts
    except (yaml.YAMLError, RecursionError) as error:
        raise BadReplies(f"{path} is no YAML: {error}") from error
    if not isinstance(rules, list) or not rules:
        raise BadReplies(f"{path}: expected a list of rules, each with a reply:")
    for number, rule in enumerate(rules, 1):
        yield _read_rule(f"{path}, rule {number}", rule)


def _read_rule(where: str, rule: Any) -> Reply:  # noqa: ANN401 - the user's
    if not isinstance(rule, dict):
        raise BadReplies(f"{where}: expected {', '.join(_KEYS)} with their values")
    if unknown := [str(key) for key in rule if key not in _KEYS]:
        raise BadReplies(f"{where}: {unknown[0]!r} is not used here; use {', '.join(_KEYS)}")
    if "reply" not in rule:
        raise BadReplies(f"{where}: there is no reply; write the answer as reply:")
    given = rule["reply"]
    if not isinstance(given, str) and "yaml" in where:
        raise BadReplies(f"{where}: reply: expected a text; write JSON between quotes")
    for name in ("match", "model", "tool"):
        if not isinstance(rule.get(name, ""), str):
            raise BadReplies(f"{where}: {name}: expected a text")
    try:
        match = re.compile(rule["match"]) if rule.get("match") else None
    except re.error as error:
        raise BadReplies(f"{where}: match: {rule['match']!r} is no pattern: {error}") from error
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return Reply(text, match, rule.get("model", ""), rule.get("tool", ""))
