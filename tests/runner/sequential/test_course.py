"""A sequential test's course: a look waits for all that was taken; the shown is asked no more."""

import asyncio
from dataclasses import replace

import pytest

from experiment.analysis.sequential import Look, SequentialDesign
from experiment.definition.loader import load_experiment
from experiment.prompts.request_builder import RequestBuilder
from runner.execution import BlockQueue, StopReason
from runner.execution.queues import JobOutcome, LocalJobQueue
from runner.ledger import FileLocation, read_ledger
from runner.sequential import SequentialCourse
from runner.sequential.recorded_looks import (
    RecordedLooks,
    read_looks,
    read_more_looks,
    record_looks,
)
from tests.runner import sample_experiment as labs
from tests.runner.sample_experiment import AMPLE, ledger_of

MODELS = ("my-lab/llama-3.1-8b", "my-lab/llama-3.1-70b")
QUERIES, LOOKS, LEVELS = 8, 4, 2
BLOCK = QUERIES // LOOKS * LEVELS * len(MODELS)
FIRST, SECOND = frozenset({0, 1}), frozenset({2, 3})  # the cells of each model


@pytest.fixture
def requests(tmp_path):
    """Return the requests of eight queries to two models under two conditions, with four looks."""
    path = labs.write(
        tmp_path / "e",
        queries=QUERIES,
        votes=0,
        models=list(MODELS),
        factors={"tier": {"free": {"tier": "free"}, "paid": {"tier": "paid"}}},
        messages=[{"role": "user", "content": "{{ tier }}: {{ query }}"}],
        sequential={"looks": LOOKS},
    )
    return RequestBuilder(load_experiment(str(path)), lambda *_: True)


@pytest.fixture
def design(requests):
    return SequentialDesign.of_experiment(requests.experiment.spec, QUERIES)


def a_look(model, number, *, shown=False):
    return Look(model, number, 2 * number, 2 * number, 0.5, t=9.0 if shown else 0.1, bound=2.0)


def make_queue(requests, design, shows=()):
    """Return a queue whose looks show the gaps of some models, and the numbers of its looks."""
    taken = []

    def take_look(recorded):
        number = recorded.done + 1
        taken.append(number)
        looks = [a_look(model, number, shown=(model, number) in shows)
                 for model in recorded.open_models]  # fmt: skip
        return replace(recorded, looks=(*recorded.looks, *looks))

    course = SequentialCourse(requests, RecordedLooks(design, MODELS), take_look)
    return BlockQueue(LocalJobQueue(requests, "a seed"), course), taken


def test_no_look_is_taken_while_a_job_is_open(requests, design):
    async def work():
        queue, looks = make_queue(requests, design)
        jobs = await queue.take(100)
        assert [job.place for job in jobs] == list(range(BLOCK))
        await queue.finish(jobs[1:], JobOutcome.DONE)
        assert (await queue.take(100), looks) == (None, [])
        await queue.finish(jobs[:1], JobOutcome.WAITING)
        assert await queue.take(100) == jobs[:1], "a job that waits comes again before the look"
        assert looks == []
        await queue.finish(jobs[:1], JobOutcome.FAILED)
        more = await queue.take(100)
        assert [job.place for job in more] == list(range(BLOCK, 2 * BLOCK))
        assert looks == [1]

    asyncio.run(work())


def test_no_look_is_taken_without_the_answers_of_a_model_that_is_down_or_stopped(requests, design):
    async def work():
        queue, looks = make_queue(requests, design)
        jobs = await queue.take(100, resting=SECOND)
        await queue.finish(jobs, JobOutcome.DONE)
        assert len(jobs) == BLOCK // 2
        assert await queue.take(100, resting=SECOND) is None
        assert (await queue.take(100, stopped=SECOND), looks) == ([], [])

    asyncio.run(work())


def test_a_model_whose_gap_is_shown_is_asked_nothing_more(requests, design):
    async def work():
        queue, looks = make_queue(requests, design, shows={(MODELS[0], 1), (MODELS[1], 3)})
        places = []
        while jobs := await queue.take(3):
            places += [job.place for job in jobs]
            await queue.finish(jobs, JobOutcome.DONE)
        assert looks == [1, 2, 3]
        cells = [place % 4 for place in places]
        assert sum(cell in FIRST for cell in cells) == BLOCK // 2
        assert sum(cell in SECOND for cell in cells) == 3 * BLOCK // 2
        end, reason = queue.describe_end()
        assert (end, len(reason.splitlines())) == (StopReason.SHOWN, 2)

    asyncio.run(work())


def test_looks_of_another_design_are_counted_and_are_none_of_the_test(design, tmp_path):
    other = replace(design, queries=QUERIES * 2)
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        record_looks(ledger, other, [a_look(MODELS[0], 1, shown=True)])
        record_looks(ledger, design, [a_look(model, 1) for model in MODELS])
        found = read_looks(ledger, design, MODELS)
        assert found.looks == tuple(a_look(model, 1) for model in MODELS)
        assert (found.others, found.done, found.next_place) == (1, 1, 4)


def test_looks_that_were_taken_since_are_added_to_those_that_are_known(design, tmp_path):
    other, path = replace(design, queries=QUERIES * 2), tmp_path / "ledger.sqlite"
    with ledger_of(path, AMPLE) as ledger:
        record_looks(ledger, design, [a_look(model, 1) for model in MODELS])
        with read_ledger(FileLocation(path)) as reader:
            known, after = read_looks(reader, design, MODELS), reader.last_seq()
        record_looks(ledger, other, [a_look(MODELS[0], 1)])
        record_looks(ledger, design, [a_look(model, 2) for model in MODELS])
        with read_ledger(FileLocation(path)) as reader:
            assert read_more_looks(reader, known, after) == read_looks(reader, design, MODELS)
