"""The part of a plan that was run is forecast in proportion, and all of it as the plan was."""

from datetime import date

import pytest

from estimator.forecast import find_share, forecast_part
from estimator.plan import estimate_experiment
from experiment.definition import BUILTIN_SOURCE, Overrides

FIGURES = ("mean", "q025", "q05", "q25", "q50", "q75", "q95", "q975")


@pytest.fixture(scope="module")
def plan():
    return estimate_experiment(BUILTIN_SOURCE, date(2026, 11, 21), Overrides(limit=6)).plan


def part_of(plan, share):
    expected = {s.key: s.requests if s.expected is None else s.expected for s in plan.strata}
    answered = {key: count * share for key, count in expected.items()}
    return forecast_part(plan.strata, plan.total, answered)


@pytest.mark.parametrize("share", [0.25, 0.5, 1])
def test_strata_groups_and_total_are_in_proportion_to_what_is_answered(plan, share):
    part = part_of(plan, share)
    pairs = [
        (planned.cost, each.cost) for planned, each in zip(plan.strata, part.strata, strict=True)
    ]
    pairs += [(plan.groups[key], part.groups[key]) for key in plan.groups]
    for planned, found in [*pairs, (plan.total, part.total)]:
        for name in FIGURES:
            assert getattr(found, name) == pytest.approx(getattr(planned, name) * share, rel=1e-6)


def test_of_nothing_that_is_answered_nothing_is_expected(plan):
    part = forecast_part(plan.strata, plan.total, {})
    assert {getattr(part.total, name) for name in FIGURES} == {0.0}
    assert {find_share(each, 0) for each in plan.strata} == {0.0}


def test_the_total_of_some_strata_is_that_of_their_means(plan):
    first = plan.strata[0]
    part = forecast_part(plan.strata, plan.total, {first.key: first.requests})
    assert part.total.mean == pytest.approx(first.cost.mean)
    assert [each.cost.mean > 0 for each in part.strata] == [each is first for each in plan.strata]
