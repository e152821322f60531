"""A parsed experiment file, its conditions, and what the command line overrides in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiment.definition.schema import ExperimentSpec

BUILTIN_SOURCE = "builtin:alignment-faking"


@dataclass(frozen=True, slots=True)
class Condition:
    """One cell of the crossed factors.

    Attributes:
        name: the levels' names joined by `/`, such as `free/cot`; `all` without factors.
        levels: factor -> level.
        variables: template variables that the levels set.
    """

    name: str
    levels: dict[str, str]
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A parsed experiment file with its queries.

    Attributes:
        spec: the validated fields.
        path: the file itself.
        source: how a user names it: a path, or `builtin:…`.
        queries: the text of each query, in the file's order.
        prices: prices from the command line, as `Overrides.prices`.
    """

    spec: ExperimentSpec
    path: Path
    source: str
    queries: tuple[str, ...]
    prices: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder that paths in the file are relative to."""
        return self.path.parent

    @property
    def name(self) -> str:
        """The experiment's own name."""
        return self.spec.name

    @property
    def study(self) -> str:
        """The study that the experiment belongs to; by default it has the experiment's name."""
        return self.spec.study or self.spec.name

    def conditions(self) -> Iterator[Condition]:
        """Yield all cells of the crossed factors, the first factor varying slowest."""
        return cross_factors(self.spec)


@dataclass(frozen=True, slots=True)
class Overrides:
    """Values set on the command line; None keeps the file's value."""

    models: tuple[str, ...] = ()
    limit: int | None = None
    samples: int | None = None
    max_tokens: int | None = None
    tokenizers: tuple[str, ...] = ()  # MODEL=SOURCE, or SOURCE for the subject models
    prices: tuple[str, ...] = ()  # MODEL=IN/OUT in USD per million tokens, or MODEL=SOURCE


def cross_factors(spec: ExperimentSpec) -> Iterator[Condition]:
    """Yield all cells of the crossed factors, the first factor varying slowest."""
    for cell in itertools.product(*(levels.items() for levels in spec.factors.values())):
        levels = {factor: level for factor, (level, _) in zip(spec.factors, cell, strict=True)}
        variables = {key: value for _, given in cell for key, value in given.items()}
        yield Condition("/".join(levels.values()) or "all", levels, variables)
