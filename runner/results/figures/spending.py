"""Spending: how a ledger's accounts stood at some moments of a run.

A few hundred moments are enough for a picture, and are found without reading all entries: the
longest stretch of time between two moments is halved, by its entries, until there are as many as
asked for. What moved in between is added up by the database. So a long ledger costs one sum over
all of its entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Any

from pricing.money import Money
from runner.ledger import LedgerReader

MAX_MOMENTS = 200
PAUSE = 300.0  # seconds without an entry, from which on that is a pause
_MAX_PAUSES = 20
_MAX_LOOKS = 2_000  # at entries, to find pauses

Stretch = tuple[int, int]  # the numbers of its first and last entry


@dataclass(frozen=True, slots=True)
class SpendingMoment:
    """How the accounts stood after an entry.

    Attributes:
        seconds: since the first entry.
        running_seconds: the same without pauses.
        settled, held, reserved: the accounts; what is put aside for open jobs is in `reserved`.
    """

    seconds: float
    running_seconds: float
    settled: Money
    held: Money
    reserved: Money

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; dollars as decimal strings."""
        return {
            "seconds": round(self.seconds, 3),
            "running_seconds": round(self.running_seconds, 3),
            "settled_usd": self.settled.to_decimal_string(),
            "held_usd": self.held.to_decimal_string(),
            "reserved_usd": self.reserved.to_decimal_string(),
        }


@dataclass(frozen=True, slots=True)
class Pause:
    """A time without an entry.

    Attributes:
        start: in seconds since the first entry.
        running_seconds: the same without earlier pauses.
        seconds: how long it was.
    """

    start: float
    running_seconds: float
    seconds: float

    def to_json(self) -> dict[str, float]:
        """Return it as JSON, in seconds."""
        figures = {"start": self.start, "running_seconds": self.running_seconds}
        return {
            name: round(each, 3) for name, each in (figures | {"seconds": self.seconds}).items()
        }


@dataclass(frozen=True, slots=True)
class Spending:
    """How a ledger's accounts stood over time.

    Attributes:
        start, end: when its first and last entry were made.
        moments: oldest first.
        pauses: the longest times without an entry, oldest first.
    """

    start: datetime
    end: datetime
    moments: tuple[SpendingMoment, ...]
    pauses: tuple[Pause, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "moments": [each.to_json() for each in self.moments],
            "pauses": [each.to_json() for each in self.pauses],
        }


def read_spending(reader: LedgerReader, most: int = MAX_MOMENTS) -> Spending | None:
    """Return how a ledger's accounts stood at so many moments at most; None without an entry.

    Args:
        reader: of the ledger.
        most: how many moments; 50 or more.
    """
    ends = reader.entry_range()
    if ends is None:
        return None
    clock = _Clock(reader, ends)
    pauses = _find_pauses(clock, ends)
    entries = _choose_entries(clock, list(_list_runs(ends, pauses)), most)
    return Spending(
        clock.start,
        clock.read(ends[1]),
        tuple(_read_moments(reader, clock, pauses, entries)),
        tuple(_describe_pauses(clock, pauses)),
    )


class _Clock:
    """When entries were made; clocks of several machines may differ, so time never goes back."""

    def __init__(self, reader: LedgerReader, ends: Stretch) -> None:
        self._reader = reader
        self._known: dict[int, datetime] = {}
        self.start = self.read(ends[0])

    def read(self, seq: int) -> datetime:
        """Return when an entry was made; where somebody deleted it, the next one."""
        if seq not in self._known:
            self._known[seq] = datetime.fromisoformat(self._reader.entry_time(seq))
        return self._known[seq]

    def seconds(self, seq: int) -> float:
        """Return the seconds from the first entry to one."""
        return max((self.read(seq) - self.start).total_seconds(), 0.0)

    def measure(self, stretch: Stretch) -> float:
        """Return how many seconds a stretch took."""
        return max(self.seconds(stretch[1]) - self.seconds(stretch[0]), 0.0)


def _halve(
    clock: _Clock, stretches: Iterable[Stretch], is_done: Callable[[int, float], bool]
) -> list[Stretch]:
    """Return stretches of which the longest one was halved until it is done.

    Args:
        clock: when entries were made.
        stretches: to begin with.
        is_done: says so of how many there are, and of the seconds of the longest to halve.
    """
    whole: list[Stretch] = []  # of two neighbours
    heap = [(-clock.measure(each), each) for each in stretches]
    heapify(heap)
    while heap and not is_done(len(whole) + len(heap), -heap[0][0]):
        _, (first, last) = heappop(heap)
        if last - first <= 1:
            whole.append((first, last))
            continue
        middle = (first + last) // 2
        for half in ((first, middle), (middle, last)):
            heappush(heap, (-clock.measure(half), half))
    return sorted([*whole, *(each for _, each in heap)])


def _find_pauses(clock: _Clock, ends: Stretch) -> list[Stretch]:
    """Return the longest pauses, each as its two neighbouring entries, in their order."""
    found = _halve(clock, [ends], lambda count, longest: longest <= PAUSE or count >= _MAX_LOOKS)
    pauses = [each for each in found if each[1] - each[0] == 1 and clock.measure(each) > PAUSE]
    return sorted(sorted(pauses, key=clock.measure)[-_MAX_PAUSES:])


def _list_runs(ends: Stretch, pauses: Iterable[Stretch]) -> Iterator[Stretch]:
    """Yield the stretches between pauses."""
    first = ends[0]
    for before, after in pauses:
        yield first, before
        first = after
    yield first, ends[1]


def _choose_entries(clock: _Clock, runs: list[Stretch], most: int) -> list[int]:
    """Return the numbers of the entries after which the accounts are looked at."""
    room = most - 1 - len(runs)
    found = _halve(clock, runs, lambda count, longest: longest <= 0 or count >= room)
    return sorted({end for stretch in found for end in stretch})


def _read_moments(
    reader: LedgerReader, clock: _Clock, pauses: list[Stretch], entries: list[int]
) -> Iterator[SpendingMoment]:
    settled = held = reserved = Money()
    latest = running = paused = 0.0
    lengths = {after: clock.measure((before, after)) for before, after in pauses}
    for before, entry in pairwise([0, *entries]):
        moved = reader.sum_moves(before, entry)
        settled, held, reserved = settled + moved[0], held + moved[1], reserved + moved[2]
        latest = max(latest, clock.seconds(entry))
        paused += lengths.get(entry, 0.0)
        running = max(running, latest - paused)
        yield SpendingMoment(latest, running, settled, held, reserved)


def _describe_pauses(clock: _Clock, pauses: Iterable[Stretch]) -> Iterator[Pause]:
    paused = 0.0
    for pause in pauses:
        start, seconds = clock.seconds(pause[0]), clock.measure(pause)
        yield Pause(start, max(start - paused, 0.0), seconds)
        paused += seconds
