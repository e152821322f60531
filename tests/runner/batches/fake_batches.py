"""A provider of batches in memory, with a bill of its own and faults, and runs that use it.

It outlives the runs that ask it, as a provider does. A `Crash` is a kill: whatever the process does
from then on, neither its ledger nor the provider learns of it.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from experiment.prompts import Request
from pricing.catalog import ModelName
from pricing.money import Money
from pricing.usage import Usage
from providers.batches import (
    BatchLimits,
    BatchLine,
    BatchState,
    ChunkToSend,
    FindBy,
    LineEnd,
    RemoteBatch,
)
from providers.failures import Billed, Failure, FailureMeaning, FailureScope
from providers.reply import ModelResponse
from runner.batches import BatchCourse, BatchWork
from runner.execution import BlockQueue, Progress, ResumeState, RunScheduler, SlowStart
from runner.transport import Answered, NotBilled, Unknown
from runner.transport.batches import (
    BadLine,
    FetchedResults,
    Found,
    LineResult,
    Uploaded,
    WrittenLines,
)
from tests.runner.sample_experiment import HASTE, MODEL, FakeProvider, Lab, ledger_of, local_queue
from tests.support.provider.answers import words

_LOOK = 30  # minutes from one look at a batch to the next
LIMITS = BatchLimits(
    provider="my-lab",
    api="openai",
    requests=1_000,
    bytes=10**8,
    hours=24,
    days=30,
    find_by=FindBy.FILE,
    newest_first=True,
    cancels=True,
    windows=(),
    queued_tokens=None,
    is_queue_limited=False,
    lists_all=True,
    free="",
    sources=(),
    checked="",
)


class Clock:
    """A clock, of this machine and of the provider, that goes on with each look."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, **time: float) -> None:
        self.now += timedelta(**time)


class Crash(BaseException):
    """The process is killed."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What goes wrong, with the first batches (`bad`) or always.

    Attributes:
        creation: of the first ones: `done` and not told, `undone` and not told, or `refused`.
        upload: that of the first is lost.
        validation: the first ones fail after a few polls; `queue` where too much waits.
        ended: lines of the first ones end as this, but for every third.
        refused: every line of the first ones is refused.
        told: `twice`, `shuffled`, `strange`, `denied` before it is told, or `partly`: lines are
            missing; `late`: until a time.
        fetching: results are `once`, or `always`, not whole.
        goes_back: a batch that has ended is told to work again, at every second poll.
        takes_back: a batch that has ended is told to have been refused, later.
        strays: an answer is about another batch, once: that to the first `poll`, by its id, or by
            the `name` of its chunk, or that to the `creation` of the second.
        usage: of each line, by this factor; of its output.
        honest: how many batches at first have the usage that they bill.
        slow: polls that all but the first two batches take besides.
        bad: how many are the first ones.
    """

    creation: str = ""
    upload: bool = False
    validation: str = ""
    ended: LineEnd | None = None
    refused: bool = False
    told: str = ""
    fetching: str = ""
    goes_back: bool = False
    takes_back: bool = False
    strays: str = ""
    usage: float = 1.0
    honest: int = 0
    slow: int = 0
    bad: int = 2


NOTHING_WRONG = Faults()


@dataclass
class _Batch:
    id: str
    number: int
    chunk: str
    lines: list[tuple[str, Request]]
    polls: int = 0
    results: dict[str, object] | None = None


