"""A parsed experiment file, its conditions, and what the command line overrides in it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiment.definition.schema import ExperimentSpec
from experiment.errors import BadExperiment
from experiment.file_access import Trust

BUILTIN_SOURCE = "builtin:alignment-faking"
_MAX_CELLS = 10_000  # conditions times models, all held in memory
_MAX_REQUESTS = 20_000_000  # half an hour of counting


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
        price_files: price files from the command line.
        trust: what it may read beyond its own folder.
    """

    spec: ExperimentSpec
    path: Path
    source: str
    queries: tuple[str, ...]
    prices: tuple[str, ...] = ()
    price_files: tuple[str, ...] = ()
    trust: Trust = Trust()

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
    price_files: tuple[str, ...] = ()  # absolute paths


def cross_factors(spec: ExperimentSpec) -> Iterator[Condition]:
    """Yield all cells of the crossed factors, the first factor varying slowest."""
    for cell in itertools.product(*(levels.items() for levels in spec.factors.values())):
        levels = {factor: level for factor, (level, _) in zip(spec.factors, cell, strict=True)}
        variables = {key: value for _, given in cell for key, value in given.items()}
        yield Condition("/".join(levels.values()) or "all", levels, variables)


def check_request_count(path: Path, spec: ExperimentSpec, queries: int) -> None:
    """Check that an experiment is of a size that can be counted, before anything is made of it.

    Raises:
        BadExperiment: it has too many conditions or requests.
    """
    cells = math.prod([len(levels) for levels in spec.factors.values()]) * len(spec.models)
    if cells > _MAX_CELLS:
        raise BadExperiment(
            f"{path}: factors: {_show_count(cells)} conditions and models; at most "
            f"{_MAX_CELLS:,} can be planned. Cross fewer factors, or split the experiment"
        )
    each = 1 + sum(judge.samples for judge in spec.judges)
    requests = cells * queries * spec.samples * each
    if requests > _MAX_REQUESTS:
        raise BadExperiment(
            f"{path}: {_show_count(requests)} requests, from {cells:,} conditions and models, "
            f"{queries:,} queries and {_show_count(spec.samples)} samples; at most "
            f"{_MAX_REQUESTS:,} can be planned. Lower `samples` or `limit`, or split the experiment"
        )


def _show_count(count: int) -> str:
    return f"{count:,}" if count < 10**15 else "more than 10^15"
