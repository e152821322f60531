"""Reading an experiment file: YAML in, an `Experiment` out, or an error at a line and a field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from experiment.definition import schema
from experiment.definition.experiment import BUILTIN, Changes, Experiment
from experiment.definition.queries import read_queries
from experiment.definition.schema import Spec
from experiment.errors import BadExperiment

_BUILTIN_FOLDER = Path(__file__).parents[1] / "builtin" / "alignment-faking"
_OWNERS: dict[Any, type[BaseModel]] = {
    "queries": schema.Queries,
    "messages": schema.MessageTemplate,
    "judges": schema.Judge,
    "providers": schema.ProviderFields,
    "answer": schema.AnswerFormat,
}


def load(source: str, changes: Changes = Changes()) -> Experiment:
    """Load an experiment.

    Args:
        source: path of a YAML file, or `BUILTIN`.
        changes: what replaces the file's own values.

    Raises:
        BadExperiment: no such file, not YAML, or a field that is not what it must be.
        BadQueries: its queries cannot be read.
    """
    path = _BUILTIN_FOLDER / "experiment.yaml" if source == BUILTIN else Path(source)
    spec = _changed(_validated(path), changes)
    if not spec.models:
        raise BadExperiment(f"{path}: models: no model given; add one, or pass --model NAME")
    queries = read_queries(path.parent, spec.queries)
    return Experiment(spec, path.parent, source, queries, changes.prices)


def builtin_folder() -> Path:
    """Give the folder of the built-in experiment, for copying."""
    return _BUILTIN_FOLDER


def _changed(spec: Spec, changes: Changes) -> Spec:
    update: dict[str, Any] = {}
    if changes.models:
        update["models"] = tuple(dict.fromkeys(changes.models))
    if changes.samples is not None:
        update["samples"] = changes.samples
    if changes.limit is not None:
        update["queries"] = spec.queries.model_copy(update={"limit": changes.limit})
    if changes.max_tokens is not None:
        update["sampling"] = spec.sampling.model_copy(update={"max_tokens": changes.max_tokens})
    if changes.tokenizers:
        written = {*update.get("models", spec.models), *(judge.model for judge in spec.judges)}
        named = (_named_tokenizer(text, written) for text in changes.tokenizers)
        update["tokenizer"] = spec.tokenizer | dict(named)
    return spec.model_copy(update=update)


def _named_tokenizer(text: str, models: set[str]) -> tuple[str, str]:
    model, _, source = text.partition("=")
    return (model, source) if model in models else (schema.SUBJECT, text)


def _validated(path: Path) -> Spec:
    try:
        text = path.read_text(encoding="utf-8")
        data, root = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise BadExperiment(
            f"cannot read {path}: {error.strerror}; `afcost init` creates an example"
        ) from error
    except UnicodeDecodeError as error:
        raise BadExperiment(f"{path} is not UTF-8 text: {error}") from error
    except (yaml.YAMLError, ValueError) as error:  # a day like 2026-02-30 is a ValueError
        raise BadExperiment(f"{path} is not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise BadExperiment(
            f"{path}: expected fields such as `name:` and `queries:`, found {str(data)[:60]!r}"
        )
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        raise BadExperiment(_explain(path, root, error)) from error


def _explain(path: Path, root: yaml.Node | None, error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False):
        place = [part for part in problem["loc"] if part != "[key]"]
        field = ".".join(map(str, place)) or "experiment"
        what = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            what = f"unknown field; known fields: {', '.join(_known_fields(place))}"
        elif problem["type"] != "missing" and not isinstance(problem["input"], dict | list):
            what += f" (found {problem['input']!r})"
        problems.append(f"{path}, line {_line(root, place)}: {field}: {what}")
    return "\n".join(dict.fromkeys(problems))


def _line(node: yaml.Node | None, place: list[Any]) -> int:
    """Find the line of the deepest node on the way to a field that is in the file."""
    line = 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == str(part)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            found = [(child, child) for child in node.value[part : part + 1]]
        else:
            found = []
        if not found:
            break
        line, node = found[0][0].start_mark.line + 1, found[0][1]
    return line


def _known_fields(place: list[Any]) -> list[str]:
    owner = next((_OWNERS[part] for part in reversed(place[:-1]) if part in _OWNERS), Spec)
    return list(owner.model_fields)
