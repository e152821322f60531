"""Wall time: cases worked out by hand, and what must never be shorter."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from estimator.wall_time import AccountLimits, CallLoad, Speed, TokenTotal, find_wall_time

SECOND = {"lab/m": Speed(1.0, 0.0, 0.0, "history", "")}  # each call takes one
HOST = "lab/m"
EULER = 0.5772157


def load(requests, tokens=100.0, spread=1.0, model=HOST, stage="subject", provider="lab"):
    total = requests * tokens
    output = TokenTotal(total / spread, total, total * spread)
    return CallLoad(stage, model, provider, requests, requests * 50, output, requests * 1000)


def test_calls_of_a_second_take_the_places_in_turn():
    found = find_wall_time([load(1000)], SECOND, {}, 10)
    places, rounds = 1000 / 10, math.log(10, 4) - 0.9 / 3
    # What is left of a call of always a second is half of one; the last of ten is waited for.
    assert found.likely == pytest.approx(
        places + 0.5 * (math.log(10) + (EULER - 1) * 0.9) + 0.5 * rounds
    )
    assert found.likely == pytest.approx(101.64, abs=0.01)
    assert found.low == pytest.approx(places + 0.5 * (math.log(10) - 2.0972 * 0.9), abs=1e-3)
    assert found.high == pytest.approx(
        places + 0.5 * (math.log(10) + 1.9702 * 0.9) + rounds, abs=1e-3
    )
    assert (found.bound_by.kind, found.bound_by.limit) == ("concurrency", 10)


def test_a_speed_that_errs_by_a_factor_widens_the_range_by_it():
    wide = {HOST: replace(SECOND[HOST], sigma=math.log(3) / 1.6448536, basis="prior")}
    sure, found = (find_wall_time([load(1000)], speeds, {}, 10) for speeds in (SECOND, wide))
    assert found.likely == sure.likely
    assert (found.low, found.high) == pytest.approx((sure.low / 3, sure.high * 3))


def test_lengths_and_speeds_that_err_by_themselves_add_in_squares():
    speeds = {HOST: Speed(0.0, 0.01, math.log(2) / 1.6448536, "prior", "")}
    own = [replace(load(100_000, spread=2.0), measured=1.0)]
    found = find_wall_time(own, speeds, {}, 10)
    assert found.high / found.likely == pytest.approx(2 ** math.sqrt(2), rel=0.01)


@pytest.mark.parametrize(
    ("provider", "counted"),
    [("lab", 50 + 100), ("openai", 1000), ("cerebras", 50 + 1000)],
)
def test_a_limit_of_tokens_counts_what_the_provider_counts(provider, counted):
    limits = {HOST: AccountLimits(tokens=15_000)}
    found = find_wall_time([load(1000, provider=provider)], SECOND, limits, 10)
    minutes = 1000 * counted / 15_000
    assert (found.bound_by.kind, found.bound_by.model) == ("tokens_per_minute", HOST)
    assert found.low == pytest.approx(60 * (minutes - 1) + 1)
    assert found.likely == pytest.approx(60 * (minutes - 0.5) + 1)
    assert found.high == pytest.approx(60 * (minutes + 1) + 1)


def test_a_limit_is_for_all_stages_of_a_model_and_one_that_is_ample_bounds_nothing():
    judged = [load(600), load(600, stage="compliance")]
    found = find_wall_time(judged, SECOND, {HOST: AccountLimits(requests=60)}, 100)
    assert found.bound_by.kind == "requests_per_minute"
    assert found.likely == pytest.approx(60 * (1200 / 60 - 0.5) + 2)
    free, ample = (
        find_wall_time(judged, SECOND, limits, 10)
        for limits in ({}, {HOST: AccountLimits(requests=1e6, tokens=1e9)})
    )
    assert (ample.low, ample.likely, ample.high) == (free.low, free.likely, free.high)


def test_few_jobs_take_as_long_as_their_longest_answers_however_many_are_in_flight():
    speeds = {HOST: Speed(1.0, 0.05, 0.0, "history", "")}
    few, more = (find_wall_time([load(3)], speeds, {}, places) for places in (10, 1000))
    assert few == replace(more, concurrency=10)
    assert (few.bound_by.kind, few.bound_by.model) == ("answer_time", HOST)
    assert few.likely > 1 + 100 * 0.05


def draw(rng):
    """Return loads with their judge's, and the speeds and limits of their models."""
    loads, speeds, limits = [], {}, {}
    for number in range(rng.choice([1, 2, 4])):
        name = f"lab/m{number}"
        own = load(rng.choice([1, 3, 50, 5000]), rng.uniform(20, 3000), rng.uniform(1, 3), name)
        loads.append(own)
        basis = rng.choice(["prior", "history"])
        speeds[name] = Speed(rng.uniform(0, 3), rng.uniform(0, 0.1), rng.uniform(0, 0.7), basis, "")
        limits[name] = AccountLimits(rng.choice([None, 5, 1000]), rng.choice([None, 1e4, 1e6]))
    jobs = sum(each.requests for each in loads)
    loads.append(load(jobs, 190, 1.2, "lab/judge", "compliance"))
    speeds["lab/judge"] = Speed(0.5, 0.01, 0.3, "prior", "")
    return loads, speeds, limits


@pytest.mark.parametrize("seed", range(150))
def test_more_work_fewer_places_and_lower_limits_never_make_it_shorter(seed):
    rng = random.Random(seed)
    loads, speeds, limits = draw(rng)
    places = rng.choice([1, 2, 5, 10, 50, 200])

    def find(loads, limits, places):
        found = find_wall_time(loads, speeds, limits, places)
        assert 0 < found.low <= found.likely <= found.high
        return found

    now = find(loads, limits, places)
    at = rng.randrange(len(loads) - 1)
    subjects = [
        each.times(rng.uniform(1, 3)) if n == at else each for n, each in enumerate(loads[:-1])
    ]
    jobs = sum(each.requests for each in subjects)
    more = [*subjects, loads[-1].times(jobs / loads[-1].requests)]
    name = loads[at].model
    before = limits[name]
    lower = limits | {
        name: AccountLimits((before.requests or 500) * 0.7, (before.tokens or 1e5) * 0.7)
    }
    longer = [
        (now, find(more, limits, places)),
        (now, find(loads, lower, places)),
        (find(loads, limits, places + rng.choice([1, 7, 100])), now),
    ]
    for short, long in longer:
        assert short.likely <= long.likely * (1 + 1e-9)
        assert short.high <= long.high * (1 + 1e-9)
