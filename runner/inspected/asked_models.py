"""The models that the options of an evaluation name: the subject's, and those of roles.

Judges that a task names in its code are not among them; the gateway prices those when they are
first asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from experiment.definition import parse_yaml

_MODEL, _ROLE, _VARIABLE = "--model", "--model-role", "INSPECT_EVAL_MODEL"
# Inspect's names of providers that have another one here.
_NAMES = {"grok": "x-ai", "grok-api": "x-ai"}
_SERVICE = "openai-api"  # openai-api/SERVICE/MODEL
_LOCAL = frozenset(
    {"hf", "llama-cpp-python", "mockllm", "nnterp", "none", "ollama", "sglang"}
    | {"transformer_lens", "vllm"}
)
_OF_CLOUDS = ("azure", "bedrock", "vertex")


@dataclass(frozen=True, slots=True)
class AskedModel:
    """A model, as Inspect's options name it.

    Attributes:
        written: as it was written.
        provider: that is asked, by its name in the registry.
        model: its id there.
    """

    written: str
    provider: str
    model: str

    @property
    def is_of_cloud(self) -> bool:
        """Whether a cloud is asked, by an address of its own, as in `openai/azure/gpt-4o`."""
        return self.model.partition("/")[0] in _OF_CLOUDS


def find_asked_models(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[AskedModel, ...]:
    """Return the models that options name, without those that run on this machine.

    Args:
        arguments: of `inspect eval`.
        environment: of this process, where Inspect looks for a model too.
    """
    written = dict.fromkeys(_list_names(arguments)) or {environment.get(_VARIABLE, ""): None}
    models = (_read(name) for each in written for name in each.split(",") if "/" in name)
    return tuple(each for each in models if each.provider not in _LOCAL)


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


def _read(written: str) -> AskedModel:
    provider, _, model = written.strip().partition("/")
    if provider == _SERVICE:
        provider, _, model = model.partition("/")
    return AskedModel(written.strip(), _NAMES.get(provider, provider), model)
