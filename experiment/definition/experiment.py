"""A parsed experiment file, its conditions, and what the command line overrides in it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiment.definition.factors import SAMPLING
from experiment.definition.schema import SUBJECT, ExperimentSpec, SubjectModel
from experiment.errors import BadExperiment
from experiment.file_access import Trust

ROW = "row"  # of templates: the columns of a query's row
_MAX_CELLS = 10_000  # conditions times models, all held in memory
_QUERIES_PER_LOOK = 2  # below two queries there is no spread to test with
_FLEX = {"service_tier": "flex"}
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
        query_columns: of each query the other columns that have a value in its row: name ->
            value; empty where no query has any.
        query_files: sha256 of each file of a data set on the hub that the queries are from.
    """

    spec: ExperimentSpec
    path: Path
    source: str
    queries: tuple[str, ...]
    prices: tuple[str, ...] = ()
    price_files: tuple[str, ...] = ()
    trust: Trust = Trust()
    query_columns: tuple[dict[str, Any], ...] = ()
    query_files: Mapping[str, str] = field(default_factory=dict)

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

    def list_query_variables(self, query: int) -> dict[str, Any]:
        """Return the template variables that a query sets besides `query`, by its index.

        `row` holds all columns of its row; there is none where the queries have but their text.
        """
        if not self.query_columns:
            return {}
        column = self.spec.queries.column
        own = {column: self.queries[query]} if column else {}
        return {ROW: own | self.query_columns[query]}


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
    written: tuple[str, ...] = ()  # what the file calls each of `models`, where that is different
    batch: bool = False  # as `batch: yes` in the file
    ways: tuple[str, ...] = ()  # MODEL=WAY: `calls`, `flex` or `batch`


def cross_factors(spec: ExperimentSpec) -> Iterator[Condition]:
    """Yield all cells of the crossed factors, the first factor varying slowest."""
    for cell in itertools.product(*(levels.items() for levels in spec.factors.values())):
        levels = {factor: level for factor, (level, _) in zip(spec.factors, cell, strict=True)}
        variables: dict[str, Any] = {
            key: value for _, given in cell for key, value in given.items() if key != SAMPLING
        }
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


def check_looks(path: Path, spec: ExperimentSpec, queries: int) -> None:
    """Check that each look of a sequential test has queries of its own to look at.

    Raises:
        BadExperiment: there are too few.
    """
    looks = spec.sequential.looks if spec.sequential else 0
    if queries < (least := looks * _QUERIES_PER_LOOK):
        raise BadExperiment(
            f"{path}: sequential.looks: {queries:,} queries are too few for {looks} looks, which "
            f"need at least {least}; ask for fewer looks, or leave `sequential` out"
        )


def apply_overrides(spec: ExperimentSpec, overrides: Overrides) -> ExperimentSpec:
    """Return the fields of an experiment with what the command line overrides."""
    update: dict[str, Any] = {}
    if overrides.models:
        update["subjects"] = _choose_subjects(spec, overrides)
    if overrides.samples is not None:
        update["samples"] = overrides.samples
    if overrides.limit is not None:
        update["queries"] = spec.queries.model_copy(update={"limit": overrides.limit})
    if overrides.max_tokens is not None:
        update |= _override_max_tokens(spec, update, overrides.max_tokens)
    if overrides.batch:
        update["batch"] = True
    if overrides.ways:
        update |= _choose_ways(spec, update, overrides.ways)
    return _override_named(spec.model_copy(update=update), spec, overrides)


def _choose_subjects(spec: ExperimentSpec, overrides: Overrides) -> tuple[SubjectModel, ...]:
    """Return the models of the command line, those of the file with what the file says of them."""
    known, written = {each.name: each for each in spec.subjects}, _match_names(overrides)
    return tuple(
        known[written[name]].model_copy(update={"name": name})
        if written[name] in known
        else SubjectModel(name=name)
        for name in dict.fromkeys(overrides.models)
    )


def _choose_ways(
    spec: ExperimentSpec, update: dict[str, Any], given: tuple[str, ...]
) -> dict[str, Any]:
    """Return the subjects and judges, each asked the way that is chosen for its model."""
    ways = dict(text.rsplit("=", 1) for text in given)
    subjects: tuple[SubjectModel, ...] = update.get("subjects", spec.subjects)

    def ask(name: str, sampling: Any) -> dict[str, Any]:  # noqa: ANN401 - of a subject or a judge
        if name not in ways:
            return {}
        flex = {"sampling": sampling} if ways[name] == "flex" else {}
        return {"batch": ways[name] == "batch"} | flex

    return {
        "subjects": tuple(
            each.model_copy(update=ask(each.name, {**each.sampling, **_FLEX})) for each in subjects
        ),
        "judges": tuple(
            each.model_copy(update=ask(each.model, each.sampling.model_copy(update=_FLEX)))
            for each in spec.judges
        ),
    }


def _match_names(overrides: Overrides) -> dict[str, str]:
    """Return what the file calls each model of the command line."""
    same = {name: name for name in overrides.models}
    return same | dict(zip(overrides.models, overrides.written, strict=False))


def _override_max_tokens(
    spec: ExperimentSpec, update: dict[str, Any], max_tokens: int
) -> dict[str, Any]:
    """Return the fields that set `max_tokens` of the subject models, wherever the file does."""
    subjects: tuple[SubjectModel, ...] = update.get("subjects", spec.subjects)
    return {
        "sampling": spec.sampling.model_copy(update={"max_tokens": max_tokens}),
        "subjects": tuple(
            each.model_copy(update={"sampling": _without_limit(each.sampling)}) for each in subjects
        ),
        "factors": {
            factor: {
                name: level | {SAMPLING: _without_limit(level[SAMPLING])}
                if SAMPLING in level
                else level
                for name, level in levels.items()
            }
            for factor, levels in spec.factors.items()
        },
    }


def _without_limit(changes: Any) -> dict[str, Any]:  # noqa: ANN401 - `SamplingChanges`
    return {name: value for name, value in changes.items() if name != "max_tokens"}


def _override_named(
    changed: ExperimentSpec, spec: ExperimentSpec, overrides: Overrides
) -> ExperimentSpec:
    """Return the fields that name models, with the tokenizers of the command line.

    What the file says of a model that the command line leaves out is left out too.
    """
    written = {*changed.models, *(judge.model for judge in changed.judges)}
    named = (_parse_tokenizer(text, written) for text in overrides.tokenizers)
    others = {judge.name for judge in spec.judges} | {SUBJECT}
    others |= {level for levels in spec.factors.values() for level in levels}
    gone, renamed = set(spec.models) - written, _match_names(overrides)
    tokenizer = _rename_models(spec.tokenizer, renamed, gone) | dict(named)
    expect = _rename_models(spec.expect, renamed, gone - others)
    return changed.model_copy(update={"tokenizer": tokenizer, "expect": expect})


def _rename_models(
    given: dict[str, Any], renamed: dict[str, str], gone: set[str]
) -> dict[str, Any]:
    """Return what is said of each model, under its name on the command line."""
    kept = {name: each for name, each in given.items() if name not in gone}
    return kept | {new: given[old] for new, old in renamed.items() if old in given}


def _parse_tokenizer(text: str, models: set[str]) -> tuple[str, str]:
    model, _, source = text.partition("=")
    return (model, source) if model in models else (SUBJECT, text)


def _show_count(count: int) -> str:
    return f"{count:,}" if count < 10**15 else "more than 10^15"
