"""Known batches: how long providers took for batches in the runs on this machine.

Only batches count that one execution waited for: one that is collected later may have ended before.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from estimator.plan import Plan
from estimator.wall_time import Z90, BatchTime, find_batch_time
from providers.provider import Provider
from providers.registry import load_providers
from runner.ledger import LEDGER_FILE, FileLocation, read_ledger
from runner.run_folder import find_known_folders, open_run_folder

_FEWEST = 3  # batches, before they count
_SPREAD = math.log(3) / Z90  # a judgment, from one day to another: x/÷3
_MOST_SECONDS = 1.0  # to look at other studies' folders, newest first

_Place = tuple[str, str]  # a provider, and its address


def find_known_batches(
    plan: Plan,
    providers: Mapping[str, Provider],
    folder: Path,
    beside: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, BatchTime]:
    """Return how long batches took, by their providers; none without enough of them.

    Args:
        plan: whose models are asked.
        providers: of its experiment, by name.
        folder: of the study's runs; it need not exist.
        beside: a folder of other run folders; None looks at no other.
        clock: tells the time in seconds.
    """
    names = {model.name.provider for model in plan.models.values()} & providers.keys()
    wanted = {(name, providers[name].base_url) for name in names}
    found: dict[str, BatchTime] = {}
    for place in find_known_folders(folder, beside, _MOST_SECONDS, clock):
        found = _time_providers(place, wanted) | found
        if len(found) == len(wanted):
            break
    return found


def fit_batch_time(seconds: Sequence[float], provider: str, source: str) -> BatchTime | None:
    """Return how long batches take that took so long; None where they are too few.

    Args:
        seconds: of each of them.
        provider: of them.
        source: where they are from.
    """
    if len(seconds) < _FEWEST:
        return None
    logs = [math.log(max(each, 1.0)) for each in seconds]
    mean = sum(logs) / len(logs)
    variance = sum((each - mean) ** 2 for each in logs) / (len(logs) - 1)
    low, likely, high = (
        math.exp(mean + z * math.hypot(math.sqrt(variance), _SPREAD)) for z in (-Z90, 0, Z90)
    )
    latest = find_batch_time(provider).latest
    return BatchTime(low, likely, min(high, max(latest, likely)), latest, "history", source)


def _time_providers(folder: Path, wanted: set[_Place]) -> dict[str, BatchTime]:
    """Return how long the wanted providers took for the batches in a run folder."""
    with suppress(Exception):  # others may have written any of what is read
        found = {
            provider: fit_batch_time(seconds, provider, f"{len(seconds):,} batches of {folder}")
            for (provider, address), seconds in _read_times(folder).items()
            if (provider, address) in wanted
        }
        return {provider: each for provider, each in found.items() if each}
    return {}


def _read_times(folder: Path) -> dict[_Place, list[float]]:
    run = open_run_folder(folder)
    providers = load_providers(run.spec.providers)
    times: dict[_Place, list[float]] = defaultdict(list)
    # A stranger's folder may name a database: only a file in it is read.
    with read_ledger(FileLocation(folder / LEDGER_FILE), was_checked=True) as reader:
        for model, seconds in reader.chunk_times():
            name = run.plan.models[model].name.provider
            times[name, providers[name].base_url].append(seconds)
    return times
