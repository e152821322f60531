"""What is given back comes next, however often that happens."""

import asyncio

from runner.execution.queues.job_queue import Job, JobOutcome, LocalJobQueue


class Plain:
    """Requests that are only numbers."""

    cells = ("one model",)
    subject_count = 10**7

    def request_at(self, _seed, place):
        return place


async def give_back_half(times):
    queue = LocalJobQueue(Plain(), "a seed")
    for _ in range(times):
        jobs = await queue.take(2)
        await queue.finish(jobs[:1], JobOutcome.DONE)
        await queue.finish(jobs[1:], JobOutcome.WAITING)
        await queue.finish([], JobOutcome.WAITING)
    return await queue.take(3)


def test_jobs_that_are_given_back_come_first_and_in_their_order():
    assert asyncio.run(give_back_half(3)) == [Job(place, place) for place in (3, 4, 5)]


def test_a_long_run_may_give_back_as_often_as_it_likes():
    assert asyncio.run(give_back_half(400_000))[0].place == 400_000
