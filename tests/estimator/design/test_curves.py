"""Curves of a design."""

from __future__ import annotations

import pytest

from estimator.design import ASSUMED, Choice, find_detectable_gap
from estimator.design.cell_costs import CellCost
from estimator.design.curves import find_curves
from experiment.definition import Target

CHOICE = Choice((CellCost("model", "cot", 0.01, 0.015, 0.001, ()),), ASSUMED)


@pytest.mark.parametrize("queries", [2, 60, 75, 1000])
def test_a_curve_falls_as_it_costs_more_and_its_designs_are_what_they_say(queries):
    curves = find_curves([CHOICE], queries)
    assert {each.queries for each in curves} == {queries, 60, 100, 300, None}
    for curve in curves:
        costs = [each.cost for each in curve.designs]
        gaps = [each.gap for each in curve.designs]
        assert costs == sorted(costs)
        assert gaps == sorted(gaps, reverse=True)
        assert max(gaps) <= 1
        for each in curve.designs:
            sizes = (each.queries, (each.samples, each.samples))
            found = find_detectable_gap(ASSUMED.variance, *sizes, curve.target)
            assert each.gap == pytest.approx(found)
            assert each.cost == pytest.approx(0.01 * each.queries * each.samples)


def test_more_queries_with_one_sample_go_beyond_all_numbers_of_queries():
    along = next(each for each in find_curves([CHOICE], 60) if each.queries is None)
    assert {each.samples for each in along.designs} == {1}
    assert along.designs[-1].queries == 3000


def test_a_result_about_these_queries_is_of_all_of_them_with_three_samples_or_more():
    these = [each for each in find_curves([CHOICE], 60) if each.target is Target.THESE]
    assert [each.queries for each in these] == [60]
    assert min(each.samples for each in these[0].designs) == 3


def test_what_it_is_for_programs_has_the_cost_that_95_percent_stay_below():
    written = find_curves([CHOICE], 60)[0].to_json()
    first = written["points"][0]
    assert float(first["q95_usd"]) == pytest.approx(1.5 * float(first["likely_usd"]))
