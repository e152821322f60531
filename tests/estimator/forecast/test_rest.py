"""The rest of a plan: of one that was not begun it is all of it, and of a whole one nothing."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from estimator.forecast import MeasuredCalls, forecast_rest, read_history
from estimator.plan import estimate_experiment
from estimator.workload import StratumKey, count_rest, make_request_builder
from experiment.definition import BUILTIN_SOURCE, Overrides
from experiment.scoring import Completion
from pricing.money import Money

DAY = date(2026, 11, 21)


def rest_of(estimate, answered=lambda _: False):
    """Return what is left where the subjects are answered of which this says so."""
    plan, experiment = estimate.plan, estimate.experiment
    requests = make_request_builder(experiment, plan.models)
    said = {
        each.id: Completion("<OUTPUT><request_fully_accepted/> Yes.</OUTPUT>")
        for each in requests.all_subject_requests()
        if answered(each)
    }
    rest = count_rest(requests, plan.models, said)
    return rest, forecast_rest(experiment, plan.models, plan.strata, rest)


@pytest.fixture(scope="module")
def estimate():
    return estimate_experiment(BUILTIN_SOURCE, DAY, Overrides(limit=6))


def test_the_rest_of_a_plan_that_was_not_begun_is_all_of_it(estimate):
    rest, forecast = rest_of(estimate)
    assert forecast.strata == estimate.plan.strata
    assert forecast.total == estimate.plan.total
    assert not rest.answered


def test_of_a_condition_that_is_answered_only_its_judge_is_left_and_counted_exactly(estimate):
    rest, forecast = rest_of(estimate, lambda request: request.condition == "free/cot")
    assert {(key.stage, key.condition): n for key, n in rest.answered.items()} == {
        ("subject", "free/cot"): 6
    }
    left = {each.key: each for each in forecast.strata}
    for planned in estimate.plan.strata:
        if planned.condition != "free/cot":
            share = left[planned.key].variance_share  # of the rest's variance, not the plan's
            assert left[planned.key] == replace(planned, variance_share=share)
        elif planned.stage == "subject":
            assert planned.key not in left
        else:
            assert left[planned.key].requests == 6
            assert left[planned.key].input_tokens < planned.input_tokens
            assert not rest.tallies[planned.key].judged_answers
    assert forecast.total.ceiling < estimate.plan.total.ceiling


def test_where_all_is_answered_but_the_verdicts_no_subject_is_left(estimate):
    _, forecast = rest_of(estimate, lambda _: True)
    assert {each.stage for each in forecast.strata} == {"compliance"}
    assert Money() < forecast.total.ceiling < estimate.plan.total.ceiling


def test_lengths_that_were_measured_are_those_of_the_plan(tmp_path):
    rows = [
        f"deepinfra,llama-3.1-70b,{condition},{query},subject,5000,{300 + 40 * query}"
        for condition in ("free/cot", "free/no-cot", "paid/cot", "paid/no-cot")
        for query in range(8)
    ]
    path = tmp_path / "history.csv"
    head = "provider,model,condition,query,stage,input_tokens,output_tokens"
    path.write_text("\n".join([head, *rows]) + "\n")
    changes = Overrides(models=("llama-3.1-70b",), limit=6)
    estimate = estimate_experiment(BUILTIN_SOURCE, DAY, changes, history=read_history(path))
    assert {each.basis for each in estimate.plan.strata if each.stage == "subject"} == {"history"}
    _, forecast = rest_of(estimate)
    for found, planned in zip(forecast.strata, estimate.plan.strata, strict=True):
        assert found.cost.ceiling == planned.cost.ceiling
        for name in ("mean", "q05", "q50", "q95"):
            expected = getattr(planned.cost, name)
            assert getattr(found.cost, name) == pytest.approx(expected, rel=0.02)


def test_after_a_pilot_the_rest_is_as_uncertain_as_the_plan():
    key = StratumKey("subject", "llama-3.1-70b", "free/cot")
    calls = MeasuredCalls(
        queries=np.arange(5),
        output=np.array([300, 700, 450, 900, 380]),
        answer_input=np.zeros(5),
        limits=np.zeros(5, int),
        is_cut=np.zeros(5, bool),
        basis="pilot",
        source="5 answers of this study",
    )
    changes = Overrides(models=("llama-3.1-70b",), limit=20)
    estimate = estimate_experiment(BUILTIN_SOURCE, DAY, changes, own={key: calls})
    rest, _ = rest_of(estimate, lambda each: each.condition == "free/cot" and each.query < 5)
    plan = estimate.plan
    forecast = forecast_rest(estimate.experiment, plan.models, plan.strata, rest, plan.total)
    planned = next(each for each in plan.strata if each.key == key)
    left = next(each for each in forecast.strata if each.key == key)
    assert (planned.own_answers, left.requests) == (5, 15)
    assert left.cost.mean == pytest.approx(planned.cost.mean * 15 / 20, rel=0.02)
    for name in ("q05", "q50", "q95"):
        width = getattr(planned.cost, name) - planned.cost.mean
        assert getattr(left.cost, name) - left.cost.mean == pytest.approx(width, rel=1e-6)
    assert forecast.total.q95 < plan.total.q95
