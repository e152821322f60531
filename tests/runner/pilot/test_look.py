"""What a look makes of a pilot's calls: which count, at which prices, and of which strata."""

from dataclasses import replace

import numpy as np
import pytest

from estimator.forecast import LengthShape, MeasuredCalls, TokenPrices
from estimator.plan.planner import estimate_experiment
from estimator.workload import StratumKey
from pricing.money import Money
from runner.forecasting import StratumTerms
from runner.pilot.look import keep_queries, look_at
from tests.runner import sample_experiment
from tests.runner.sample_experiment import DAY, MODEL

SUBJECT, JUDGE = StratumKey("subject", MODEL, "free"), StratumKey("judge", MODEL, "free")
PRICES = TokenPrices(input=0.5, output=2.0)
OUTPUT = [120, 340, 95, 410, 220, 180, 640, 150, 275, 330]


@pytest.fixture(scope="module")
def estimate(tmp_path_factory):
    path = sample_experiment.write(tmp_path_factory.mktemp("look"), queries=4)
    return estimate_experiment(str(path), DAY)


def some_calls(output, queries=None, answer_input=None):
    size = len(output)
    return MeasuredCalls(
        queries=np.arange(size) if queries is None else np.array(queries),
        output=np.array(output),
        answer_input=np.zeros(size) if answer_input is None else np.array(answer_input),
        limits=np.full(size, 10_000),
        is_cut=np.zeros(size, bool),
        basis="pilot",
        source="a test",
    )


def terms_of(estimate, stage="subject", requests=200, expected=None, max_tokens=10_000):
    stratum = next(each for each in estimate.plan.strata if each.stage == stage)
    stratum = replace(stratum, requests=requests, expected=expected)
    return StratumTerms(stratum, max_tokens, PRICES, LengthShape(1.2, 0.75))


def test_the_range_of_what_is_left_is_the_golden_one_in_dollars(estimate):
    """knowledge: 10 queries measured of 100, two samples each; at 2 dollars a token."""
    look = look_at(10, {SUBJECT: some_calls(OUTPUT)}, {SUBJECT: terms_of(estimate)}, 100, Money())
    assert look.left is not None
    golden = [36754.1319, 56396.3686, 87388.1365]  # with the 2,760 that are spent
    found = [look.left.quantile(p) / 2 + 2760 for p in (0.05, 0.5, 0.95)]
    assert found == pytest.approx(golden, abs=1e-3)
    assert look.width == pytest.approx((golden[2] - golden[0]) / (2 * (golden[1] - 2760)))
    assert (look.queries, look.calls) == (10, 10)


def test_longer_answers_than_the_run_takes_are_clipped(estimate):
    terms = {SUBJECT: terms_of(estimate, max_tokens=100)}
    look = look_at(10, {SUBJECT: some_calls(OUTPUT)}, terms, 100, Money())
    assert look.left is not None
    mean = np.minimum(OUTPUT, 100).mean()
    assert look.left.mean == pytest.approx(190 * mean * 2)


def test_what_a_judge_reads_of_an_answer_is_part_of_what_varies(estimate):
    calls = some_calls([8, 8], answer_input=[100, 300])
    look = look_at(2, {JUDGE: calls}, {JUDGE: terms_of(estimate, requests=10)}, 10, Money())
    assert look.left is not None
    assert look.left.mean == pytest.approx(8 * (8 * 2.0 + 200 * 0.5))


def test_a_judge_that_reads_only_some_answers_is_forecast_by_how_many_it_is_expected_to(estimate):
    few = {JUDGE: terms_of(estimate, requests=10, expected=5.0)}
    look = look_at(2, {JUDGE: some_calls([8, 8])}, few, 10, Money())
    assert look.left is not None
    assert look.left.mean == pytest.approx((8 * 0.5) * 8 * 2.0)  # none more of the two measured


def test_a_stratum_without_an_answer_leaves_the_range_open_unless_it_may_be_asked_nothing(estimate):
    subjects = {SUBJECT: some_calls(OUTPUT)}
    asked = {SUBJECT: terms_of(estimate), JUDGE: terms_of(estimate)}
    assert look_at(10, subjects, asked, 100, Money()).width is None
    unasked = asked | {JUDGE: terms_of(estimate, expected=3.0)}
    assert look_at(10, subjects, unasked, 100, Money()).width is not None


def test_only_calls_of_the_queries_that_were_drawn_count():
    calls = some_calls([1, 2, 3, 4], queries=[0, 7, 7, 2], answer_input=[5, 6, 7, 8])
    kept = keep_queries(calls, frozenset({7, 9}))
    assert kept is not None
    assert (kept.queries.tolist(), kept.output.tolist()) == ([7, 7], [2, 3])
    assert kept.answer_input.tolist() == [6, 7]
    assert keep_queries(calls, frozenset({5})) is None
