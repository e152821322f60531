"""Write a design into a copy of the experiment file, which keeps its comments and its layout."""

from __future__ import annotations

import shlex
from pathlib import Path

from estimator.atomic_write import write_atomically
from estimator.design.choice import Design
from estimator.design.study_design import StudyDesign
from estimator.design.table import Row
from experiment.definition import Experiment, Target, is_builtin, load_experiment
from experiment.editing import Changes, change_text
from experiment.errors import BadExperiment
from experiment.file_access import MAX_TEXT_BYTES, read_user_file


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
    write_atomically(path, change_text(text, changes))
    try:
        _check_copy(experiment, path, changes)
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


def _check_copy(experiment: Experiment, path: Path, changes: Changes) -> None:
    """Check that the copy says what was meant.

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


def _name(target: Target) -> str:
    return target.value.replace("-", " ")
