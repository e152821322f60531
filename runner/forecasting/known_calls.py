"""Known calls: answers on this machine to the same prompts of the same models, found by themselves.

They are in the run folder of the study, and in those of other studies beside it. A stratum is the
same where one of its first requests has the id of one that was answered: an id is made of all that
is sent, to which provider. A judge is the same where its fields, and the files that both plans are
made of, are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from estimator.forecast import MeasuredCalls
from estimator.plan import Plan, read_plan
from estimator.workload import PlannedModel, StratumKey, make_request_builder
from experiment.definition import SUBJECT, Experiment
from runner.forecasting.gathered_calls import BASIS
from runner.forecasting.own_calls import read_own_calls
from runner.ledger import LEDGER_FILE, FileLocation, read_ledger
from runner.results import RunRecords
from runner.run_folder import (
    PLAN_FILE,
    RunFolder,
    find_known_folders,
    open_run_folder,
)

_MOST_SECONDS = 3.0  # to look at other studies' folders, newest first
_MOST_QUERIES = 20  # of each cell, whose ids are compared


def find_known_calls(
    plan: Plan,
    experiment: Experiment,
    folder: Path,
    beside: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[StratumKey, MeasuredCalls]:
    """Return the billed calls on which a plan's forecast may rest.

    The study's own come first, then those of the newest other run. Folders with calls in flight
    are left out, as short answers end first, and so are those that cannot be read: nothing in them
    is needed. A ledger in a database is not looked for. A few seconds are spent on other runs.

    Args:
        plan: that is estimated.
        experiment: that it plans.
        folder: of the study's runs; it need not exist.
        beside: a folder of other run folders; None looks at no other.
        clock: tells the time in seconds.
    """
    search = _Search(plan, experiment)
    for place in find_known_folders(folder, beside, _MOST_SECONDS, clock):
        search.look_at(place, is_own=place == folder)
        if search.is_complete:
            break
    return search.found


class _Search:
    """A search for calls, folder by folder: what an earlier one has, no later one replaces.

    Args:
        plan: that is estimated.
        experiment: that it plans.
    """

    def __init__(self, plan: Plan, experiment: Experiment) -> None:
        self.found: dict[StratumKey, MeasuredCalls] = {}
        self._plan, self._experiment = plan, experiment
        self._asked: dict[str, tuple[StratumKey, int]] = {}

    @property
    def is_complete(self) -> bool:
        """Whether there are calls of each stratum."""
        return all(each.key in self.found for each in self._plan.strata)

    def look_at(self, folder: Path, *, is_own: bool = False) -> None:
        """Take the calls of a run folder, if it has any of the plan's."""
        plan, experiment = self._plan, self._experiment
        with suppress(Exception):  # others may have written any of what is read
            if not _share_models(plan.models, read_plan(folder / PLAN_FILE).models):
                return
            self._asked = self._asked or _list_first_ids(experiment, plan.models)
            location = FileLocation(folder / LEDGER_FILE)
            if not _answers_any(location, self._asked):
                return
            # A stranger's folder may name a database: only a file in it is read.
            run = replace(open_run_folder(folder), location=location)
            own = is_own and run.plan.study == plan.study
            calls = dict(_match_calls(plan, experiment, run, self._asked, own=own))
            self.found = calls | self.found


def _answers_any(location: FileLocation, asked: Iterable[str]) -> bool:
    """Return whether a ledger has any of some requests, without a look at the rest of it."""
    with read_ledger(location, was_checked=True) as reader:
        return next(reader.jobs_of(asked), None) is not None


def find_calls_of_run(
    run: RunFolder, plan: Plan, experiment: Experiment
) -> dict[StratumKey, MeasuredCalls]:
    """Return the calls of a run on which the forecast of another study may rest.

    Nothing where calls are in flight, or where the run asked something else.

    Args:
        run: whose calls they are.
        plan: that is estimated.
        experiment: that it plans.

    Raises:
        LedgerError: its ledger cannot be read.
    """
    asked = _list_first_ids(experiment, plan.models)
    return dict(_match_calls(plan, experiment, run, asked, own=False))


def _share_models(one: dict[str, PlannedModel], other: dict[str, PlannedModel]) -> bool:
    names = ({(m.name.provider, m.name.id) for m in models.values()} for models in (one, other))
    return bool(set.intersection(*names))


def _list_first_ids(
    experiment: Experiment, models: dict[str, PlannedModel]
) -> dict[str, tuple[StratumKey, int]]:
    """Return the ids of each cell's first requests, with the stratum and query of each."""
    requests = make_request_builder(experiment, models)
    return {
        requests.build_subject_request(model, condition, query, sample=0).id: (
            StratumKey(SUBJECT, model, condition.name),
            query,
        )
        for model, condition in requests.cells
        for query in range(min(_MOST_QUERIES, len(experiment.queries)))
    }


def _match_calls(
    plan: Plan,
    experiment: Experiment,
    run: RunFolder,
    asked: dict[str, tuple[StratumKey, int]],
    *,
    own: bool,
) -> Iterator[tuple[StratumKey, MeasuredCalls]]:
    """Yield the calls of a run under the names that the plan has for them."""
    with read_ledger(run.ledger_location) as reader:
        same: dict[StratumKey, StratumKey] = {}
        for attempt in RunRecords(run, reader).read_subjects():
            if attempt.job in asked:
                then = StratumKey(SUBJECT, attempt.model, attempt.condition)
                same[then] = asked[attempt.job][0]
        if not same:
            return
        known = read_own_calls(run, reader)
    if known.in_flight:
        return
    same |= dict(_match_judges(plan, experiment, run, same))
    numbers = _number_queries(experiment.queries, run.queries)
    for then, calls in known.calls.items():
        if then in same:
            yield same[then], _rename(calls, numbers, run.path, own=own)


def _match_judges(
    plan: Plan, experiment: Experiment, run: RunFolder, same: dict[StratumKey, StratumKey]
) -> Iterator[tuple[StratumKey, StratumKey]]:
    both = plan.files.keys() & run.plan.files.keys() - {experiment.path.name}
    if any(plan.files[name] != run.plan.files[name] for name in both):
        return
    earlier = {judge.name: judge for judge in run.spec.judges}
    for judge in experiment.spec.judges:
        if earlier.get(judge.name) == judge:
            for then, now in same.items():
                if run.plan.models[judge.model].name.id == plan.models[judge.model].name.id:
                    yield (
                        StratumKey(judge.name, judge.model, then.condition),
                        StratumKey(judge.name, judge.model, now.condition),
                    )


def _number_queries(now: Iterable[str], then: Iterable[str]) -> list[int]:
    """Return the number in the plan of each query of a run; others come after its own."""
    numbers: dict[str, int] = {}
    size = 0
    for size, text in enumerate(now, start=1):
        numbers.setdefault(text, size - 1)
    return [numbers.get(text, size + at) for at, text in enumerate(then)]


def _rename(calls: MeasuredCalls, numbers: list[int], folder: Path, *, own: bool) -> MeasuredCalls:
    queries = np.array(numbers, dtype=np.int64)[calls.queries]
    if own:
        return replace(calls, queries=queries, basis=BASIS)
    number = len(np.unique(queries))
    said = f"{number:,} {'query' if number == 1 else 'queries'} of {folder}"
    return replace(calls, queries=queries, basis="history", source=said)
