"""Requests are spread over what the limits that a provider tells leave."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.rate_limits import RateLimit, parse_rate_limits
from runner.execution.rate_limiter import RateLimiter
from runner.execution.slow_start import SlowStart
from runner.execution.wire import Stage, Wire

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Loop(asyncio.SelectorEventLoop):
    """Time that jumps to the next moment at which something happens."""

    now = 0.0

    def time(self):
        return self.now

    def _run_once(self):
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


def played(scene):
    """Run a coroutine on a pace of a clock of its own; give what it gives."""

    async def main():
        return await scene(RateLimiter(clock=asyncio.get_running_loop().time), Clock())

    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main())


class Clock:
    def __call__(self):
        return asyncio.get_running_loop().time()


def told(limit=None, remaining=None, reset=None, counts="requests", name=""):
    return (RateLimit(name or counts, counts, limit, remaining, reset),)


async def times(pace, clock, number, prompt=0, answer=0):
    """Let a number of tasks wait at once; give when each was let through."""

    async def one():
        await pace.acquire(prompt, answer)
        return clock()

    return await asyncio.gather(*(one() for _ in range(number)))


def test_with_nothing_learned_nothing_waits():
    async def scene(pace, clock):
        return await times(pace, clock, 500, 1000, 1000)

    assert played(scene) == [0] * 500


def test_a_queue_is_spread_over_the_window_and_the_next_ones():
    async def scene(pace, clock):
        pace.update_limits(told(60, 59, 60), await pace.acquire(1, 1))
        return await times(pace, clock, 200)

    at = played(scene)
    for start in range(0, 200, 10):
        assert sum(start <= moment < start + 10 for moment in at) <= 60
    assert sum(moment < 10 for moment in at) <= 15  # no burst
    assert all(sum(t <= moment < t + 60 for moment in at) <= 61 for t in at)
    assert at[-1] < 260


def test_what_was_sent_since_is_not_left_any_more():
    async def scene(pace, clock):
        first = await pace.acquire(0, 0)
        for _ in range(5):
            await pace.acquire(0, 0)
        pace.update_limits(told(10, 5, 30), first)  # of which all five are gone
        return await times(pace, clock, 1)

    (at,) = played(scene)
    assert at == pytest.approx(30, abs=1)


def test_an_answer_that_comes_late_does_not_give_back_what_is_gone():
    async def scene(pace, clock):
        first, second = await pace.acquire(0, 0), await pace.acquire(0, 0)
        pace.update_limits(told(100, 0, 40), second)
        pace.update_limits(told(100, 99, 40), first)
        return await times(pace, clock, 1)

    assert played(scene) == [pytest.approx(40, abs=1)]


def test_a_later_limit_replaces_an_earlier_in_both_directions():
    async def scene(pace, clock):
        pace.update_limits(told(1000), await pace.acquire(0, 0))
        pace.update_limits(told(3), await pace.acquire(0, 0))
        few = (await times(pace, clock, 3))[-1]
        pace.update_limits(told(1000), await pace.acquire(0, 0))
        start = clock()
        return few, (await times(pace, clock, 100))[-1] - start

    few, many = played(scene)
    assert 40 < few <= 180
    assert many < 10


def test_a_window_that_has_reset_is_forgotten():
    async def scene(pace, clock):
        pace.update_limits(told(None, 0, 20), await pace.acquire(0, 0))
        await asyncio.sleep(20)
        return await times(pace, clock, 100)

    assert played(scene) == [20] * 100


def test_a_window_of_a_second_is_not_taken_for_one_of_a_minute():
    async def scene(pace, clock):
        pace.update_limits(told(None, 9, 1), await pace.acquire(0, 0))
        return await times(pace, clock, 9)

    assert played(scene)[-1] <= 1.01


def test_a_reset_that_is_not_told_is_half_a_minute_away():
    async def scene(pace, clock):
        pace.update_limits(told(None, 0), await pace.acquire(0, 0))
        return await times(pace, clock, 1)

    assert played(scene) == [pytest.approx(30)]


def test_an_answer_that_took_a_minute_tells_of_a_window_long_past():
    async def scene(pace, clock):
        sent = await pace.acquire(0, 0)
        await asyncio.sleep(90)
        pace.update_limits(told(100, 0, 30), sent)
        return await times(pace, clock, 1)

    assert played(scene) == [90]


def test_what_was_sent_long_ago_is_not_kept():
    async def scene(pace, _clock):
        for _ in range(300):
            await pace.acquire(0, 0)
            await asyncio.sleep(1)
        return len(pace._recent)

    assert played(scene) <= 61


def test_each_limit_counts_what_it_is_of():
    async def scene(pace, clock, counts):
        pace.update_limits(told(1000, 500, 60, counts), await pace.acquire(0, 0))
        await pace.acquire(100, 400)
        start = clock()
        await pace.acquire(100, 400)
        return clock() - start

    waits = {
        counts: played(lambda *given, counts=counts: scene(*given, counts))
        for counts in ("requests", "input", "output", "tokens")
    }
    assert waits["requests"] < waits["input"] < waits["output"] <= waits["tokens"] <= 61


def test_a_request_larger_than_the_limit_is_sent_when_all_of_it_is_there():
    async def scene(pace, clock):
        pace.update_limits(told(1000, 900, 5, "tokens"), await pace.acquire(10, 10))
        return await times(pace, clock, 2, 5000, 5000)

    first, second = played(scene)
    assert first == pytest.approx(5, abs=1)
    assert second == pytest.approx(65, abs=2)


def test_a_pause_holds_all_and_the_longest_counts_up_to_ten_minutes():
    async def scene(pace, clock):
        pace.pause(50)
        pace.pause(5)
        first = await times(pace, clock, 3)
        pace.pause(1e9)
        return first, await times(pace, clock, 3)

    first, second = played(scene)
    assert first == pytest.approx([50] * 3)
    assert second == pytest.approx([650] * 3)


def test_nobody_waits_at_the_head_beyond_ten_minutes():
    async def scene(pace, clock):
        pace.update_limits(told(10, 0, 80_000), await pace.acquire(0, 0))
        return await times(pace, clock, 2)

    assert played(scene) == pytest.approx([600, 1200])


def test_whoever_waits_is_released():
    async def scene(pace, clock):
        pace.update_limits(told(10, 0, 80_000), await pace.acquire(0, 0))
        asyncio.get_running_loop().call_later(10, pace.release_all)
        return await times(pace, clock, 200)

    assert max(played(scene)) <= 11


def test_a_task_that_is_cancelled_does_not_hold_up_the_others():
    async def scene(pace, clock):
        pace.update_limits(told(10, 0, 30), await pace.acquire(0, 0))
        tasks = [asyncio.create_task(pace.acquire(0, 0)) for _ in range(3)]
        await asyncio.sleep(1)
        tasks[0].cancel()
        tasks[1].cancel()
        await tasks[2]
        return clock()

    assert played(scene) <= 31


STATEMENTS = st.tuples(
    st.none() | st.floats(0.1, 1e12),
    st.none() | st.floats(0, 1e12),
    st.none() | st.floats(0, 32 * 86400),
    st.sampled_from(["requests", "tokens", "input", "output"]),
    st.sampled_from(["one", "two"]),
)
STEPS = st.tuples(
    st.integers(0, 100_000), st.integers(0, 100_000), st.lists(STATEMENTS, max_size=2)
)


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=8), st.randoms())
def test_every_turn_comes_within_ten_minutes_whatever_is_told(steps, dice):
    async def scene(pace, clock):
        sents, longest = [], 0.0
        for prompt, answer, statements in steps:
            start = clock()
            sents.append(await pace.acquire(prompt, answer))
            longest = max(longest, clock() - start)
            for statement in statements:
                pace.update_limits(told(*statement), dice.choice(sents))
        return longest

    assert played(scene) <= 600.01


@dataclass
class Provider:
    """Has a limit on requests and one on tokens in a minute, and refuses what exceeds them.

    Its windows start anew each minute, or its buckets refill evenly. It tells what is left when a
    request comes in or, where `late`, when it is answered.
    """

    limits: dict[str, float]
    bucket: bool
    late: bool
    slow: float
    refused: int = 0
    answered: list[float] = field(default_factory=list)  # when
    left: dict[str, float] = field(default_factory=dict)
    at: float = 0.0

    def refill(self, now):
        for what, limit in self.limits.items():
            left = self.left.get(what, limit)
            if self.bucket:
                self.left[what] = min(limit, left + (now - self.at) * limit / 60)
            else:
                self.left[what] = limit if now // 60 > self.at // 60 else left
        self.at = now

    def headers(self, now):
        self.refill(now)
        headers = {}
        for what, limit in self.limits.items():
            left = self.left[what]
            reset = (limit - left) / limit * 60 if self.bucket else 60 - now % 60
            headers[f"x-ratelimit-limit-{what}"] = f"{limit:.0f}"
            headers[f"x-ratelimit-remaining-{what}"] = f"{max(left, 0) // 1:.0f}"
            headers[f"x-ratelimit-reset-{what}"] = f"{int(reset * 1000)}ms"
        return headers

    async def send(self, clock, dice, tokens):
        """Return whether it was answered, and the headers."""
        await asyncio.sleep(dice.uniform(0.02, 0.2))
        self.refill(clock())
        cost = {"requests": 1, "tokens": tokens}
        if any(self.left[what] < cost[what] for what in self.limits):
            self.refused += 1
            return False, self.headers(clock())
        for what in self.limits:
            self.left[what] -= cost[what]
        headers = self.headers(clock())
        await asyncio.sleep(dice.uniform(0.2, 1.8) * self.slow)
        self.answered.append(clock())
        return True, self.headers(clock()) if self.late else headers


async def experiment(provider, pace, clock, requests=1000, concurrency=200):
    """Run requests up the ramp, as an execution does; give the seconds that it takes."""
    dice, slow_start = random.Random(7), SlowStart(concurrency)
    wire = Wire({"model": slow_start}, concurrency)

    async def one():
        tokens, answered = dice.randint(200, 1000), False
        while not answered:
            place = wire.open_place("model")
            await place.reach(Stage.NEAR)
            sent = await pace.acquire(tokens // 2, tokens - tokens // 2)
            await place.reach(Stage.READY)
            await place.reach(Stage.INSIDE)
            answered, headers = await provider.send(clock, dice, tokens)
            pace.update_limits(parse_rate_limits(headers, NOW), sent)
            if answered:
                slow_start.increase()
            place.close()
            if not answered:
                await asyncio.sleep(dice.uniform(0.5, 1))

    await asyncio.gather(*(one() for _ in range(requests)))
    return clock()


MEAN = 600  # tokens of a request
LIMITS = [
    {"requests": 120, "tokens": 1e6},
    {"requests": 1000, "tokens": 60_000},
    {"requests": 100, "tokens": 60_000},
    {"requests": 50, "tokens": 30_000},
]


def rate_of(provider):
    """Return the part of what is allowed that was used, when the ramp was over."""
    allowed = min(
        limit / {"requests": 1, "tokens": MEAN}[what] for what, limit in provider.limits.items()
    )
    return 700 / (provider.answered[900] - provider.answered[200]) / (allowed / 60)


@pytest.mark.parametrize("slow", [2, 20])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("bucket", [False, True])
@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_a_thousand_requests_go_at_the_allowed_rate_with_hardly_a_refusal(
    limits, bucket, late, slow
):
    provider = Provider(limits, bucket, late, slow)
    played(lambda pace, clock: experiment(provider, pace, clock))
    assert len(provider.answered) == 1000
    assert provider.refused <= 2  # measured: none
    assert rate_of(provider) >= 0.85


@pytest.mark.parametrize("bucket", [False, True])
def test_what_others_take_of_the_same_limit_is_noticed(bucket):
    provider = Provider({"requests": 120}, bucket, late=False, slow=2)

    async def others(clock):
        while True:
            await asyncio.sleep(1)
            provider.refill(clock())
            provider.left["requests"] = max(provider.left["requests"] - 1, 0)

    async def scene(pace, clock):
        other = asyncio.create_task(others(clock))
        await experiment(provider, pace, clock)
        other.cancel()

    played(scene)
    assert provider.refused <= 20  # of 1,000; measured: 9 where windows start anew, else none
    assert rate_of(provider) >= 0.45  # half of it is theirs


def test_a_limit_that_is_never_reached_costs_no_time():
    provider = Provider({"requests": 30_000, "tokens": 2e7}, bucket=True, late=False, slow=2)
    paced = played(lambda pace, clock: experiment(provider, pace, clock))
    free = Provider({"requests": 1e9}, bucket=True, late=False, slow=2)
    assert paced <= played(lambda pace, clock: experiment(free, pace, clock)) * 1.05


def test_a_quota_of_a_day_does_not_slow_down_before_it_is_nearly_used():
    async def scene(pace, clock):
        for number in range(2000):
            left = 14_400 - number
            sent = await pace.acquire(100, 100)
            pace.update_limits(told(14_400, left, (14_400 - left) * 6), sent)
        return clock()

    assert played(scene) < 15


@dataclass
class Window:
    """A provider's limit of requests, in windows of a minute, which all workers have in common.

    Of some providers only the limit is told, not what is left of it.
    """

    limit: int
    tells_rest: bool
    sent: list[float] = field(default_factory=list)

    def take(self, now: float) -> tuple[RateLimit, ...]:
        """Count a request, and tell what is left of its window."""
        start = now - now % 60
        self.sent.append(now)
        if not self.tells_rest:
            return told(self.limit)
        used = sum(each >= start for each in self.sent)
        return told(self.limit, max(self.limit - used, 0), start + 60 - now)

    def most(self) -> int:
        """Return how many requests came in the fullest window that began at their limit's."""
        windows: dict[int, int] = {}
        for each in self.sent:
            windows[int(each // 60)] = windows.get(int(each // 60), 0) + 1
        return max(windows.values())


@settings(deadline=None, max_examples=25, derandomize=True, database=None)
@given(
    workers=st.integers(1, 8),
    limit=st.integers(8, 200),
    latency=st.floats(0.0, 3.0),
    tells_rest=st.booleans(),
    seed=st.integers(),
)
def test_workers_that_share_a_limit_do_not_exceed_it_but_for_a_burst(
    workers, limit, latency, tells_rest, seed
):
    dice, window, at_once = random.Random(seed), Window(limit, tells_rest), 4

    async def main():
        clock = Clock()
        paces = [RateLimiter(lambda: workers, clock=clock) for _ in range(workers)]

        async def send(pace, number):
            await asyncio.sleep(dice.random())
            for _ in range(number):
                mine = await pace.acquire(1, 1)
                limits = window.take(clock())
                await asyncio.sleep(latency * dice.random())
                pace.update_limits(limits, mine)

        each = 3 * limit // (workers * at_once) + 1
        await asyncio.gather(*(send(pace, each) for pace in paces for _ in range(at_once)))
        return clock()

    with asyncio.Runner(loop_factory=Loop) as runner:
        took = runner.run(main())
    in_flight = workers * at_once
    assert window.most() <= limit + in_flight
    assert took <= 60 * (len(window.sent) / limit + 3)  # they use what there is
