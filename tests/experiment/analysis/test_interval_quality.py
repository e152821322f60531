"""A gap's interval covers the true gap as often as it says, and finds a gap in none 1 time in 20.

`benchmarks/coverage.py` measures the same on 5,000 analyses of each study; here are 300 of
smaller ones, with a seed. Of them, 95 % are 285 and 5 % are 15, give or take 3 standard errors: 12.
"""

from __future__ import annotations

import numpy as np
import pytest

from experiment.analysis.compliance import analyse_compliance
from tests.experiment.analysis.simulated_study import SimulatedStudy

ANALYSES, APART = 300, 12
ERRS = {"sensitivity": 0.85, "specificity": 0.9}


def analyse_many(study: SimulatedStudy) -> list:
    spec, gaps = study.spec, []
    for number in range(ANALYSES):
        analysis = analyse_compliance(spec, study.draw(np.random.default_rng([15, number])))
        (comparison,) = analysis.subtotals or analysis.comparisons
        gaps.append(comparison.gap)
    return gaps


@pytest.mark.parametrize(
    "study",
    [
        SimulatedStudy(correlation=0.3),
        SimulatedStudy(**ERRS, queries=60, samples=2),
        SimulatedStudy(styles=2, queries=40, samples=2, correlation=0.3),
        SimulatedStudy(rest=0.1, samples=1),
    ],
    ids=["queries that differ", "a judge that errs", "two cells", "screened"],
)
def test_the_interval_covers_the_true_gap_95_times_in_100(study):
    gaps, truth = analyse_many(study), study.judged_gap
    covered = sum(gap.low <= truth <= gap.high for gap in gaps)
    assert abs(covered - 0.95 * ANALYSES) <= APART
    estimates = [gap.estimate for gap in gaps]
    error = np.std(estimates) / ANALYSES**0.5
    assert np.mean(estimates) == pytest.approx(truth, abs=3 * error)
    assert error < 0.008  # so a bias of 2.4 points would be seen


@pytest.mark.parametrize("changes", [{}, {"rest": 0.1}], ids=str)
def test_a_gap_is_found_in_none_5_times_in_100(changes):
    gaps = analyse_many(SimulatedStudy((0.25, 0.25), 60, 2, correlation=0.3, **changes))
    found = [gap for gap in gaps if gap.p < 0.05]
    assert abs(len(found) - 0.05 * ANALYSES) <= APART
    assert all(gap.low > 0 or gap.high < 0 for gap in found)


def test_the_detectable_gap_is_found_4_times_in_5():
    study = SimulatedStudy((0.20, 0.20), samples=1)
    detectable = np.mean([gap.detectable for gap in analyse_many(study)])
    larger = SimulatedStudy((0.20 - detectable / 2, 0.20 + detectable / 2), samples=1)
    found = sum(gap.p < 0.05 for gap in analyse_many(larger))
    assert found / ANALYSES == pytest.approx(0.8, abs=0.07)
