"""A gap of these queries alone: answers vary, queries do not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from experiment.analysis import analyse_compliance
from experiment.analysis.gaps import ComplianceGap
from experiment.definition import Target
from experiment.definition.schema import ExperimentSpec
from tests.experiment.analysis.simulated_study import SimulatedStudy


def find_gap(study: SimulatedStudy, seed: int, target: Target) -> ComplianceGap:
    observations = study.draw(np.random.default_rng([16, seed]))
    gap = analyse_compliance(study.spec, observations, target=target).comparisons[0].gap
    assert gap is not None
    return gap


def test_the_formula_on_three_queries() -> None:
    """Queries of 4 answers: 2, 4 and 0 of them yes at the first level, 1, 3 and 0 at the second."""
    study = SimulatedStudy(queries=3, samples=4, missing=0)
    yes = {"free": (2, 4, 0), "paid": (1, 3, 0)}
    drawn = study.draw(np.random.default_rng(1))
    made = [
        each.__class__(
            each.model, each.levels, each.query, each.sample, each.kind,
            each.sample < yes[each.levels["tier"]][each.query], {},
        )
        for each in drawn
    ]  # fmt: skip
    found = analyse_compliance(study.spec, made, measure="proxy", target=Target.THESE)
    gap = found.comparisons[0].gap
    assert gap is not None
    variances = [1 / 3 / 4, 1 / 4 / 4, 0, 1 / 4 / 4, 0, 0]  # of 2, 1, 4, 3 of 4
    error = math.sqrt(sum(variances)) / 3
    df = sum(variances) ** 2 / sum(v**2 / 3 for v in variances)
    assert gap.pairs == 3
    assert gap.estimate == pytest.approx(1 / 6)
    assert gap.error == pytest.approx(error)
    assert gap.df == pytest.approx(df)
    assert gap.p == pytest.approx(2 * student.sf(1 / 6 / error, df))
    assert gap.sentence.startswith("no evidence of a gap in m, for these queries alone: +16.7 pp")


def test_the_estimate_is_the_same_and_the_interval_shorter() -> None:
    study = SimulatedStudy(queries=60, samples=5, missing=0, correlation=0.6)
    for seed in range(5):
        like, these = (find_gap(study, seed, target) for target in Target)
        assert these.estimate == pytest.approx(like.estimate)
        assert these.error is not None
        assert like.error is not None
        assert these.error < like.error


def test_one_sample_says_nothing_of_these_queries_alone() -> None:
    gap = find_gap(SimulatedStudy(queries=60, samples=1, missing=0), 1, Target.THESE)
    assert (gap.p, gap.low, gap.pairs) == (None, None, 0)
    assert gap.sentence == (
        "nothing can be said of a gap in m, for these queries alone: no query has two results at "
        "both levels"
    )


def test_answers_that_never_differ_are_no_certainty() -> None:
    study = SimulatedStudy(rates=(1.0, 1e-9), queries=10, samples=3, missing=0)
    gap = find_gap(study, 1, Target.THESE)
    assert gap.estimate == 1.0
    assert gap.error == pytest.approx(math.sqrt(2) / 3 / 10)
    assert gap.p is not None
    assert 0 < gap.p < 0.001


def test_over_several_cells_and_between_them() -> None:
    study = SimulatedStudy(rates=(0.5, 0.2), queries=40, samples=4, missing=0, styles=2)
    observations = study.draw(np.random.default_rng(16))
    found = analyse_compliance(study.spec, observations, target=Target.THESE)
    one, other = (each.gap for each in found.comparisons)
    whole, difference = found.subtotals[0].gap, found.effects[0].on_gap[0].difference
    assert one is not None and other is not None and whole is not None  # noqa: PT018
    assert None not in (one.estimate, other.estimate)
    assert whole.estimate == pytest.approx(((one.estimate or 0) + (other.estimate or 0)) / 2)
    assert difference.estimate == pytest.approx((one.estimate or 0) - (other.estimate or 0))
    assert whole.error == pytest.approx(math.hypot(one.error or 0, other.error or 0) / 2)
    assert difference.error == pytest.approx(math.hypot(one.error or 0, other.error or 0))


def test_the_file_says_what_a_result_is_about() -> None:
    study = SimulatedStudy(queries=20, samples=3, missing=0)
    fields = study.spec.to_stored()
    assert "target" not in fields
    spec = ExperimentSpec.model_validate(fields | {"target": "these-queries"})
    assert spec.to_stored()["target"] == "these-queries"
    observations = study.draw(np.random.default_rng(16))
    gap = analyse_compliance(spec, observations).comparisons[0].gap
    assert gap is not None
    assert gap.target is Target.THESE


def test_a_sequential_test_is_about_queries_like_these() -> None:
    fields = SimulatedStudy().spec.to_stored()
    both = {"target": "these-queries", "sequential": {"looks": 5}}
    with pytest.raises(ValueError, match="result about queries like these"):
        ExperimentSpec.model_validate(fields | both)


def test_it_finds_a_gap_in_none_in_5_of_100_studies() -> None:
    """Queries differ much and have no gap; 400 studies, so 0.05 has a standard error of 0.011."""
    study = SimulatedStudy(rates=(0.3, 0.3), queries=30, samples=3, missing=0, correlation=0.5)
    found = [find_gap(study, seed, Target.THESE).p for seed in range(400)]
    share = float(np.mean([p is not None and p < 0.05 for p in found]))
    assert 0.02 <= share <= 0.08
