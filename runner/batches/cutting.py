"""Cutting chunks: whole blocks of a kind, each chunk small enough to be reserved and sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from estimator.counting import TokenCount
from experiment.prompts import Request, join_votes
from pricing.money import Money
from runner.batches.pending_work import Kind, OpenJob, PendingWork
from runner.billing import WorstCaseCost
from runner.ledger import Attempt

MOST_ATTEMPTS = 5  # of a request without an answer, after which it is sent no more
MOST_LINES = 10_000  # of a chunk, which is in memory whole while it is cut and reserved
_RESULT_SIZE, _TOKEN_SIZE = 2_000, 16  # bytes of a result without its text; of an output token
_FIELDS_SIZE = 1_500  # bytes of a line besides its messages and its sampling fields


@dataclass(frozen=True, slots=True)
class ChunkRoom:
    """What a chunk may have at most; a block that has more by itself is one all the same.

    Attributes:
        requests, size, tokens: how many, their bytes, and the tokens of their prompts.
        results: bytes of their results.
        money: that is reserved for it.
        free: money that it may take in any case, with what its answers need.
    """

    requests: int
    size: int
    tokens: int
    results: int
    money: Money
    free: Money


@dataclass(slots=True)
class Cut:
    """A chunk that is cut, and not reserved yet.

    Attributes:
        kind: of all its requests.
        blocks: its jobs, block by block.
        lines: of each request the attempts that it is, with what is reserved for them.
        cover: what the judges of its answers may cost.
        reserved: for all of its attempts.
        own: what is allocated to its jobs already.
        size, tokens, results: as of `ChunkRoom`.
    """

    kind: Kind
    blocks: list[list[OpenJob]] = field(default_factory=list)
    lines: list[list[tuple[Attempt, Money]]] = field(default_factory=list)
    cover: Money = Money()  # noqa: RUF009 - frozen
    reserved: Money = Money()  # noqa: RUF009 - frozen
    own: Money = Money()  # noqa: RUF009 - frozen
    size: int = 0
    tokens: int = 0
    results: int = 0

    @property
    def jobs(self) -> list[OpenJob]:
        """Its jobs."""
        return [job for block in self.blocks for job in block]

    @property
    def needed(self) -> Money:
        """What must be free for it."""
        return self.reserved + self.cover - self.own

    def takes(self, block: Cut, room: ChunkRoom) -> bool:
        """Take a block in; return False, with nothing changed, where there is no room for it."""
        needed = self.needed + block.needed
        if (
            len(self.lines) + len(block.lines) > room.requests
            or self.size + block.size > room.size
            or self.tokens + block.tokens > room.tokens
            or self.results + block.results > room.results
            or self.reserved + block.reserved > room.money
            or needed > room.free
        ):
            return False
        self.blocks += block.blocks
        self.lines += block.lines
        self.cover += block.cover
        self.reserved += block.reserved
        self.own += block.own
        self.size += block.size
        self.tokens += block.tokens
        self.results += block.results
        return True


class ChunkCutter:
    """Cuts chunks from what is left.

    Args:
        pending: what is left.
        worst_case: what requests may cost.
        allocated_to: returns what is allocated to a job.
        give_up: is called with a job and its request that was sent as often as it may be.
    """

    def __init__(
        self,
        pending: PendingWork,
        worst_case: WorstCaseCost,
        allocated_to: Callable[[str], Money],
        give_up: Callable[[OpenJob, Request], None],
    ) -> None:
        self._pending, self._worst_case = pending, worst_case
        self._allocated_to, self._give_up = allocated_to, give_up

    def cut(self, kind: Kind, room: ChunkRoom) -> Cut | None:
        """Return the next chunk of a kind; None where nothing of it is left.

        It has more than there is room for only where its first block has by itself.
        """
        chunk: Cut | None = None
        while (jobs := self._pending.take_block(kind)) is not None:
            block = self._weigh(kind, jobs)
            if not block.lines:
                continue
            if chunk is None:
                chunk = block
            elif not chunk.takes(block, room):
                self._pending.put_back(kind, block.jobs)
                return chunk
        return chunk

    def put_back(self, chunk: Cut) -> None:
        """Put back a chunk that could not be reserved."""
        for jobs in chunk.blocks:
            self._pending.put_back(chunk.kind, jobs)

    def _weigh(self, kind: Kind, jobs: list[OpenJob]) -> Cut:
        """Return a block as a chunk of its own, without what is not sent any more."""
        block = Cut(kind)
        sent = [job for job in jobs if self._add_job(block, job)]
        block.blocks = [sent] if sent else []
        return block

    def _add_job(self, block: Cut, job: OpenJob) -> bool:
        """Add what is left of a job; return whether anything is."""
        lines = [votes for votes in job.left if not self._is_given_up(job, votes)]
        for votes in lines:
            self._add_line(block, job, votes)
        if lines:
            block.own += self._allocated_to(job.subject.id)
        if lines and job.turn is not None:
            whole = self._worst_case.of_job(job.subject, job.turn)
            block.cover += max(whole - self._worst_case.of_request(job.turn), Money())
            self._worst_case.forget_count(job.turn)
            self._worst_case.forget_count(job.subject)
        return bool(lines)

    def _is_given_up(self, job: OpenJob, votes: tuple[Request, ...]) -> bool:
        id_ = votes[0].id
        if job.attempts.get(id_, 0) - job.answers.get(id_, 0) < MOST_ATTEMPTS:
            return False
        self._give_up(job, votes[0])
        return True

    def _add_line(self, block: Cut, job: OpenJob, votes: tuple[Request, ...]) -> None:
        request = join_votes(votes)
        count, amounts = self._worst_case.count_prompt(request), self._worst_case.of_votes(votes)
        block.size, block.tokens = block.size + _measure(request), block.tokens + count.bound
        block.results += _RESULT_SIZE + request.max_output * _TOKEN_SIZE
        line = []
        for vote, amount in zip(votes, amounts, strict=True):
            number = job.attempts.get(vote.id, 0) + 1
            line.append((Attempt.from_request(vote, job.subject.id, number, count), amount))
            block.reserved += amount
            count = TokenCount(0, count.exactness, 0)
        block.lines.append(line)
        if job.turn is None:
            self._worst_case.forget_count(request)


def _measure(request: Request) -> int:
    """Return how many bytes a line may have at most."""
    texts = sum(len(json.dumps(message.content)) for message in request.messages)
    return texts + len(json.dumps(request.sampling, default=str)) + _FIELDS_SIZE
