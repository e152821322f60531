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


# Power and share of the queries by a calculation apart from this code, of 20,000 studies each: the
# paired t at each look against 4.5617, 3.2256, 2.6337, 2.2809 and 2.0401, as far out in its tail.
@pytest.mark.parametrize(
    ("joined", "power", "spent"),
    # The variance of the gaps of queries is 0.112 and 0.050, that of an answer to each 0.148 more.
    [(0.6, 0.485, 0.916), (0.865, 0.602, 0.887)],
)
def test_looks_find_a_gap_as_often_as_is_calculated_apart_from_them(joined, power, spent):
    studies = 400
    found = run_studies(
        n=100, samples=1, gap=0.10, rate=0.20, joined=joined, studies=studies, seed=16
    )
    assert found.stops == pytest.approx(power, abs=4 * np.sqrt(power * (1 - power) / studies))
    assert found.spent == pytest.approx(spent, abs=4 * 0.15 / np.sqrt(studies))


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
