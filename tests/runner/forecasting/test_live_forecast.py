"""The live forecast holds as often as it says, whatever is in flight, and says when it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.forecast import CostRange, LengthShape
from estimator.workload import StratumKey
from pricing.money import Money
from runner.forecasting import LiveForecast, LiveState, LiveStratum
from tests.runner.forecasting.simulated_run import (
    NO_FORECAST,
    SHAPE,
    draw_lengths,
    key_of,
    run_and_look,
)

POINTS = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
FIRST = [[100, 140, 120], [300, 260], [80], []]
SECOND = [[10, 14, 12], [30], [9], []]


def plan(*wanted, before=NO_FORECAST, known=0.0, **changes):
    """Return the strata of a plan, each with what it wants of each query."""
    return {
        key_of(n): LiveStratum(np.array(each, dtype=float), SHAPE, known, before, **changes)
        for n, each in enumerate(wanted)
    }


def finish_one_by_one(live, number, by_query, at=0.0):
    """Send and finish calls of a stratum, one after the other, a second each."""
    for query, values in enumerate(by_query):
        for value in values:
            name = f"{number}.{at}"
            live.begin(name, key_of(number), query, at)
            live.finish(name, at := at + 1, value)
    return at


@pytest.mark.parametrize(
    ("strata", "expected"),
    [
        ([FIRST], [1258.5727, 1345.1796, 1727.9558, 2149.7750, 2816.0202, 4829.8392, 6112.6144]),
        (
            [FIRST, SECOND],
            [1296.2651, 1392.0824, 1808.7388, 2260.2664, 2963.8870, 5050.8618, 6360.9802],
        ),
    ],
)
def test_calls_told_of_one_by_one_give_the_golden_values(strata, expected):
    live, at = LiveForecast(plan(*[[3, 3, 3, 3]] * len(strata))), 0.0
    for number, by_query in enumerate(strata):
        at = finish_one_by_one(live, number, by_query, at)
    cost = live.forecast(at, paid=1000.0).cost
    assert [cost.quantile(p) for p in POINTS] == pytest.approx(expected, abs=5e-5)


def test_calls_of_before_give_the_same_as_calls_told_of():
    told, added = LiveForecast(plan([3, 3, 3, 3])), LiveForecast(plan([3, 3, 3, 3]))
    at = finish_one_by_one(told, 0, FIRST)
    queries = np.array([q for q, values in enumerate(FIRST) for _ in values])
    values = np.array([float(v) for values in FIRST for v in values])
    added.add_earlier(key_of(0), queries, values, np.bincount(queries, minlength=4))
    results = [each.forecast(at, paid=1000.0) for each in (told, added)]
    assert results[0].cost.quantile(0.9) == pytest.approx(results[1].cost.quantile(0.9))
    assert results[0].settled == results[1].settled == 6


@pytest.mark.parametrize(
    ("in_flight", "strata", "queries", "samples", "draws"),
    [(1, 1, 100, 1, 150), (16, 4, 100, 2, 80), (64, 4, 200, 2, 60)],
)
def test_the_90_percent_range_holds_while_calls_are_in_flight(
    in_flight, strata, queries, samples, draws
):
    rng, held = np.random.default_rng(16), []
    for _ in range(draws):
        lengths = [draw_lengths(rng, queries, samples) for _ in range(strata)]
        total, calls = sum(each.sum() for each in lengths), strata * queries * samples
        for live, now, paid in run_and_look(rng, lengths, in_flight, calls // 8):
            result = live.forecast(now, paid)
            if result.state is LiveState.HOLDS:
                cost = result.cost
                held.append(cost.quantile(0.05) <= total <= cost.quantile(0.95))
    assert len(held) > 4 * draws
    assert 0.84 <= np.mean(held) <= 0.95


def test_of_calls_in_flight_the_first_to_finish_are_not_taken_for_all():
    rng, ratios, naive = np.random.default_rng(4), [], []
    for _ in range(40):
        lengths = [draw_lengths(rng, 400, 2)]
        for live, now, paid in run_and_look(rng, lengths, 64, 50):
            result = live.forecast(now, paid)
            if result.state is LiveState.HOLDS:
                ratios.append(result.cost.mean / lengths[0].sum())
                naive.append(paid / result.settled * lengths[0].size / lengths[0].sum())
                break
    assert abs(np.mean(ratios) - 1) < 0.06
    assert np.mean(naive) < np.mean(ratios) - 0.02
    assert len(ratios) == 40


def test_it_is_too_early_until_five_calls_for_each_in_flight_are_settled():
    live = LiveForecast(plan([1] * 40))
    assert live.forecast(0.0, 0.0).state is LiveState.EARLY
    at = finish_one_by_one(live, 0, [[1.0]] * 9)
    for name in "ab":
        live.begin(name, key_of(0), 20, at)
    result = live.forecast(at, paid=9.0)
    assert (result.state, result.cost, result.in_flight) == (LiveState.EARLY, None, 2)
    live.finish("a", at + 1, 1.0)
    live.begin("c", key_of(0), 21, at + 1)
    assert live.forecast(at + 1, paid=10.0).state is LiveState.HOLDS


def test_once_half_of_what_is_left_is_in_flight_there_is_no_range():
    live = LiveForecast(plan([1] * 13))
    at = finish_one_by_one(live, 0, [[1.0]] * 10)
    live.begin("a", key_of(0), 10, at)
    assert live.forecast(at, paid=10.0).state is LiveState.HOLDS
    live.begin("b", key_of(0), 11, at)
    assert live.forecast(at, paid=10.0).state is LiveState.ENDING


def test_at_the_end_the_cost_is_what_was_paid():
    live = LiveForecast(plan([1, 1]))
    at = finish_one_by_one(live, 0, [[3.0], [4.0]])
    result = live.forecast(at, paid=7.5)
    assert result.state is LiveState.DONE
    assert [result.cost.quantile(p) for p in POINTS] == [7.5] * 7


def test_a_call_without_a_length_is_settled_and_one_that_failed_is_still_left():
    live = LiveForecast(plan([1] * 10))
    at = finish_one_by_one(live, 0, [[1.0]] * 5)
    live.begin("filtered", key_of(0), 5, at)
    live.finish("filtered", at, None)
    live.begin("failed", key_of(0), 6, at)
    live.finish("failed", at, None, answers=False)
    result = live.forecast(at, paid=5.0)
    assert (result.settled, result.in_flight, result.left) == (6, 0, 4)


def test_what_is_known_of_a_call_is_in_every_quantile():
    plain, known = LiveForecast(plan([1] * 10)), LiveForecast(plan([1] * 10, known=2.0))
    for live in (plain, known):
        finish_one_by_one(live, 0, [[1.0], [3.0]])
    for p in POINTS:
        left = known.forecast(9.0, 4.0).cost.quantile(p) - plain.forecast(9.0, 4.0).cost.quantile(p)
        assert left == pytest.approx(16.0)


def test_a_stratum_without_calls_keeps_its_forecast_and_deviations_add_in_squares():
    before = CostRange(mean=10.0, q05=5.0, q50=9.0, q95=20.0, ceiling=Money())
    live = LiveForecast(plan([1] * 10, [1] * 10, before=before))
    alone = LiveForecast(plan([1] * 10))
    for each in (live, alone):
        finish_one_by_one(each, 0, [[1.0], [3.0], [2.0]])
    both, first = live.forecast(9.0, 6.0).cost, alone.forecast(9.0, 6.0).cost
    assert both.mean == pytest.approx(first.mean + 10.0)
    above = first.quantile(0.95) - first.mean
    assert both.quantile(0.95) == pytest.approx(both.mean + np.hypot(above, 10.0))
    assert both.chance_above(both.quantile(0.95)) == pytest.approx(0.05, abs=1e-6)


def test_a_judge_that_reads_some_answers_is_left_for_the_share_that_it_reads():
    judge = StratumKey("judge", "lab/j", "free")
    strata = plan([2] * 50)
    strata[judge] = LiveStratum(
        np.full(50, 4.0), LengthShape(0.1, 0.75), 0.0, NO_FORECAST, (key_of(0),), 2, 0.5
    )
    live = LiveForecast(strata)
    assert live.forecast(0.0, 0.0).left == pytest.approx(100 + 100)
    queries = np.arange(40)
    live.add_earlier(key_of(0), queries, np.ones(40), np.r_[np.ones(40), np.zeros(10)])
    live.add_earlier(judge, queries[:8], np.ones(8), np.r_[np.ones(8), np.zeros(42)])
    share = (4 + 10 * 0.5) / (40 + 10)  # of 40 answers it read 4, with two votes
    assert live.forecast(0.0, 0.0).left == pytest.approx(60 + 60 * 2 * share)
    live.begin("verdict", judge, 3, 1.0)
    assert live.forecast(1.0, 0.0).left == pytest.approx(60 + 60 * 2 * share + 1)


def plan_of_two_models(**judge):
    """Return a plan of two models that a judge reads with two votes; 50 queries, two samples."""
    strata = plan([2] * 50, [2] * 50)
    key = StratumKey("judge", "lab/j", "free")
    strata[key] = LiveStratum(np.full(50, 8.0), SHAPE, 0.0, NO_FORECAST, votes=2, **judge)
    return strata, key


def answer_first(live, key, queries, each):
    """Answer requests of the first queries, at a dollar each."""
    asked = np.arange(50) < queries
    live.add_earlier(key, np.arange(queries), np.full(queries, 1.0), asked * each)


def test_a_model_that_was_stopped_is_left_no_more_and_neither_are_judges_about_it():
    strata, judge = plan_of_two_models()
    live = LiveForecast(strata)
    for key, each in ((key_of(0), 2), (key_of(1), 2), (judge, 8)):
        answer_first(live, key, 20, each)
    whole = live.forecast(9.0, 60.0)
    live.stop_models({"lab/m1"})
    rest = live.forecast(9.0, 60.0)
    assert (whole.left, whole.not_asked) == (60 + 60 + 240, 0)
    assert (rest.left, rest.not_asked) == (60 + 120, 60 + 120)
    assert rest.cost.mean - 60 == pytest.approx((whole.cost.mean - 60) / 2)
    live.begin("late", key_of(1), 3, 9.0)
    assert live.forecast(9.0, 60.0).left == 60 + 120 + 1 + 2, "it is paid, and judged"
    live.finish("late", 10.0, 1.0)
    live.stop_models({"lab/m0", "lab/m1"})
    ended = live.forecast(9.0, 61.0)
    assert (ended.state, ended.left, ended.cost.mean) == (LiveState.DONE, 0, 61.0)


def test_a_judge_that_reads_some_answers_is_left_for_those_of_models_that_go_on():
    strata, judge = plan_of_two_models(judges=(key_of(0), key_of(1)), read_share=0.5)
    live = LiveForecast(strata)
    for key, each in ((key_of(0), 2), (key_of(1), 2), (judge, 4)):
        answer_first(live, key, 20, each)
    live.stop_models({"lab/m1"})
    share = (40 + 10 * 0.5) / (80 + 10)
    found = live.forecast(9.0, 60.0)
    assert found.left == pytest.approx(60 + 60 * 2 * share)
    assert found.not_asked == pytest.approx(60 + 60 * 2 * share)


def test_a_verdict_that_was_given_up_is_not_left_once_all_models_are_stopped():
    strata, judge = plan_of_two_models()
    live = LiveForecast(strata)
    for key, each in ((key_of(0), 2), (key_of(1), 2), (judge, 7)):
        answer_first(live, key, 20, each)
    live.stop_models({"lab/m0", "lab/m1"})
    assert live.forecast(9.0, 60.0).state is LiveState.DONE


def test_requests_in_batches_count_as_they_come_and_hold_nothing_up():
    """All answers of a batch come at once: those that came first are not the short ones."""
    timed, batched = (LiveForecast(plan([3, 3, 3, 3])) for _ in range(2))
    at = finish_one_by_one(timed, 0, FIRST)
    for query, values in enumerate(FIRST):
        for number, value in enumerate(values):
            batched.begin_in_batch(f"{query}.{number}", key_of(0), query)
            batched.finish(f"{query}.{number}", 9_000.0, value)
    for number in range(6):  # those that are left are away as well
        batched.begin_in_batch(f"3.{number}", key_of(0), 3)
    one, other = timed.forecast(at, paid=1000.0), batched.forecast(90_000.0, paid=1000.0)
    assert (one.state, other.state) == (LiveState.HOLDS, LiveState.HOLDS)
    assert other.in_flight == 6
    assert other.cost.quantile(0.9) == pytest.approx(one.cost.quantile(0.9))
