"""Chunk lines: the requests of a chunk, found by their lines as long as those are open.

The ledger keeps the attempts of a chunk, not what they send: that is rendered again. Results come
in any order, mostly in that of the lines, so those that follow a line are rendered with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from estimator.counting import Exactness, TokenCount
from experiment.prompts import Request, join_votes
from pricing.money import Money
from providers.batches import BatchLine, name_line
from runner.batches.job_places import JobPlaces
from runner.batches.pending_work import OpenJob, PendingWork
from runner.ledger import Attempt, ChunkAttempt, ChunkNote, Ledger

_AHEAD = 64  # lines, rendered in one go


@dataclass(frozen=True, slots=True)
class ChunkLine:
    """A line of a chunk of which nothing is known yet.

    Attributes:
        number: of it, from 0.
        place: of its job in the order of work.
        request: that is sent.
        votes: that it asks for, one for each attempt.
        attempts: that it is.
        reserved: for all of them.
        count: the tokens of its prompt, as they were reserved for.
    """

    number: int
    place: int
    request: Request
    votes: tuple[Request, ...]
    attempts: tuple[Attempt, ...]
    reserved: Money
    count: TokenCount


class ChunkLines:
    """The open lines of a chunk.

    Args:
        note: of the chunk.
        ledger: with its attempts.
        pending: renders jobs.
        places: of jobs.
    """

    def __init__(
        self, note: ChunkNote, ledger: Ledger, pending: PendingWork, places: JobPlaces
    ) -> None:
        self._note, self._ledger, self._pending, self._places = note, ledger, pending, places
        self._entries = ledger.open_lines(note)
        self._numbers = sorted(self._entries)
        self._ahead: dict[int, ChunkLine] = {}
        self._last = -1

    @property
    def numbers(self) -> list[int]:
        """The numbers of the lines that are open."""
        return list(self._entries)

    def find(self, number: int) -> ChunkLine | None:
        """Return a line that is open; None where it is not, or the plan no longer has it."""
        if number not in self._entries:
            return None
        if number not in self._ahead:
            follows = self._last < number <= self._last + _AHEAD
            most = _AHEAD if follows or not self._ahead else 1
            numbers = [n for n in range(number, number + most) if n in self._entries]
            self._ahead = {line.number: line for line in self._render(numbers)}
        self._last = number
        return self._ahead.get(number)

    def close(self, number: int) -> None:
        """Take note that it is known what became of a line."""
        self._entries.pop(number, None)
        self._ahead.pop(number, None)

    def list_attempts(self) -> Iterator[ChunkAttempt]:
        """Yield the attempts of all lines that are open."""
        return self._attempts_of(self.numbers)

    def in_groups(self, size: int) -> Iterator[list[ChunkAttempt]]:
        """Yield the attempts of all lines that are open, those of some lines at a time."""
        for start in range(0, len(self._numbers), size):
            some = self._numbers[start : start + size]
            if found := list(self._attempts_of(some)):
                yield found

    def find_places(self, attempts: Iterable[ChunkAttempt]) -> list[int]:
        """Return the places of the jobs of some attempts, those that the plan has."""
        return sorted(self._places.find({each.attempt.job for each in attempts}).values())

    def write(self) -> Iterator[BatchLine]:
        """Yield the lines as they are sent; the same each time, as long as all are open."""
        for start in range(0, len(self._numbers), _AHEAD):
            for line in self._render(self._numbers[start : start + _AHEAD]):
                # Side by side each would write what the others cannot read yet.
                request = replace(line.request, mark=None)
                yield BatchLine(name_line(self._note.chunk, line.number), request)

    def _attempts_of(self, numbers: list[int]) -> Iterator[ChunkAttempt]:
        for start in range(0, len(numbers), _AHEAD):
            some = numbers[start : start + _AHEAD]
            entries = [entry for number in some for entry in self._entries.get(number, ())]
            if entries:
                yield from self._ledger.chunk_attempts(entries)

    def _render(self, numbers: list[int]) -> Iterator[ChunkLine]:
        of_lines: dict[int, list[ChunkAttempt]] = {}
        for each in self._attempts_of(numbers):
            of_lines.setdefault(each.line, []).append(each)
        found = self._places.find({each[0].attempt.job for each in of_lines.values()})
        jobs = {job.place: job for job in self._pending.look(sorted(set(found.values())))}
        for number, attempts in of_lines.items():
            place = found.get(attempts[0].attempt.job)
            votes = None if place is None else _find_votes(jobs[place], attempts)
            if place is not None and votes is not None:
                yield _build_line(number, place, votes, attempts)


def _find_votes(job: OpenJob, attempts: list[ChunkAttempt]) -> tuple[Request, ...] | None:
    asked = {each.attempt.request for each in attempts}
    for votes in job.left:
        if asked <= {vote.id for vote in votes}:
            return tuple(vote for vote in votes if vote.id in asked)
    return None


def _build_line(
    number: int, place: int, votes: tuple[Request, ...], attempts: list[ChunkAttempt]
) -> ChunkLine:
    first = attempts[0].attempt
    return ChunkLine(
        number,
        place,
        join_votes(votes),
        votes,
        tuple(each.attempt for each in attempts),
        sum((each.reserved for each in attempts), Money()),
        TokenCount(first.counted, Exactness(first.exactness), first.bound),
    )
