"""How answers vary: assumed, as a judge sees it, and measured."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.design.outcomes import (
    ASSUMED,
    TYPICAL_ICC,
    Outcomes,
    assume_rates,
    combine_outcomes,
    measure_outcomes,
)
from estimator.design.power import GapVariance, find_detectable_gap, sum_quantiles
from experiment.definition import Target


def test_several_gaps_are_corrected_for_each_other() -> None:
    for gaps, factor in ((6, 1.2421), (12, 1.3231), (24, 1.3991)):
        ratio = sum_quantiles(1e9, 0.05 / gaps) / sum_quantiles(1e9)
        assert round(ratio, 4) == factor
    one = find_detectable_gap(ASSUMED.variance, 100, (3, 3), Target.LIKE_THESE)
    assert find_detectable_gap(ASSUMED.variance, 100, (3, 3), Target.LIKE_THESE, 2) > one


def test_two_rates_vary_as_those_of_models_do() -> None:
    variance = assume_rates((0.35, 0.2)).variance
    assert variance.within == pytest.approx(
        ((1 - TYPICAL_ICC) * 0.35 * 0.65, (1 - TYPICAL_ICC) * 0.2 * 0.8)
    )
    a, b = TYPICAL_ICC * 0.35 * 0.65, TYPICAL_ICC * 0.2 * 0.8
    assert variance.between == pytest.approx(a + b - 2 * 0.8 * (a * b) ** 0.5)


def test_a_judge_without_errors_changes_nothing() -> None:
    judged = assume_rates((0.35, 0.2)).judged_with(1.0, 1.0)
    assert judged.variance.between == assume_rates((0.35, 0.2)).variance.between
    assert judged.variance.within == pytest.approx(assume_rates((0.35, 0.2)).variance.within)


def test_a_judge_that_errs_adds_what_its_errors_vary() -> None:
    rng = np.random.default_rng(16)
    chances = rng.beta(0.8, 3.2, 4_000)  # of a mean of 0.2
    answers = rng.random((2, 50, 4_000)) < chances
    says = np.where(answers, rng.random(answers.shape) < 0.95, rng.random(answers.shape) > 0.97)
    within = float(np.mean(chances * (1 - chances)))
    true = Outcomes(GapVariance(0.0, (within, within)), "", (0.2, 0.2))
    seen = true.judged_with(0.95, 0.97).variance.within[0] * 0.92**2
    assert seen == pytest.approx(float(says.var(axis=1, ddof=1).mean()), rel=0.03)


def test_a_judge_that_guesses_is_refused() -> None:
    with pytest.raises(ValueError, match="tell nothing apart"):
        ASSUMED.judged_with(0.5, 0.5)


def test_measured_answers_give_back_how_they_were_drawn() -> None:
    rng = np.random.default_rng(16)
    chances = np.clip(rng.normal([[0.5], [0.3]], 0.15, (2, 3_000)), 0.02, 0.98)
    drawn = rng.random((5, 2, 3_000)) < chances
    first, second = (
        {query: drawn[:, side, query].astype(float).tolist() for query in range(3_000)}
        for side in (0, 1)
    )
    found = measure_outcomes(first, second, "in a run")
    assert found is not None
    assert found.variance.between == pytest.approx(np.var(chances[0] - chances[1]), rel=0.08)
    for own, side in zip(found.variance.within, chances, strict=True):
        assert own == pytest.approx(np.mean(side * (1 - side)), rel=0.03)
    assert found.rates == pytest.approx((0.5, 0.3), abs=0.02)


def test_one_answer_to_each_query_keeps_the_variance_of_the_differences() -> None:
    first = {query: [float(query % 2)] for query in range(40)}
    second = {query: [float(query % 4 == 0)] for query in range(40)}
    found = measure_outcomes(first, second, "")
    assert found is not None
    differences = [first[query][0] - second[query][0] for query in range(40)]
    whole = found.variance.between + sum(found.variance.within)
    assert whole == pytest.approx(np.var(differences, ddof=1))


def test_one_query_says_nothing() -> None:
    assert measure_outcomes({0: [1.0], 1: [0.0]}, {0: [0.0]}, "") is None


def test_of_several_the_most_varying_counts() -> None:
    several = [
        Outcomes(GapVariance(0.05, (0.1, 0.02)), "a", (0.3, 0.02)),
        Outcomes(GapVariance(0.02, (0.05, 0.2)), "b", (0.1, 0.4)),
    ]
    found = combine_outcomes(several)
    assert found.variance == GapVariance(0.05, (0.1, 0.2))
    assert found.rates == (0.1, 0.02)
    assert found.is_rare(100)
    assert not found.is_rare(250)


@pytest.mark.parametrize("judge", [None, (0.9, 0.95)])
def test_a_judge_that_reads_a_part_makes_answers_vary_as_in_a_simulation(judge) -> None:
    """Rates differ between queries; each answer that is read stands for 1 / share."""
    dice, share, number = np.random.default_rng(5), 0.25, 400_000
    shapes = ((2.0, 3.0), (1.0, 4.0))
    rates = [dice.beta(*shape, number) for shape in shapes]
    means = tuple(float(each.mean()) for each in rates)
    within = tuple(float((each * (1 - each)).mean()) for each in rates)
    known = Outcomes(GapVariance(0.05, within), "simulated", means, means)
    scale = 1.0
    if judge:
        known, scale = known.judged_with(*judge), sum(judge) - 1
    found = known.read_in_part(share).variance
    assert found.between == 0.05
    for side, rate in enumerate(rates):
        seen = (1 - judge[1]) + scale * rate if judge else rate
        answers = dice.random(number) < seen
        value = answers * (dice.random(number) < share) / share
        assert ((value - seen) ** 2).mean() / scale**2 == pytest.approx(
            found.within[side], rel=0.02
        )


def test_a_judge_that_reads_all_changes_nothing() -> None:
    assert ASSUMED.read_in_part(1.0) == ASSUMED
