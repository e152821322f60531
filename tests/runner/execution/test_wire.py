"""The wire: however things fall out, no more is in flight than slow start and the plan allow."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from pricing.money import Money
from runner.execution.slow_start import SlowStart
from runner.execution.wire import Stage, Wire
from runner.state import Trust

A_REQUEST, ALLOWANCE = Money(10), Money(65)  # trust lets six begin


class Course:
    """Requests of two models that are answered well, badly or never, in a random order."""

    def __init__(self, seed: int, concurrency: int) -> None:
        self.dice = random.Random(seed)
        self.concurrency = concurrency
        self.trusted = {"new": 0, "known": self.dice.choice([3, 6, 100])}
        self.starts = {
            name: SlowStart(concurrency, Trust(answers=trusted), ALLOWANCE)
            for name, trusted in self.trusted.items()
        }
        self.wire = Wire(self.starts, concurrency)
        self.first = {"new": 1, "known": min(self.trusted["known"], 6)}
        self.good = dict.fromkeys(self.starts, 0)
        self.inside = dict.fromkeys(self.starts, 0)
        self.stayed = dict.fromkeys(self.starts, 0)  # in flight when slow start began again
        self.prepared = 0
        self.sent = 0

    def bound(self, model: str) -> int:
        admitted = min(self.first[model] + 3 * self.good[model], self.concurrency)
        return max(admitted, self.stayed[model])

    async def one(self, model: str) -> None:
        self.starts[model].meet(A_REQUEST)
        place = self.wire.open_place(model)
        is_prepared = is_inside = False
        try:
            await place.reach(Stage.NEAR)
            await asyncio.sleep(0)
            await place.reach(Stage.READY)
            self.prepared += 1
            is_prepared = True
            ahead = self.prepared - (self.concurrency - sum(self.inside.values()))
            assert ahead <= self.concurrency // 4
            await asyncio.sleep(0)
            await place.reach(Stage.INSIDE)
            self.prepared, is_prepared = self.prepared - 1, False
            self.inside[model] += 1
            self.sent += 1
            is_inside = True
            assert self.inside[model] <= self.bound(model)
            assert sum(self.inside.values()) <= self.concurrency
            for _ in range(self.dice.randint(0, 5)):
                await asyncio.sleep(0)
            self.end(model)
        finally:
            self.prepared -= is_prepared
            self.inside[model] -= is_inside
            place.close()

    def end(self, model: str) -> None:
        """Take an answer: it agrees with its reservation, or slow start begins again."""
        chance = self.dice.random()
        if chance < 0.7:
            self.good[model] += 1
            self.starts[model].increase()
        elif chance < 0.75:
            self.good[model], self.first[model] = 0, 1
            self.stayed[model] = self.wire.count_inside(model)
            reset = self.starts[model].restart, self.starts[model].lose_trust
            self.dice.choice(reset)()

    async def run(self) -> None:
        tasks = [
            asyncio.create_task(self.one(self.dice.choice(["new", "known"]))) for _ in range(150)
        ]
        for _ in range(30):
            await asyncio.sleep(0)
            self.dice.choice(tasks).cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, 30)


@pytest.mark.parametrize("concurrency", [1, 3, 8, 40])
def test_random_courses_keep_the_bounds_and_leave_no_request_waiting(concurrency):
    for seed in range(25):
        course = Course(seed, concurrency)
        asyncio.run(course.run())
        assert course.sent >= 150 - 30
        assert not any(course.inside.values())
        assert not any(map(course.wire.count_inside, course.starts))


def test_a_model_that_begins_does_not_keep_another_from_the_wire():
    async def play():
        starts = {"slow": SlowStart(8), "fast": SlowStart(8, Trust(answers=8), Money(80))}
        wire, sent = Wire(starts, 8), []

        async def one(model):
            starts[model].meet(A_REQUEST)
            place = wire.open_place(model)
            for stage in (Stage.NEAR, Stage.READY, Stage.INSIDE):
                await place.reach(stage)
            sent.append(model)

        tasks = [asyncio.create_task(one(each)) for each in ["slow"] * 20 + ["fast"] * 20]
        for _ in range(20):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        return sent

    sent = asyncio.run(play())
    assert (sent.count("slow"), sent.count("fast")) == (1, 7)


def test_models_that_share_the_places_take_turns_in_the_order_in_which_they_wait():
    async def play():
        names, sent = ["first", "second", "third", "last"], []
        starts = {name: SlowStart(16, Trust(answers=16), Money(160)) for name in names}
        wire = Wire(starts, 16)

        async def one(model):
            starts[model].meet(A_REQUEST)
            place = wire.open_place(model)
            for stage in (Stage.NEAR, Stage.READY, Stage.INSIDE):
                await place.reach(stage)
                await asyncio.sleep(0)
            sent.append(model)
            place.close()

        await asyncio.gather(*(one(each) for each in names * 100))
        return [sent[:200].count(each) for each in names]

    assert all(40 <= count <= 60 for count in asyncio.run(play()))
