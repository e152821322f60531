"""What a pilot says before it is approved: how much it sends, and what that costs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from estimator.plan import verify_plan
from estimator.plan.planner import estimate_experiment
from runner.pilot import PilotGoal, name_pilot_plan, outline_pilot
from tests.runner import sample_experiment
from tests.runner.sample_experiment import DAY

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def outline(folder, most=25, **changes):
    plan = estimate_experiment(str(sample_experiment.write(folder, **changes)), DAY).plan
    return plan, outline_pilot(plan, verify_plan(plan, NOW), PilotGoal(most=most))


def test_a_pilot_is_a_part_of_the_run(tmp_path):
    plan, found = outline(tmp_path, queries=50, votes=3, samples=2)
    assert found.strata == 4
    assert [found.least.queries, found.most.queries] == [5, 25]
    assert [found.least.answers, found.most.answers] == [20, 100]
    assert [found.least.calls, found.most.calls] == [80, 400]  # with three votes each
    assert found.most.likely.as_float == pytest.approx(plan.total.mean / 4)
    assert found.most.ceiling.pico == pytest.approx(plan.total.ceiling.pico / 4)


def test_of_a_small_experiment_the_pilot_is_all_queries_once(tmp_path):
    plan, found = outline(tmp_path, queries=3, samples=1)
    assert found.least == found.most
    assert found.most.calls == plan.request_count
    assert found.most.ceiling == plan.total.ceiling


def test_a_smaller_most_is_the_least_as_well(tmp_path):
    _, found = outline(tmp_path, most=2, queries=30)
    assert (found.least.queries, found.most.queries) == (2, 2)


def test_the_plan_that_rests_on_a_pilot_has_a_name_beside_the_others():
    assert name_pilot_plan(Path("a/plan.json")) == Path("a/plan-pilot.json")
    assert name_pilot_plan(Path("a/plan-pilot.json")) == Path("a/plan-pilot.json")
    assert name_pilot_plan(Path("plan")) == Path("plan-pilot.json")
