"""The built-in experiments: their names, what each is, and where its file is.

They share their prompts, so their files stand in one folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiment.errors import BadExperiment

BUILTIN_SOURCE = "builtin:alignment-faking"  # where a command is given no experiment
_MARK = "builtin:"
_FOLDER = Path(__file__).parents[1] / "builtin" / "alignment-faking"


@dataclass(frozen=True, slots=True)
class BuiltinExperiment:
    """A built-in experiment: its name, what it is in a few words, and its file."""

    name: str
    about: str
    file: str

    @property
    def source(self) -> str:
        """How a command names it."""
        return f"{_MARK}{self.name}"

    @property
    def path(self) -> Path:
        """Where its file is."""
        return _FOLDER / self.file


_BUILTINS = (
    BuiltinExperiment(
        "alignment-faking",
        "helpful-only: free against paid tier, with and without written reasoning",
        "experiment.yaml",
    ),
    BuiltinExperiment(
        "alignment-faking-animals",
        "the same tiers, with a partner who wants animal farming praised",
        "animals.yaml",
    ),
    BuiltinExperiment(
        "alignment-faking-tiers",
        "helpful-only with a third tier between them, rated but not trained on",
        "tiers.yaml",
    ),
    BuiltinExperiment(
        "alignment-faking-wording",
        "helpful-only with three wordings of its system prompt",
        "wording.yaml",
    ),
)


def list_builtins() -> tuple[BuiltinExperiment, ...]:
    """Return the built-in experiments, the one that is taken by default first."""
    return _BUILTINS


def is_builtin(source: str) -> bool:
    """Return whether an experiment is named as a built-in one, and not by its path."""
    return source.startswith(_MARK)


def find_builtin(name: str) -> BuiltinExperiment:
    """Return the built-in experiment of a name, with or without `builtin:`.

    Raises:
        BadExperiment: there is none; the text lists those there are.
    """
    wanted = name.removeprefix(_MARK)
    for each in _BUILTINS:
        if each.name == wanted:
            return each
    names = ", ".join(each.name for each in _BUILTINS)
    raise BadExperiment(f"{wanted!r} is no built-in experiment; there are {names}")


def builtin_folder() -> Path:
    """Return the folder of the built-in experiments."""
    return _FOLDER
