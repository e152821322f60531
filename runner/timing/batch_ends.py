"""Batch ends: when batches that are away have likely ended, and what follows them in their run.

A batch that has taken some time already is one of those that take at least as long. How long its
provider takes is known from the run's own batches, once there are some, else as in a plan's time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from estimator.plan import Plan
from estimator.wall_time import BatchTime, find_batch_time
from estimator.workload import StratumKey, find_limits_of_batches
from experiment.definition import SUBJECT
from runner.ledger import ChunkNote
from runner.timing.known_batches import fit_batch_time
from runner.timing.rest_time import TimeLeft

_NOTHING = TimeLeft(0.0, 0.0, 0.0)
_LEAST_LEFT = 0.5  # requests; a forecast of them has fractions


@dataclass(frozen=True, slots=True)
class AwayBatch:
    """A batch that is away.

    Attributes:
        note: all that is known of it.
        left: how long it still takes; None before its provider was asked for it.
        at: as of when.
    """

    note: ChunkNote
    left: TimeLeft | None
    at: datetime


def list_away(
    plan: Plan, open_chunks: Iterable[ChunkNote], timed: Iterable[tuple[str, float]], now: datetime
) -> tuple[AwayBatch, ...]:
    """Return the batches that are away, each with how long it still takes.

    Args:
        plan: of the run.
        open_chunks: of its ledger.
        timed: model as written and seconds of each batch that was collected.
        now: the time.
    """
    times = find_times(plan, timed)
    return tuple(AwayBatch(each, _find_left(each, times, now), now) for each in open_chunks)


def find_times(plan: Plan, timed: Iterable[tuple[str, float]]) -> dict[str, BatchTime]:
    """Return how long each model's provider takes for a batch, by the models as written."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for model, each in timed:
        if model in plan.models:
            seconds[plan.models[model].name.provider].append(each)
    providers = {written: model.name.provider for written, model in plan.models.items()}
    return {
        written: fit_batch_time(seconds[name], name, "this run") or find_batch_time(name)
        for written, name in providers.items()
    }


def find_batches_left(
    away: Collection[AwayBatch],
    left: Mapping[StratumKey, float],
    times: Mapping[str, BatchTime],
    billed: Collection[str],
    rooms: Mapping[str, float] | None = None,
) -> TimeLeft | None:
    """Return how long what is asked in batches still takes; None where nothing of it is left.

    Judges' batches wait for those of the answers that they read.

    Args:
        away: the batches that are.
        left: of each stratum that is asked in batches, how many requests are not answered.
        times: model as written -> how long its provider takes for a batch.
        billed: models as written of which a batch was billed: the next one need not be small.
        rooms: models as written -> how many requests may wait at their provider; of `find_rooms`.
    """
    stages = [
        _find_longest(
            [
                _find_rest(
                    key,
                    number,
                    away,
                    times[key[1]],
                    is_billed=key[1] in billed,
                    room=(rooms or {}).get(key[1], math.inf),
                )
                for key, number in _sum_conditions(left).items()
                if (key[0] == SUBJECT) is is_subject
            ]
        )
        for is_subject in (True, False)
    ]
    found = [each for each in stages if each is not None]
    return TimeLeft(*map(sum, zip(*map(_ends, found), strict=True))) if found else None


def find_rooms(plan: Plan, chunks: Iterable[ChunkNote]) -> dict[str, float]:
    """Return how many requests of each model may wait at its provider, where that is known.

    By what its provider documents, and what it refused as too much in this run, of which half may
    wait; a request's tokens are those of the batches so far.

    Args:
        plan: of the run.
        chunks: all that its ledger has had.
    """
    rooms, sizes = dict[str, float](), defaultdict[str, list[ChunkNote]](list)
    for note in chunks:
        if note.tokens and note.attempts:
            sizes[note.model].append(note)
    for model, own in sizes.items():
        found = plan.models.get(model)
        limits = find_limits_of_batches(found.name.provider) if found else None
        most = [each.tokens / 2 for each in own if each.is_queue_full]
        most += [limits.queued_tokens] if limits and limits.queued_tokens else []
        if most:
            each = sum(note.tokens for note in own) / sum(note.attempts for note in own)
            rooms[model] = max(min(most) / each, 1.0)
    return rooms


def _sum_conditions(left: Mapping[StratumKey, float]) -> dict[tuple[str, str], float]:
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for key, number in left.items():
        sums[key.stage, key.model] += number
    return {key: number for key, number in sums.items() if number > _LEAST_LEFT}


def _find_rest(  # noqa: PLR0913 - all that a stage waits for
    key: tuple[str, str],
    number: float,
    away: Collection[AwayBatch],
    time: BatchTime,
    *,
    is_billed: bool,
    room: float,
) -> TimeLeft:
    """Return how long a stage of a model takes: what is away, then what is not sent."""
    own = [each for each in away if (each.note.stage, each.note.model) == key]
    fresh = TimeLeft(time.low, time.likely, time.high)
    waited = _find_longest([each.left or fresh for each in own]) or _NOTHING
    rounds, unsent = 0, number - sum(each.note.attempts for each in own)
    if unsent > _LEAST_LEFT:
        rounds = max(math.ceil(unsent / room), 1) + (not is_billed and not own)  # a small one first
    if not rounds:
        return waited
    others = (rounds - 1) * time.likely  # one of all of them is slow, as in a plan's time
    slow = max(waited.high + time.likely, waited.likely + time.high) + others
    likely = waited.likely + rounds * time.likely
    return TimeLeft(waited.low + time.low, likely, max(slow, likely))


def _find_longest(times: Collection[TimeLeft]) -> TimeLeft | None:
    """Return how long times take that pass side by side; None without any."""
    return TimeLeft(*map(max, zip(*map(_ends, times), strict=True))) if times else None


def find_longer(one: TimeLeft | None, other: TimeLeft | None) -> TimeLeft | None:
    """Return how long two times take that pass side by side; None where neither is known."""
    return _find_longest([each for each in (one, other) if each is not None])


def _ends(time: TimeLeft) -> tuple[float, float, float]:
    return time.low, time.likely, time.high


def _find_left(note: ChunkNote, times: Mapping[str, BatchTime], now: datetime) -> TimeLeft | None:
    if not note.asked_at or note.model not in times:
        return None
    age = max((now - datetime.fromisoformat(note.asked_at)).total_seconds(), 0.0)
    ends = times[note.model].find_left(age)
    if note.due is not None:
        most = max((note.due - now.astimezone(UTC)).total_seconds(), 0.0)
        ends = (min(ends[0], most), min(ends[1], most), min(ends[2], most))
    return TimeLeft(*ends)