@dataclass
class FakeBatches:
    """Answers batches, and keeps its own bill.

    Attributes:
        billed: what it charged, told or not.
        answers: id of a request -> how often it was billed.
        batches: all that it made, by id.
        step: is called before and after everything that it is asked.
        says: returns the answer to a request, by how often it was asked; None for just words.
    """

    lab: Lab
    faults: Faults = NOTHING_WRONG
    finds_by_file: bool = True
    step: Callable[[], None] = lambda: None
    billed: Money = field(default_factory=Money)
    answers: Counter[str] = field(default_factory=Counter)
    batches: dict[str, _Batch] = field(default_factory=dict)
    tried: int = 0
    uploads: int = 0
    fetches: int = 0
    written: dict[str, list[tuple[str, Request]]] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    look: float = _LOOK
    whole_at: datetime = datetime(9999, 1, 1, tzinfo=UTC)  # results, told `late`
    strayed: bool = False
    cancelled: list[str] = field(default_factory=list)
    hidden: int = 0  # so often a batch that was made is not in the list
    works: bool = True  # False: batches go on working
    says: Callable[[Request, int], str | None] = lambda *_: None
    knows: bool = True  # False: it has forgotten all batches

    def read_clock(self, _: ModelName) -> datetime:
        return self.clock()

    def takes_file(self, _: ModelName) -> bool:
        return self.finds_by_file

    def write_lines(self, _: ModelName, lines: Iterable[BatchLine], to: Path) -> WrittenLines:
        self.step()
        found = [(line.custom_id, line.request) for line in lines]
        assert len({custom_id for custom_id, _ in found}) == len(found)
        self.written[to.name] = found
        return WrittenLines(to, len(found), 0)

    def mark_key(self, _: ModelName, __: str) -> str:
        return "mark"

    async def upload(self, _: ModelName, chunk: ChunkToSend) -> Uploaded | Unknown:
        self.step()
        self.uploads += 1
        if self.faults.upload and self.uploads == 1:
            return Unknown(_failure("the connection failed"))
        self.step()
        return Uploaded(chunk.path.name)

    async def create(self, _: ModelName, chunk: ChunkToSend) -> RemoteBatch | NotBilled | Unknown:
        self.step()
        self.tried += 1
        fault = self.faults.creation if self.tried <= self.faults.bad else ""
        if fault == "refused":
            return NotBilled(_failure("HTTP 429"))
        if fault == "undone":
            return Unknown(_failure("no answer within 600 s"))
        lines = self.written[chunk.file_id or chunk.path.name]
        batch = _Batch(f"batch{len(self.batches)}", len(self.batches), chunk.id, lines)
        self.batches[batch.id] = batch
        self.step()
        if fault == "done":
            return Unknown(_failure("no answer within 600 s"))
        return self._stray(self._tell(batch), batch, "creation" if batch.number else "")

    async def find(self, _: ModelName, chunk: ChunkToSend) -> Found:
        self.step()
        self.clock.go_on(minutes=self.look)
        self.hidden -= 1
        for batch in self.batches.values():
            if batch.chunk == chunk.id and self.hidden < 0:
                return Found(self._tell(batch), is_sure=True)
        return Found(None, is_sure=True)

    async def poll(self, _: ModelName, batch_id: str) -> RemoteBatch | NotBilled:
        self.step()
        self.clock.go_on(minutes=self.look)
        if not self.knows:
            return NotBilled(replace(_failure("HTTP 404"), retries=False))
        batch = self.batches[batch_id]
        batch.polls += self.works
        if (
            batch.polls >= self._most_polls(batch)
            and batch.results is None
            and not self._fails(batch)
        ):
            batch.results = dict(self._do(batch))
        return self._stray(self._tell(batch), batch, "poll", "name")

    def _stray(self, told: RemoteBatch, batch: _Batch, *when: str) -> RemoteBatch:
        """Return an answer, or once what a provider that mixes batches up would say."""
        if self.strayed or not self.faults.strays or self.faults.strays not in when:
            return told
        self.strayed = True
        if self.faults.strays == "name":
            return replace(told, chunk="afc-0000000000000000-0", state=BatchState.FAILED)
        other = "batch0" if batch.number else "batch-of-others"
        return replace(told, id=other, state=BatchState.FAILED)

    def _most_polls(self, batch: _Batch) -> int:
        return 2 + (self.faults.slow if batch.number > 1 else 0)

    def _fails(self, batch: _Batch) -> bool:
        return bool(self.faults.validation) and batch.number < self.faults.bad

    def _tell(self, batch: _Batch) -> RemoteBatch:
        ended = batch.polls >= self._most_polls(batch)
        if self.faults.goes_back and batch.polls % 2:
            ended = False
        if ended and self._fails(batch):
            full = self.faults.validation == "queue"
            return RemoteBatch(
                batch.id, BatchState.FAILED, "failed", problem="refused", too_many_queued=full
            )
        if self.faults.takes_back and batch.polls > 2:
            return RemoteBatch(batch.id, BatchState.FAILED, "failed", problem="refused")
        state = BatchState.ENDED if ended else BatchState.WORKING
        return RemoteBatch(batch.id, state, state.value, total=len(batch.lines))

    def _do(self, batch: _Batch) -> Iterator[tuple[str, object]]:
        is_bad = batch.number < self.faults.bad
        for number, (custom_id, request) in enumerate(batch.lines):
            if is_bad and self.faults.ended and number % 3:
                yield custom_id, self.faults.ended
            elif is_bad and self.faults.refused:
                yield custom_id, NotBilled(_failure("HTTP 500"))
            else:
                factor = 1.0 if batch.number < self.faults.honest else self.faults.usage
                yield custom_id, self._answer(request, factor)

    def _answer(self, request: Request, factor: float) -> Answered:
        model = self.lab.models[request.model]
        prompt = model.tokenizer.count(request.messages).tokens
        output = 1 + random.Random(request.id).randrange(request.max_tokens)
        usage = Usage(prompt, output)
        self.billed += model.card.cost(usage)
        self.answers[request.id] += 1
        told = Usage(prompt, max(int(output * factor), 1))
        raw = {"prompt_tokens": prompt, "completion_tokens": told.output}
        said = self.says(request, self.answers[request.id])
        text = words(output) if said is None else said
        return Answered(ModelResponse(text, "", "stop", told, None, model.name.id, "id", raw))

    async def fetch_results(
        self, _: ModelName, batch: RemoteBatch, to: Path, lines: int, *, takes_cut: bool = False
    ) -> FetchedResults | Unknown:
        self.step()
        self.fetches += 1
        is_cut = self.faults.fetching == "always" or (self.faults.fetching and self.fetches == 1)
        if is_cut and not takes_cut:
            return Unknown(_failure("the file is not whole"))
        to.write_text(batch.id)  # noqa: ASYNC240 - a few bytes
        self.step()
        return FetchedResults(to, 0, lines)

    def read_results(
        self, _: ModelName, results: Path, find_request: Callable[[str], Request | None]
    ) -> Iterator[LineResult | BadLine]:
        batch = self.batches[results.read_text()]
        assert batch.results is not None
        told = list(batch.results.items())
        if self.faults.fetching == "always" and batch.number < self.faults.bad:
            told = told[: len(told) // 2]
        match self.faults.told:
            case "twice":
                told *= 2
            case "shuffled":
                random.Random(1).shuffle(told)
            case "denied":
                told = [(each, LineEnd.EXPIRED) for each, _ in told] + told
            case "late" if self.clock() < self.whole_at:
                told = told[::2]
            case "partly" if batch.number < self.faults.bad:
                told = told[::2]
            case "strange":
                told.insert(0, ("afc-0000000000000000-0-0", told[0][1]))
                yield BadLine(1, "it is no JSON")
        for custom_id, outcome in told:
            self.step()
            find_request(custom_id)
            yield LineResult(custom_id, outcome)

    async def cancel(self, _: ModelName, batch_id: str) -> RemoteBatch:
        self.cancelled.append(batch_id)
        batch = self.batches[batch_id]
        if batch.results is None:
            batch.results = {custom_id: LineEnd.CANCELLED for custom_id, _ in batch.lines}
            batch.polls = self._most_polls(batch)
        return self._tell(self.batches[batch_id])


def _failure(message: str) -> Failure:
    return Failure(message, FailureMeaning.SERVER, FailureScope.REQUEST, Billed.NO, retries=True)


@dataclass
class Run:
    """Runs of an experiment with batches, over one ledger."""

    lab: Lab
    path: Path
    cap: Money
    batches: FakeBatches
    calls: FakeProvider
    batched: frozenset[str] = frozenset({MODEL})
    limits: BatchLimits = LIMITS
    unpriced: frozenset[str] = frozenset()
    collects_only: str = ""
    kill: Callable[[], None] = lambda: None
    client: Callable[[], Any] | None = None  # None: `batches` itself
    providers: dict[str, Any] = field(default_factory=lambda: {"my-lab": None})
    may_begin: Callable[[], bool] = lambda: True
    answered_only: bool = False
    let_time_pass: Callable[[], None] = lambda: None  # where only time tells more
    clock: Clock = field(default_factory=Clock)  # where there are no `batches` with one

    def go(self, *, waits: bool = True, poll: float = 0.0) -> tuple[Progress, BatchCourse]:
        """Run until there is nothing more to do, or it is killed.

        Raises:
            Crash: it was killed.
        """
        with self.open_ledger() as ledger, self.open_queue(ledger) as queue:

            @asynccontextmanager
            async def open_transport():
                if self.client is None:
                    yield self.batches
                else:
                    async with self.client() as client:
                        yield Stepped(client, self.kill, self.let_time_pass, self.clock)

            course = BatchCourse(
                BatchWork(
                    requests=self.lab.requests,
                    seed="a seed",
                    ledger=ledger,
                    models=self.lab.models,
                    batched=self.batched,
                    unpriced=self.unpriced,
                    collects_only=self.collects_only,
                    providers=self.providers,
                    folder=self.path.parent,
                    work="work",
                    labels={},
                    open_transport=open_transport,
                    may_begin=self.may_begin,
                    find_limits=lambda _: self.limits,
                    answered_only=self.answered_only,
                    waits=waits,
                    poll=poll,
                    read_clock=self.batches.clock if self.batches else self.clock,
                )
            )
            starts = {name: SlowStart(4) for name in self.lab.models}
            scheduler = RunScheduler(
                self.lab.requests,
                self.lab.models,
                ledger,
                BlockQueue(queue, course),
                self.calls,
                resume=ResumeState.from_ledger(ledger),
                concurrency=4,
                retry_policy=HASTE,
                slow_starts=starts,
                answered_only=self.answered_only,
                batched=self.batched,
                postpone=course.postpone,
            )
            course.attach(scheduler.progress, scheduler.slots, starts)
            progress = asyncio.run(asyncio.wait_for(scheduler.run(), 20))
            ledger.record_end(progress.end.value, progress.reason)
            return progress, course

    @contextmanager
    def open_ledger(self):
        """Open the ledger, with the cap."""
        with ledger_of(self.path, self.cap) as ledger:
            self.arm(ledger)
            ledger.recover_work()
            yield ledger

    @contextmanager
    def open_queue(self, ledger):
        """Open the queue of jobs that are called."""
        yield local_queue(self.lab, ledger)

    def arm(self, ledger):
        """Have the ledger killed before and after what it makes durable."""
        begin, commit = ledger.store.begin, ledger.store.commit

        def kill_and_commit(state):
            self.kill()
            commit(state)
            self.kill()

        def kill_and_begin(*, durable):
            self.kill()
            return begin(durable=durable)

        ledger.store.commit, ledger.store.begin = kill_and_commit, kill_and_begin

    @property
    def billed(self) -> Money:
        """What all of it cost at the provider."""
        return self.batches.billed + self.calls.billed


class Stepped:
    """A client of batches, with a step before and after everything that it is asked.

    Time passes where a batch is looked for, and is not found for certain.
    """

    def __init__(
        self,
        client: Any,
        step: Callable[[], None],
        let_time_pass: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._client, self._step, self._let_time_pass = client, step, let_time_pass
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._client, name)
        if name == "read_clock":
            return lambda _: self._clock()
        if name in ("takes_file", "mark_key"):
            return own
        if name == "write_lines":
            return lambda *given: (self._step(), own(*given))[1]
        if name == "read_results":
            return lambda *given: self._read(own(*given))

        async def ask(*given: Any, **named: Any) -> Any:
            self._step()
            self._clock.go_on(minutes=_LOOK if name in ("find", "poll") else 0)
            found = await own(*given, **named)
            self._step()
            if name == "find" and not found.is_sure:
                await asyncio.to_thread(self._let_time_pass)
            return found

        return ask

    def _read(self, results: Iterable[Any]) -> Iterator[Any]:
        for each in results:
            self._step()
            yield each


class Killer:
    """Kills at one step, and from then on all that is tried."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0

    def step(self) -> None:
        self.steps += 1
        if self.steps >= self.at:
            raise Crash
