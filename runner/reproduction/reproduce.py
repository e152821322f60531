"""Reproduce: write a run's experiment again, plan it today, and compare the two plans.

Nothing is sent, and no key is needed. What a provider answers is no part of it: that a plan is the
same means that the same requests would be sent to the same models at the same prices.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from estimator.errors import EstimatorError
from estimator.plan import (
    Estimate,
    EstimateOptions,
    Plan,
    estimate_experiment,
    format_main_prices,
    save_plan,
)
from estimator.workload import PlannedModel
from experiment.definition import find_builtin, is_builtin, is_hub_file
from experiment.errors import ExperimentError, RefusedFile
from experiment.file_access import MAX_QUERY_BYTES, read_user_file
from pricing.errors import PricingError
from providers.errors import ProvidersError
from runner.errors import BadRun
from runner.run_folder import RunFolder
from runner.versions import list_versions

REPRODUCE_SCHEMA = "afcost.reproduce/1"
_PLAN = "plan.json"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A run's plan, made again.

    Attributes:
        folder: where the experiment was written.
        then: the digest of the run's requests.
        now: that of the requests as they are made now; empty where no plan could be made.
        differences: in what the plan made now differs; empty where it is the same.
        notes: what else is not as it was, and changes no request and no price.
        plan: where the new plan was saved; None where none could be made.
    """

    folder: Path
    then: str
    now: str
    differences: tuple[str, ...]
    notes: tuple[str, ...]
    plan: Path | None

    @property
    def is_same(self) -> bool:
        """Whether the same requests would be sent to the same models at the same prices."""
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "schema": REPRODUCE_SCHEMA,
            "same": self.is_same,
            "requests": {"then": self.then, "now": self.now},
            "differences": list(self.differences),
            "notes": list(self.notes),
            "folder": str(self.folder),
            "plan": self.plan and str(self.plan),
        }


def reproduce_run(run_folder: RunFolder, folder: Path, day: date) -> Reproduction:
    """Write the experiment of a run into a folder, plan it, and compare the plans.

    Args:
        run_folder: of the run.
        folder: new or empty.
        day: today, whose prices apply.

    Raises:
        BadRun: the run folder keeps no files, some were outside of the experiment's folder, or the
            new folder is not empty.
    """
    then = run_folder.plan
    path = _write_experiment(run_folder, folder)
    notes = (*_list_version_changes(run_folder), *_list_edited_files(then))
    options = EstimateOptions(study=then.study or None)
    try:
        estimate = estimate_experiment(str(path), day, then.changes, options)
    except (ExperimentError, PricingError, ProvidersError, EstimatorError) as error:
        problem = f"it cannot be planned now: {error}"
        return Reproduction(folder, then.requests, "", (problem,), notes, None)
    save_plan(estimate.plan, folder / _PLAN)
    differences = tuple(_list_differences(then, estimate))
    now = estimate.plan.requests
    return Reproduction(folder, then.requests, now, differences, notes, folder / _PLAN)


def _write_experiment(run_folder: RunFolder, folder: Path) -> Path:
    """Write the files that a run's plan was made from, and return the experiment file's path."""
    if not run_folder.files:
        raise BadRun(
            f"{run_folder.path} was made by an earlier version, which kept no files of its prompts"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadRun(f"{folder} exists and is not empty; choose a new folder with -o")
    if outside := [name for name in run_folder.files if _is_outside(name)]:
        raise BadRun(
            f"{', '.join(outside)}: not in the experiment's own folder when it was planned, so the "
            "experiment cannot be written again in another one; plan it where it is"
        )
    for name, text in run_folder.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    if (prices := _find_own_prices(run_folder)) is not None:
        shutil.copyfile(prices, folder / prices.name)
    return folder / _name_experiment(run_folder.plan)


def _list_edited_files(then: Plan) -> Iterator[str]:
    """Yield which files have another text, where the experiment is, than when it was planned.

    Where it is no longer, or is the built-in one, there is nothing to compare: what a run needs is
    in its own folder.
    """
    source = Path(then.source)
    if is_builtin(then.source) or not source.is_file():
        return
    for name in sorted(then.files):
        if is_hub_file(name):
            continue
        path = source.parent / name
        try:
            found = hashlib.sha256(read_user_file(path, MAX_QUERY_BYTES)).hexdigest()
        except (OSError, RefusedFile):
            yield f"{path} is gone, or cannot be read now; this is about the run's own copy"
            continue
        if found != then.files[name]:
            yield f"{path} is another text now than in the run; this is about the run's own copy"


def _is_outside(name: str) -> bool:
    path = Path(os.path.normpath(name))
    return path.is_absolute() or path.parts[:1] == (os.pardir,)


def _name_experiment(plan: Plan) -> str:
    """Return the name that a plan has for the experiment file itself."""
    return (
        find_builtin(plan.source).path.name if is_builtin(plan.source) else Path(plan.source).name
    )


def _find_own_prices(run_folder: RunFolder) -> Path | None:
    """Return the experiment's own price file where it still is; a run folder keeps none."""
    source = run_folder.plan.source
    if is_builtin(source):
        return None
    path = Path(source).parent / "afcost.prices.yaml"
    return path if path.is_file() else None


def _list_differences(then: Plan, estimate: Estimate) -> Iterator[str]:
    """Yield in what a plan that is made now differs from the run's."""
    now = estimate.plan
    for name in sorted(then.files.keys() | now.files.keys()):
        if then.files.get(name) != now.files.get(name):
            how = "added" if name not in then.files else "removed" if name not in now.files else ""
            yield f"file {name}: {how or 'its text is another'}"
    for written in sorted(then.models.keys() | now.models.keys()):
        old, new = then.models.get(written), now.models.get(written)
        if old is None or new is None:
            yield f"model {written}: {'added' if old is None else 'removed'}"
        else:
            yield from _list_model_changes(old, new)
    if then.requests != now.requests:
        yield "the requests: what is sent, or how it is named, is not the same"


def _list_model_changes(old: PlannedModel, new: PlannedModel) -> Iterator[str]:
    if old.name != new.name:
        yield f"model {old.name}: it is {new.name} now"
    was, today = format_main_prices(old.card), format_main_prices(new.card)
    if was != today:
        yield f"price of {old.name}: {was} then, {today} now"
    elif _bare(old) != _bare(new):
        yield f"price of {old.name}: another than the input's or output's has changed"
    if old.counting.fingerprint != new.counting.fingerprint:
        yield f"tokenizer of {old.name}: it is another one"
    if old.window != new.window:
        yield f"context window of {old.name}: {_count(old.window)} then, {_count(new.window)} now"
    if old.takes is not None and old.takes != new.takes:
        yield f"model {old.name}: what it is known to take has changed"


def _bare(model: PlannedModel) -> object:
    """Return a model's prices, without where they are from."""
    return replace(model.card, checked=None, source="")


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,} tokens"


def _list_version_changes(run_folder: RunFolder) -> Iterator[str]:
    """Yield which packages have another version than when the run was last run."""
    then, now = run_folder.versions, list_versions()
    for name in then:
        if then[name] != now.get(name):
            yield f"{name} {then[name]} then, {now.get(name, 'not installed')} now"
