"""Write a design into a copy of the experiment file, which keeps its comments and its layout."""

from __future__ import annotations

import shlex
from pathlib import Path

from estimator.atomic_write import write_atomically
from estimator.design.choice import Design
from estimator.design.study_design import StudyDesign
from estimator.design.table import Row
from experiment.definition import Experiment, ExperimentSpec, Target, is_builtin, load_experiment
from experiment.editing import Asked, AskedChanges, Changes, ask_in_text, change_text
from experiment.errors import BadExperiment
from experiment.file_access import MAX_TEXT_BYTES, read_user_file

_TIER = "service_tier"


def write_design(design: StudyDesign, row: Row, target: Target, path: Path) -> Design:
    """Write a row of the table into a copy of the experiment file; return what was written.

    Args:
        design: the table.
        row: of it.
        target: which of the row's two designs.
        path: of the copy; beside the experiment file, and not there yet.

    Raises:
        BadExperiment: it cannot be written there, or the file cannot say it; nothing is kept then.
    """
    experiment, chosen = design.experiment, row.design_for(target)
    if chosen is None:
        raise BadExperiment(f"row {row.number} has no design for {_name(target)}; choose another")
    _check_place(experiment, path)
    _check_queries(experiment, chosen, row)
    text = read_user_file(experiment.path, MAX_TEXT_BYTES).decode("utf-8-sig")
    changes = _describe_changes(design, row, chosen, target)
    changed = change_text(text, changes)
    write_atomically(path, changed)
    try:
        copy = _check_copy(experiment, path, changes)
        if asked := _find_asked(experiment, copy):
            write_atomically(path, ask_in_text(changed, asked))
            _check_ways(experiment, _check_copy(experiment, path, changes))
    except Exception:
        path.unlink()
        raise
    return chosen


def _check_place(experiment: Experiment, path: Path) -> None:
    if is_builtin(experiment.source):
        raise BadExperiment(
            f"{experiment.source} is part of afcost, and stays as it is. Copy it first, and design "
            f"the copy:  afcost init {shlex.quote(experiment.name)}"
        )
    if path.exists():
        raise BadExperiment(f"{path} exists, and stays as it is; name another file")
    if path.parent.resolve() != experiment.folder.resolve():
        beside = experiment.folder / path.name
        raise BadExperiment(
            f"{path} is in another folder than the prompts and queries that the file names; name "
            f"one beside it:  --write {shlex.quote(str(beside))}"
        )


def _check_queries(experiment: Experiment, chosen: Design, row: Row) -> None:
    have = len(experiment.queries)
    if chosen.queries > have:
        raise BadExperiment(
            f"row {row.number} asks {chosen.queries:,} queries; {experiment.path} has {have:,}: "
            f"add {chosen.queries - have:,} of the kind first, or choose a row of {have:,}"
        )


def _describe_changes(design: StudyDesign, row: Row, chosen: Design, target: Target) -> Changes:
    spec = design.experiment.spec
    within = row.choice.within
    levels: dict[str, list[str]] = {}
    if len(within) == 1 and within[0]:
        others = [name for name in spec.factors if name != design.compared]
        levels = {name: [level] for name, level in zip(others, within[0].split("/"), strict=True)}
    is_new = target is not spec.target
    return Changes(
        chosen.queries, chosen.samples, row.choice.models, levels, target.value if is_new else None
    )


def _find_asked(experiment: Experiment, copy: Experiment) -> AskedChanges | None:
    """Return in what a design asks models otherwise than the copy says; None where it does not."""
    meant, said = (_list_ways(each.spec) for each in (experiment, copy))
    models, judges = (
        {
            name: Asked(
                own.batch if own.batch != now[name].batch else None,
                own.tier if own.tier != now[name].tier else None,
            )
            for name, own in wanted.items()
            if name in now and own != now[name]
        }
        for wanted, now in zip(meant, said, strict=True)
    )
    return AskedChanges(models, judges) if models or judges else None


def _list_ways(spec: ExperimentSpec) -> tuple[dict[str, Asked], dict[str, Asked]]:
    """Return how each model and each judge is asked, whatever says so."""
    models = {
        each.name: Asked(
            spec.batch if each.batch is None else each.batch,
            {**spec.sampling.model_dump(), **each.sampling}.get(_TIER),
        )
        for each in spec.subjects
    }
    judges = {
        each.name: Asked(
            spec.batch if each.batch is None else each.batch, each.sampling.model_dump().get(_TIER)
        )
        for each in spec.judges
    }
    return models, judges


def _check_ways(experiment: Experiment, copy: Experiment) -> None:
    """Check that the copy asks all models as the design does.

    Raises:
        BadExperiment: it does not.
    """
    if left := _find_asked(experiment, copy):
        names = ", ".join((*left.models, *left.judges))
        raise BadExperiment(
            f"{experiment.path} is written in a way in which {names} cannot be asked otherwise in "
            "place; write `batch` or `service_tier` of them by hand, and design without --by"
        )


def _check_copy(experiment: Experiment, path: Path, changes: Changes) -> Experiment:
    """Check that the copy says what was meant; return it.

    Raises:
        BadExperiment: it does not.
    """
    by_hand = (
        f"write `samples: {changes.samples}` and, in `queries`, `limit: {changes.queries}` by hand"
    )
    try:
        copy = load_experiment(str(path), trust=experiment.trust)
    except BadExperiment as error:
        raise BadExperiment(
            f"{error}\nThe copy would not be valid, so none is kept; {by_hand}"
        ) from error
    kept = {name: tuple(levels) for name, levels in copy.spec.factors.items()}
    is_right = (
        copy.spec.samples == changes.samples
        and len(copy.queries) == changes.queries
        and set(copy.spec.models) == set(changes.models)
        and all(kept[name] == tuple(levels) for name, levels in changes.levels.items())
        and (changes.target is None or copy.spec.target == changes.target)
    )
    if not is_right:
        raise BadExperiment(
            f"{experiment.path} is written in a way that cannot be changed in place; {by_hand}"
        )
    return copy


def _name(target: Target) -> str:
    return target.value.replace("-", " ")
