"""A judge file: the judges that a run is to have, with the files that their prompts name.

It is a YAML of one judge, a list of them, or a mapping with `judges:`, such as an experiment file;
of that, `providers:` is taken too. What a prompt inserts stands beside the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from estimator.trusted_folders import user_trust
from experiment.definition import ExperimentSpec, Judge, parse_yaml
from experiment.errors import BadExperiment, BadTemplate, RefusedFile
from experiment.file_access import MAX_TEXT_BYTES, Trust, read_file, read_user_file
from experiment.prompts import Templates

_ONE_JUDGE = {"name", "model", "messages"}  # fields of a judge that stands alone
_MAX_SHOWN = 300  # characters of a problem
_MAX_NAME = 80  # characters of a name in an error


@dataclass(frozen=True, slots=True)
class JudgeFile:
    """Judges, as a file has them.

    Attributes:
        path: of the file.
        judges: their fields, as written.
        providers: the file's own, by name.
        files: the text of every file that the prompts name, by path relative to the judge file.
    """

    path: Path
    judges: tuple[dict[str, Any], ...]
    providers: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The judges' names, in the file's order."""
        return tuple(str(judge["name"]) for judge in self.judges)

    def add_to(self, stored: dict[str, Any]) -> ExperimentSpec:
        """Return a stored experiment's fields with these judges; one of the same name is replaced.

        Raises:
            BadExperiment: a judge, or a provider, is none, or a provider is another one there.
        """
        fields = stored | {"judges": list(_merge_judges(stored["judges"], self.judges))}
        fields["providers"] = self._merge_providers(stored.get("providers", {}))
        try:
            return ExperimentSpec.model_validate(fields)
        except ValidationError as error:
            raise BadExperiment(_explain(self.path, fields["judges"], error)) from error

    def _merge_providers(self, known: dict[str, Any]) -> dict[str, Any]:
        for name, given in self.providers.items():
            ours = {k: v for k, v in known.get(name, {}).items() if v is not None}
            if name in known and ours != given:
                raise BadExperiment(
                    f"{self.path}: providers.{name}: the run has another provider of this name; "
                    "give this one another name, and the judge's model with it"
                )
        return known | self.providers


def read_judge_file(path: Path) -> JudgeFile:
    """Read a judge file and the files that its prompts name.

    Raises:
        BadExperiment: it cannot be read, is not YAML, or has no judge.
        RefusedFile: a prompt names a file that may not be read.
    """
    if path.is_dir():
        raise BadExperiment(f"--judge {path} is a folder; name the YAML file of the judge in it")
    try:
        data, _ = parse_yaml(read_user_file(path, MAX_TEXT_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise BadExperiment(f"cannot read --judge {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadExperiment(f"--judge {path} is not valid YAML: {error}") from error
    judges = tuple(_find_judges(path, data))
    providers = data.get("providers") if isinstance(data, dict) else None
    files = _read_named_files(path, judges)
    return JudgeFile(path, judges, providers if isinstance(providers, dict) else {}, files)


def _find_judges(path: Path, data: object) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict) and "judges" in data:
        found = data["judges"]
    elif isinstance(data, dict) and data.keys() >= _ONE_JUDGE:
        found = [{name: value for name, value in data.items() if name != "providers"}]
    else:
        found = data
    if not isinstance(found, list) or not found:
        raise BadExperiment(
            f"--judge {path}: expected a judge (name, model, messages, sampling), a list of "
            "judges, or an experiment file with `judges:`"
        )
    for number, judge in enumerate(found):
        if not isinstance(judge, dict) or not isinstance(judge.get("name"), str):
            raise BadExperiment(f"--judge {path}: judge {number + 1} has no name")
        yield judge


def _merge_judges(
    known: list[dict[str, Any]], new: tuple[dict[str, Any], ...]
) -> Iterator[dict[str, Any]]:
    """Yield the known judges, replaced where a new one has the same name, then the others."""
    by_name = {str(judge["name"]): judge for judge in new}
    if len(by_name) < len(new):
        names = [str(judge["name"]) for judge in new]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadExperiment(f"two judges are named {twice!r}; give each a name of its own")
    for judge in known:
        yield by_name.pop(judge["name"], judge)
    yield from by_name.values()


def _read_named_files(path: Path, judges: tuple[dict[str, Any], ...]) -> dict[str, str]:
    """Return the text of every file that the judges' prompts name."""
    trust = user_trust()
    templates = Templates(path.parent, trust=trust)
    named: dict[str, None] = {}
    for judge in judges:
        for message in judge.get("messages") or ():
            content = message.get("content") if isinstance(message, dict) else None
            if isinstance(content, str):
                named |= dict.fromkeys(_list_named(path, str(judge["name"]), templates, content))
    return {os.path.normpath(name): _read_text(path, name, trust) for name in named}


def _list_named(path: Path, judge: str, templates: Templates, content: str) -> Iterable[str]:
    """Return the files that a message of a judge names.

    Raises:
        BadTemplate: a syntax error, or one of them cannot be read.
    """
    try:
        return templates.list_named_files(content, need_all=True)
    except BadTemplate as error:
        if isinstance(error.__cause__, RefusedFile):
            raise
        raise BadTemplate(f"--judge {path}: judge {judge[:_MAX_NAME]}: {error}") from error


def _read_text(path: Path, name: str, trust: Trust) -> str:
    if Path(name).is_absolute() or os.path.normpath(name).startswith(".."):
        raise RefusedFile(
            f"{path}: its prompt inserts {name}, which is not beside it or below; copy it there"
        )
    return read_file(path.parent, name, trust).decode()


def _explain(path: Path, judges: list[dict[str, Any]], error: ValidationError) -> str:
    """Return what is wrong, with the judge's name and field."""
    lines = []
    for problem in error.errors(include_url=False):
        place = [str(part) for part in problem["loc"]]
        if place[:1] == ["judges"] and len(place) > 1:
            name = str(judges[int(place[1])].get("name"))
            place = [f"judge {name[:_MAX_NAME]}", *place[2:]]
        said = problem["msg"].removeprefix("Value error, ")[:_MAX_SHOWN]
        if problem["type"] == "extra_forbidden":
            said = f"unknown field; known fields: {', '.join(Judge.model_fields)}"
        lines.append(f"--judge {path}: {'.'.join(place)}: {said}")
    return "\n".join(dict.fromkeys(lines))
