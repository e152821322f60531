"""Load an experiment file: YAML in, an `Experiment` out, or an error at a line and a field."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from experiment.definition import schema
from experiment.definition.bounded_yaml import parse_yaml
from experiment.definition.builtins import find_builtin, is_builtin
from experiment.definition.experiment import (
    Experiment,
    Overrides,
    apply_overrides,
    check_looks,
    check_request_count,
)
from experiment.definition.field_types import MessageTemplate
from experiment.definition.judge import Judge
from experiment.definition.judges import WHEN_TAGS, Selection, VerdictFormat
from experiment.definition.provider_fields import ProviderFields
from experiment.definition.queries import QueryFile, read_query_table
from experiment.definition.schema import ExperimentSpec
from experiment.errors import BadExperiment, RefusedFile
from experiment.file_access import (
    MAX_TEXT_BYTES,
    Trust,
    open_file,
    refuse_kernel_file,
    resolve_path,
)

_SECTION_MODELS: dict[Any, type[BaseModel]] = {
    "models": schema.SubjectModel,
    "queries": QueryFile,
    "messages": MessageTemplate,
    "judges": Judge,
    "when": Selection,
    "verdict": VerdictFormat,
    "providers": ProviderFields,
    "answer": schema.AnswerFormat,
    "sequential": schema.SequentialTest,
}
_NO_LONGER = {
    "free_fields": "no such field any more; write what it names in `sampling: {extra: {…}}` instead"
}
_PLAIN_WORDS = {"bool_parsing": "expected yes or no", "bool_type": "expected yes or no"}
_NO_PLACES = {"[key]", *WHEN_TAGS}  # parts of a place that no file has
_MAX_ERRORS = 20  # in one message
_MAX_SHOWN = 200  # characters of a value in an error message


def load_experiment(
    source: str, overrides: Overrides = Overrides(), trust: Trust = Trust()
) -> Experiment:
    """Load an experiment file and its queries.

    Args:
        source: path of a YAML file, or `builtin:NAME`.
        overrides: values that replace the file's own.
        trust: what it may read beyond its own folder.

    Raises:
        BadExperiment: no such file, not YAML, an invalid field, or more requests than can be made.
        BadQueries: its queries cannot be read.
    """
    if trust.overrides:
        given = (_strip_model(text) for text in overrides.tokenizers)
        trust = replace(trust, tokenizers=trust.tokenizers.union(overrides.tokenizers, given))
    path = find_builtin(source).path if is_builtin(source) else Path(source)
    spec = apply_overrides(_read_spec(path), overrides)
    if not spec.models:
        raise BadExperiment(f"{path}: models: no model given; add one, or pass --model NAME")
    table = read_query_table(path.parent, spec.queries, trust)
    check_request_count(path, spec, len(table.texts))
    check_looks(path, spec, len(table.texts))
    return Experiment(
        spec,
        path,
        source,
        table.texts,
        overrides.prices,
        overrides.price_files,
        trust,
        query_columns=table.columns,
        query_files=table.files,
    )


def _strip_model(tokenizer: str) -> str:
    """Return the source of a tokenizer on the command line, which may follow a model's name."""
    return tokenizer.partition("=")[2]


def _read_spec(path: Path) -> ExperimentSpec:
    try:
        data, root = parse_yaml(_read_text(path))
    except RefusedFile as error:
        raise BadExperiment(f"cannot read {path}: {error}") from error
    except OSError as error:
        raise BadExperiment(
            f"cannot read {path}: {error.strerror}; `afcost init` creates an example"
        ) from error
    except UnicodeDecodeError as error:
        raise BadExperiment(f"{path} is not UTF-8 text: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: of 2026-02-30
        where = str(error).replace('in "<unicode string>",', "at")
        raise BadExperiment(f"{path} is not valid YAML: {where}") from error
    if not isinstance(data, dict):
        raise BadExperiment(
            f"{path}: expected fields such as `name:` and `queries:`, found {str(data)[:60]!r}"
        )
    try:
        return ExperimentSpec.model_validate(data)
    except ValidationError as error:
        raise BadExperiment(_explain_errors(path, root, error)) from error


def _read_text(path: Path) -> str:
    """Read an experiment file; the user named it, so it may be anywhere."""
    if path.is_dir():
        raise BadExperiment(
            f"{path} is a folder; name the experiment file in it, such as "
            f"{path / 'experiment.yaml'}"
        )
    real = resolve_path(path)
    refuse_kernel_file(real)
    with open_file(real, MAX_TEXT_BYTES) as file:
        return file.read(MAX_TEXT_BYTES).decode().replace("\r\n", "\n").replace("\r", "\n")


def _explain_errors(path: Path, root: yaml.Node | None, error: ValidationError) -> str:
    lines = []
    problems = error.errors(include_url=False)
    for problem in problems[:_MAX_ERRORS]:
        place = [part for part in problem["loc"] if part not in _NO_PLACES]
        field = ".".join(map(str, place)) or "experiment"
        said = _PLAIN_WORDS.get(problem["type"], problem["msg"])
        text = said.removeprefix("Value error, ")[: 5 * _MAX_SHOWN]
        if problem["type"] == "extra_forbidden":
            text = f"unknown field; known fields: {', '.join(_list_known_fields(place))}"
            text = _NO_LONGER.get(field, text)
        elif problem["type"] != "missing" and not isinstance(problem["input"], dict | list):
            text += f" (found {repr(_hide_password(problem['input']))[:_MAX_SHOWN]})"
        lines.append(f"{path}, line {_find_line(root, place)}: {field}: {text}")
    if len(problems) > _MAX_ERRORS:
        lines.append(f"… and {len(problems) - _MAX_ERRORS:,} more")
    return "\n".join(dict.fromkeys(lines))


def _hide_password(value: object) -> object:
    """Return a value without the user name and password of an address."""
    return re.sub(r"//.*@", "//…@", value, flags=re.DOTALL) if isinstance(value, str) else value


def _find_line(node: yaml.Node | None, field_path: list[Any]) -> int:
    """Return the line of the deepest node in the file on the path to a field."""
    line = 1
    for part in field_path:
        if isinstance(node, yaml.MappingNode):
            children = [(k, v) for k, v in node.value if k.value == str(part)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            children = [(child, child) for child in node.value[part : part + 1]]
        else:
            children = []
        if not children:
            break
        line, node = children[0][0].start_mark.line + 1, children[0][1]
    return line


def _list_known_fields(field_path: list[Any]) -> list[str]:
    owner = next(
        (_SECTION_MODELS[part] for part in reversed(field_path[:-1]) if part in _SECTION_MODELS),
        ExperimentSpec,
    )
    return [field.alias or name for name, field in owner.model_fields.items()]
