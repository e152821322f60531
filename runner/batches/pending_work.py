"""Pending work: what of a plan is left for batches, by stage and model, block by block.

A block is all conditions of a query and sample. A job is looked at when its block is cut, with what
it has had in the ledger; of a long plan only that is in memory.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from experiment.definition import SUBJECT
from experiment.prompts import KnownVerdicts, Request, RequestBuilder
from runner.batches.asked_again import AskedAgain
from runner.execution import AttemptSource, read_histories

_LOOKED_AT = 64  # jobs, in one go


class Kind(NamedTuple):
    """What all requests of a chunk have in common."""

    stage: str
    model: str


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job, and what is to be sent next for it.

    Attributes:
        place: in the order of work.
        subject: its request.
        left: requests in groups, of which each is sent as one; empty where the job is done.
        attempts: id of a request -> the number of its last attempt.
        turn: the subject's request that is left, if any: its first, or a further turn.
        answers: id of a request that may be asked again -> how many it has had in batches.
        is_again: whether that is asked again, because its answer is none that can be used.
    """

    place: int
    subject: Request
    left: tuple[tuple[Request, ...], ...]
    attempts: dict[str, int]
    turn: Request | None = None
    answers: Mapping[str, int] = field(default_factory=dict)
    is_again: bool = False


