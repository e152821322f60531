"""Known speeds: how fast a plan's models answered in the runs on this machine.

A model is the same at the same address, whatever it was asked. The study's own calls come first,
then those of the newest other run.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from estimator.plan import Plan
from estimator.wall_time import MOST_TIMED, Speed, TimedCall, fit_speed
from estimator.workload import PlannedModel
from providers.provider import Provider
from providers.registry import load_providers
from runner.ledger import LEDGER_FILE, FileLocation, read_ledger
from runner.run_folder import (
    RunFolder,
    find_known_folders,
    open_run_folder,
)

_MOST_SECONDS = 1.0  # to look at other studies' folders, newest first


class Place(NamedTuple):
    """Where a model is: its provider, that one's address, and its id there."""

    provider: str
    address: str
    id: str


def find_known_speeds(
    plan: Plan,
    providers: Mapping[str, Provider],
    folder: Path,
    beside: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Speed]:
    """Return how fast models are, by their names with their providers; none without enough calls.

    Folders that cannot be read are passed over: nothing in them is needed. A ledger in a database
    is not looked for.

    Args:
        plan: that is estimated.
        providers: of its experiment, by name.
        folder: of the study's runs; it need not exist.
        beside: a folder of other run folders; None looks at no other.
        clock: tells the time in seconds.
    """
    places = _list_places(plan.models, providers)
    wanted = {place: str(plan.models[written].name) for written, place in places.items()}
    found: dict[str, Speed] = {}
    for place in find_known_folders(folder, beside, _MOST_SECONDS, clock):
        found = _time_models(place, wanted, plan.study if place == folder else "") | found
        if len(found) == len(wanted):
            break
    return found


def _time_models(folder: Path, wanted: Mapping[Place, str], study: str = "") -> dict[str, Speed]:
    """Return how fast the wanted models are, by the newest calls in a run folder.

    Args:
        folder: of the run.
        wanted: where these are -> their names.
        study: the name of the study whose own folder it is; empty for another's.
    """
    with suppress(Exception):  # others may have written any of what is read
        run = open_run_folder(folder)
        calls = _read_calls(run, folder)
        basis = "pilot" if study and run.plan.study == study else "history"
        return dict(_fit_each(calls, wanted, basis, folder))
    return {}


def _read_calls(run: RunFolder, folder: Path) -> dict[Place, list[TimedCall]]:
    places = _list_places(run.plan.models, load_providers(run.spec.providers))
    calls: dict[Place, list[TimedCall]] = defaultdict(list)
    # A stranger's folder may name a database: only a file in it is read.
    with read_ledger(FileLocation(folder / LEDGER_FILE), was_checked=True) as reader:
        for each in reader.answer_times(MOST_TIMED * len(places)):
            if (place := places.get(each.model)) and len(calls[place]) < MOST_TIMED:
                calls[place].append(TimedCall(each.output, each.seconds))
    return calls


def _fit_each(
    calls: Mapping[Place, list[TimedCall]], wanted: Mapping[Place, str], basis: str, folder: Path
) -> Iterator[tuple[str, Speed]]:
    for place, name in wanted.items():
        own = calls.get(place, [])
        if speed := fit_speed(own, basis, f"{len(own):,} calls of {folder}"):
            yield name, speed


def _list_places(
    models: Mapping[str, PlannedModel], providers: Mapping[str, Provider]
) -> dict[str, Place]:
    names = {written: each.name for written, each in models.items()}
    return {
        written: Place(name.provider, providers[name.provider].base_url, name.id)
        for written, name in names.items()
        if name.provider in providers
    }
