"""The models that the options of an evaluation name: the subject's, and those of roles.

Judges that a task names in its code are not among them; the gateway prices those when they are
first asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from experiment.definition import parse_yaml
from runner.inspect_logs import InspectModel, read_model_name

_MODEL, _ROLE, _VARIABLE = "--model", "--model-role", "INSPECT_EVAL_MODEL"


def find_asked_models(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[InspectModel, ...]:
    """Return the models that options name, without those that run on this machine.

    Args:
        arguments: of `inspect eval`.
        environment: of this process, where Inspect looks for a model too.
    """
    written = dict.fromkeys(_list_names(arguments)) or {environment.get(_VARIABLE, ""): None}
    models = (read_model_name(name) for each in written for name in each.split(",") if "/" in name)
    return tuple(each for each in models if not each.is_local)


def _list_names(arguments: Sequence[str]) -> Iterator[str]:
    for option, value in _pair_options(arguments):
        if option == _MODEL:
            yield value
        elif option == _ROLE:
            yield from _read_role(value.partition("=")[2])


def _pair_options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield options with their values, written as `--option value` or `--option=value`."""
    for number, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name.startswith("--") and equals:
            yield name, value
        elif word.startswith("-") and number + 1 < len(arguments):
            yield word, arguments[number + 1]


def _read_role(value: str) -> Iterator[str]:
    """Yield the models of a role: names, or YAML with `model` in it."""
    if not value.lstrip().startswith(("{", "[")):
        yield value
        return
    said, _ = parse_yaml(value)
    for each in said if isinstance(said, list) else [said]:
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict) and isinstance(each.get("model"), str):
            yield each["model"]