class PendingWork:
    """What is left of a plan's jobs.

    Args:
        requests: of the plan.
        seed: of the order of work.
        earlier: what the jobs have had, as it is written when they are looked at.
        batched: written names of the models that are sent batches.
        again: says which answered requests are asked again.
        answered_only: no subject request is sent, only judges of answers that are there.
    """

    def __init__(  # noqa: PLR0913 - what is asked for, and how
        self,
        requests: RequestBuilder,
        seed: str,
        earlier: AttemptSource,
        batched: Collection[str],
        again: AskedAgain,
        *,
        answered_only: bool = False,
    ) -> None:
        self._requests, self._seed, self._earlier = requests, seed, earlier
        self._batched, self._again = frozenset(batched), again
        self._cells: dict[str, list[int]] = defaultdict(list)
        for cell, (model, _) in enumerate(requests.cells):
            self._cells[model].append(cell)
        self._blocks = requests.subject_count // len(requests.cells)
        self._next = dict.fromkeys(self._cells, 0)  # the first block that was never looked at
        self._answered_only = answered_only
        self._known = bytearray([answered_only]) * requests.subject_count  # that were looked at
        self._waiting: dict[Kind, list[int]] = defaultdict(list)  # heaps of places
        self._calls: list[int] = []  # a heap of places of which something is sent as calls

    def mark_known(self, places: Iterable[int]) -> None:
        """Leave places out of what was never looked at: others say what becomes of them."""
        for place in places:
            self._known[place] = 1

    def look(self, places: Sequence[int]) -> Iterator[OpenJob]:
        """Yield the jobs at some places as they are now."""
        for start in range(0, len(places), _LOOKED_AT):
            yield from self._look_at_some(places[start : start + _LOOKED_AT])

    def _look_at_some(self, places: Sequence[int]) -> Iterator[OpenJob]:
        subjects = [self._requests.request_at(self._seed, place) for place in places]
        ids = [each.id for each in subjects]
        had = read_histories(self._earlier, self._requests, ids)
        answers = self._again.count_answers(ids)
        for place, subject in zip(places, subjects, strict=True):
            answered, attempts = had[subject.id].answered, had[subject.id].attempts
            turns = self._requests.follow_turns(subject, answered)
            if turns.next is not None:
                yield OpenJob(place, subject, ((turns.next,),), attempts, turns.next)
                continue
            assert turns.completion is not None  # noqa: S101 - there is no next turn
            answer = self._requests.read_subject_answer(subject, turns.completion)
            known = KnownVerdicts(answered)
            judges = list(self._requests.build_judge_requests(subject, answer, known))
            # One whose judges were asked was left as it is, for want of money.
            is_judged = any(judge.id in attempts for judge in judges)
            if not is_judged and self._again.asks(
                subject, answered[subject.id], answers[subject.id]
            ):
                left = ((subject,),)
                yield OpenJob(place, subject, left, attempts, subject, answers, is_again=True)
                continue
            open_ones = [
                judge
                for judge in judges
                if judge.id not in answered
                or self._again.asks(judge, answered[judge.id], answers[judge.id])
            ]
            votes = tuple(self._requests.group_requests(open_ones))
            yield OpenJob(place, subject, votes, attempts, answers=answers)

    def leave(self, votes: Iterable[Request]) -> bool:
        """Leave requests with the answers that they have; return whether any had one.

        The job is to be looked at again: who reads its answer reads this one.
        """
        return bool([each for each in votes if self._again.leave(each)])

    def add(self, job: OpenJob, away: Collection[str] = ()) -> None:
        """Add what is left of a job.

        Args:
            job: as it is now.
            away: ids of requests that are in a chunk.
        """
        if self._answered_only and job.turn is not None:
            if job.is_again and job.subject.id not in away and self.leave([job.subject]):
                for as_it_is in self.look([job.place]):
                    self.add(as_it_is, away)
            return
        left = self.add_batched(job, away)
        if any(votes[0].model not in self._batched for votes in left):
            self.add_calls([job.place])

    def add_batched(self, job: OpenJob, away: Collection[str] = ()) -> list[tuple[Request, ...]]:
        """Add what of a job is sent in batches; return all that is left and not away."""
        self._known[job.place] = 1
        left = [votes for votes in job.left if votes[0].id not in away]
        for kind in {Kind(votes[0].stage, votes[0].model) for votes in left}:
            if kind.model in self._batched:
                heapq.heappush(self._waiting[kind], job.place)
        return left

    def add_calls(self, places: Iterable[int]) -> None:
        """Add jobs of which something is sent as calls."""
        for place in places:
            heapq.heappush(self._calls, place)

    def list_kinds(self) -> list[Kind]:
        """Return the kinds of which something is left, in the order in which they are sent.

        Verdicts go first, because their answers are paid for; then by the next block of each, so
        that models come equally far.
        """
        fresh = {Kind(SUBJECT, model) for model in self._next if self._has_fresh(model)}
        waiting = {kind for kind, places in self._waiting.items() if places}
        batched = [kind for kind in fresh | waiting if kind.model in self._batched]
        return sorted(batched, key=lambda kind: (kind.stage == SUBJECT, self._next_of(kind), kind))

    def _next_of(self, kind: Kind) -> int:
        """Return the block that is next of a kind."""
        heap, size = self._waiting.get(kind), len(self._requests.cells)
        waiting = heap[0] // size if heap else self._blocks
        fresh = self._next.get(kind.model, self._blocks) if kind.stage == SUBJECT else self._blocks
        return min(waiting, fresh)

    def _has_fresh(self, model: str) -> bool:
        while self._next[model] < self._blocks:
            if any(not self._known[place] for place in self._places(model, self._next[model])):
                return True
            self._next[model] += 1
        return False

    def _places(self, model: str, block: int) -> list[int]:
        return [block * len(self._requests.cells) + cell for cell in self._cells[model]]

    def take_block(self, kind: Kind) -> list[OpenJob] | None:
        """Take the next block of a kind; what else its jobs need is added for others.

        Returns:
            its jobs with what is left of this kind; None where nothing is left.
        """
        while (places := self._take_places(kind)) is not None:
            taken = []
            for job in self.look(places):
                own = tuple(each for each in job.left if Kind(each[0].stage, each[0].model) == kind)
                if not self._known[job.place]:
                    others = tuple(each for each in job.left if each not in own)
                    self.add(replace(job, left=others))
                if own:
                    taken.append(replace(job, left=own))
            if taken:
                return taken
        return None

    def _take_places(self, kind: Kind) -> list[int] | None:
        heap, size = self._waiting[kind], len(self._requests.cells)
        waiting = heap[0] // size if heap else None
        fresh = None
        if kind.stage == SUBJECT and kind.model in self._cells and self._has_fresh(kind.model):
            fresh = self._next[kind.model]
        block = min((each for each in (waiting, fresh) if each is not None), default=None)
        if block is None:
            return None
        places = set[int]()
        while heap and heap[0] // size == block:
            places.add(heapq.heappop(heap))
        if fresh == block:
            places.update(each for each in self._places(kind.model, block) if not self._known[each])
            self._next[kind.model] += 1
        return sorted(places)

    def put_back(self, kind: Kind, jobs: Sequence[OpenJob]) -> None:
        """Put back a block that was taken."""
        for job in jobs:
            self._known[job.place] = 1
            heapq.heappush(self._waiting[kind], job.place)

    def take_calls(self, most: int) -> list[int]:
        """Take places of which something is sent as calls now, in the order of work."""
        taken: dict[int, None] = {}
        while len(taken) < most and (place := self._next_call()) is not None:
            taken[place] = None
        return list(taken)

    def _next_call(self) -> int | None:
        fresh = [
            (self._next[model], model)
            for model in self._cells
            if model not in self._batched and self._has_fresh(model)
        ]
        block, model = min(fresh, default=(self._blocks, ""))
        if self._calls and self._calls[0] < block * len(self._requests.cells):
            return heapq.heappop(self._calls)
        if not model:
            return heapq.heappop(self._calls) if self._calls else None
        places = [each for each in self._places(model, block) if not self._known[each]]
        self._known[places[0]] = 1
        return places[0]
