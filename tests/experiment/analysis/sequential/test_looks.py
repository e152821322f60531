"""Looks by the project's own functions: how often they find a gap, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from experiment.analysis import analyse_compliance
from experiment.analysis.sequential import Look, SequentialDesign, take_looks
from experiment.definition.schema import SequentialTest
from tests.experiment.analysis.sequential.simulated_looks import run_studies
from tests.experiment.analysis.simulated_study import SimulatedStudy

STUDIES, FOUR_ERRORS = 600, 0.036  # of a share of 5 %


def test_looks_find_a_gap_where_there_is_none_in_5_percent_and_naive_peeking_more_often():
    found = run_studies(n=50, samples=1, gap=0.0, studies=STUDIES, seed=16)
    assert found.stops <= 0.055 + FOUR_ERRORS
    assert found.naive > 0.055 + FOUR_ERRORS, "five plain tests find a gap three times as often"


def test_a_large_gap_is_found_and_saves_queries():
    found = run_studies(n=100, samples=3, gap=0.25, studies=200, seed=16)
    assert found.stops > 0.95
    assert found.spent < 0.75


def test_the_statistic_of_a_look_is_the_report_s_and_its_interval_holds_the_bound():
    study = SimulatedStudy(rates=(0.2, 0.6), queries=50, samples=2, missing=0.1)
    spec = study.spec.model_copy(update={"sequential": SequentialTest(looks=5)})
    design = SequentialDesign.of_experiment(spec, 50)
    seen = study.draw(np.random.default_rng(3))
    gap = analyse_compliance(spec, seen).comparisons[0].gap
    (look,) = take_looks(spec, seen, design, 5, spec.models)
    assert (look.estimate, look.t, look.pairs) == (gap.estimate, gap.t, gap.pairs)
    half = (gap.high - gap.low) / 2
    assert (look.high - look.low) / 2 > half, "a repeated interval is wider than a plain one"
    assert look.is_shown == (not look.low <= 0 <= look.high)


def test_looks_come_at_equal_steps_and_the_last_after_all_queries():
    design = SequentialDesign(5, 52, 0.05, "proxy", "tier", ("free", "paid"))
    assert design.places == (11, 21, 32, 42, 52)


@pytest.mark.parametrize("t", [None, 3.0, -3.0])
def test_a_look_is_kept_as_json(t):
    look = Look("m", 2, 20, 19, 0.2, t, 2.5 if t else None, 0.1, 0.3)
    stored = look.to_json()
    assert stored["shown"] is (t is not None)
    assert Look.from_json(stored) == look
