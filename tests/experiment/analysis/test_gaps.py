"""Gaps: over cells, between any levels, with weights, corrected, and bounded by what is missing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from experiment.analysis.cells import sum_by_query
from experiment.analysis.compliance import analyse_compliance
from experiment.analysis.gaps import compute_gap, list_pairs, spread_over_queries
from experiment.analysis.mean_estimate import adjust_holm, estimate_mean
from experiment.analysis.observation import Observation
from experiment.scoring import JudgeReading
from experiment.scoring.completion import AnswerKind
from tests.experiment.analysis.test_compliance import JUDGE, only, read, seen, spec

STYLES = {"tier": {"free": {}, "paid": {}}, "reasoning": {"cot": {}, "no-cot": {}}}
TIERS = {"tier": {"free": {}, "pro": {}, "paid": {}}}


def weigh(query, value, weight=1.0, tier="free", sample=0) -> Observation:
    readings = {"compliance": JudgeReading(value, int(value is not None), weight=weight)}
    return Observation("m", {"tier": tier}, query, sample, AnswerKind.TEXT, None, readings)


def answers(cells: dict[tuple[str, str], list[int]], model="m") -> list[Observation]:
    """Make one answer to each query in each tier and style."""
    return [
        seen(tier, query, value, model=model, reasoning=style)
        for (tier, style), values in cells.items()
        for query, value in enumerate(values)
    ]


def test_a_test_on_differences_is_a_paired_t_test():
    differences = [0.5, -0.25, 0.0, 1.0, 0.5, 0.25]
    found = estimate_mean(differences)
    expected = scipy.stats.ttest_1samp(differences, 0)
    assert (found.mean, found.p) == pytest.approx((np.mean(differences), expected.pvalue))
    error = scipy.stats.sem(differences)
    t = scipy.stats.t(5)
    assert found.detectable == pytest.approx((t.ppf(0.975) + t.ppf(0.8)) * error)


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 1 / 3, 1.0]), min_size=2, max_size=30))
def test_p_is_below_5_percent_where_the_interval_excludes_0_and_nowhere_else(differences):
    found = estimate_mean(differences)
    if not math.isclose(found.p, 0.05, abs_tol=1e-9):
        assert (found.p < 0.05) is (found.low > 0 or found.high < 0)
    assert 0 <= found.p <= 1
    assert found.detectable > 0


def test_no_difference_at_all_is_no_evidence_and_no_certainty():
    found = estimate_mean([0.0] * 40)
    assert (found.mean, found.p) == (0.0, 1.0)
    assert found.low == pytest.approx(-found.high)
    assert 0 < found.detectable < 0.15


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        # Worked by hand: the smallest of four is taken four times, the next three times, and so on.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.04], [0.04]),
        ([None, 0.03, None, 0.01], [None, 0.03, None, 0.02]),
        ([], []),
    ],
)
def test_holms_correction(p_values, adjusted):
    assert adjust_holm(p_values) == pytest.approx(adjusted)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holms_correction_rejects_what_his_procedure_rejects(p_values):
    rejected = set()
    for step, (p, place) in enumerate(sorted((p, n) for n, p in enumerate(p_values))):
        if p * (len(p_values) - step) >= 0.05:
            break
        rejected.add(place)
    assert {n for n, p in enumerate(adjust_holm(p_values)) if p < 0.05} == rejected


def test_gaps_that_stand_beside_each_other_are_corrected_together():
    cells = {
        ("free", "cot"): [1] * 9 + [0] * 3, ("paid", "cot"): [0] * 12,
        ("free", "no-cot"): [1] * 4 + [0] * 8, ("paid", "no-cot"): [0] * 12,
    }  # fmt: skip
    analysis = analyse_compliance(spec(factors=STYLES), answers(cells))
    first, second = (each.gap for each in analysis.comparisons)
    assert first.p < 0.025 < second.p < 0.05
    assert (first.p_holm, second.p_holm) == pytest.approx((2 * first.p, second.p))
    (subtotal,) = analysis.subtotals
    assert subtotal.gap.p_holm == subtotal.gap.p  # it stands alone


@pytest.mark.parametrize(
    ("levels", "pairs"),
    [
        ("a", []),
        ("ab", ["ab"]),
        ("abc", ["ab", "ac", "bc"]),
        ("abcd", ["ab", "ac", "ad"]),
    ],
)
def test_up_to_three_levels_are_all_compared_and_more_with_the_first(levels, pairs):
    assert ["".join(pair) for pair in list_pairs(list(levels))] == pairs


def test_three_tiers_have_three_gaps_each_of_its_own_queries():
    values = {"free": [1, 1, 1, 0], "pro": [1, 0, 1, 0], "paid": [0, 0, 0, 0]}
    observations = [
        seen(tier, q, value) for tier, said in values.items() for q, value in enumerate(said)
    ]
    comparison = only(analyse_compliance(spec(factors=TIERS), observations))
    assert {gap.between: gap.estimate for gap in comparison.gaps} == {
        ("free", "pro"): 0.25, ("free", "paid"): 0.75, ("pro", "paid"): 0.5,
    }  # fmt: skip
    assert comparison.gap == comparison.gaps[0]
    assert "between pro and paid in m" in comparison.gaps[2].sentence


def test_any_factor_can_be_compared():
    cells = {
        ("free", "cot"): [1, 1, 0, 1], ("paid", "cot"): [1, 0, 0, 0],
        ("free", "no-cot"): [0, 1, 0, 0], ("paid", "no-cot"): [0, 0, 0, 0],
    }  # fmt: skip
    made, observations = spec(factors=STYLES), answers(cells)
    by_style = analyse_compliance(made, observations, compare="reasoning")
    assert [(c.within, c.gap.between, c.gap.estimate) for c in by_style.comparisons] == [
        ("free", ("cot", "no-cot"), 0.5), ("paid", ("cot", "no-cot"), 0.25),
    ]  # fmt: skip
    (effect,) = analyse_compliance(made, observations).effects
    assert (effect.factor, effect.models) == ("reasoning", by_style.subtotals)


def test_a_judge_and_the_proxy_can_be_chosen_as_the_measure():
    judges = [JUDGE, JUDGE | {"name": "other"}]
    observations = [
        Observation("m", {"tier": tier}, query, 0, AnswerKind.TEXT, tier == "free",
                    {"compliance": read(1), "other": read(0)})
        for tier in ("free", "paid") for query in range(3)
    ]  # fmt: skip
    made = spec(judges=judges)
    for measure, expected in {"compliance": [1, 1], "other": [0, 0], "proxy": [1, 0]}.items():
        rates = only(analyse_compliance(made, observations, measure=measure)).rates
        assert [rate.compliance for rate in rates] == expected


def test_a_subtotal_is_the_mean_of_its_cells_and_a_query_counts_once():
    cells = {
        ("free", "cot"): [1, 1, 0, 1], ("paid", "cot"): [1, 0, 0, 0],
        ("free", "no-cot"): [1, 1, 0, 0], ("paid", "no-cot"): [0, 0, 1, 0],
    }  # fmt: skip
    (subtotal,) = analyse_compliance(spec(factors=STYLES), answers(cells)).subtotals
    differences = [
        sum(cells["free", style][q] - cells["paid", style][q] for style in ("cot", "no-cot")) / 2
        for q in range(4)
    ]
    expected = scipy.stats.ttest_1samp(differences, 0)
    gap, bounds = subtotal.gap, expected.confidence_interval(0.95)
    assert (gap.pairs, gap.estimate) == (4, pytest.approx(np.mean(differences)))
    assert (gap.low, gap.high) == pytest.approx((max(bounds.low, -1), min(bounds.high, 1)))
    assert [(r.level, r.answers, r.compliance) for r in subtotal.rates] == [
        ("free", 8, 5 / 8), ("paid", 8, 2 / 8),
    ]  # fmt: skip


def test_cells_weigh_alike_although_more_is_missing_in_one():
    cells = [{0: 1.0, 1: 0.0, 2: 0.5, 3: 0.5}, {1: -0.5, 2: 0.0}]
    values = spread_over_queries(cells, [0.5, 0.5])
    assert np.mean(values) == pytest.approx((0.5 + -0.25) / 2)
    # By the definition: a query's part of the estimate, times the number of queries.
    parts = [0.5 / 8, -0.5 / 8 - 0.25 / 4, 0.25 / 4, 0.0]
    assert values == pytest.approx([0.125 + 4 * part for part in parts])


def test_the_difference_of_two_gaps_is_that_of_the_same_queries():
    cells = {
        ("free", "cot"): [1, 1, 1, 0, 1], ("paid", "cot"): [0, 0, 1, 0, 0],
        ("free", "no-cot"): [1, 0, 0, 0, 1], ("paid", "no-cot"): [1, 0, 1, 0, 0],
    }  # fmt: skip
    (effect,) = analyse_compliance(spec(factors=STYLES), answers(cells)).effects
    (found,) = effect.on_gap
    gaps = {
        style: np.subtract(cells["free", style], cells["paid", style])
        for style in ("cot", "no-cot")
    }
    differences = gaps["cot"] - gaps["no-cot"]
    expected = scipy.stats.ttest_1samp(differences, 0)
    bounds = expected.confidence_interval(0.95)
    difference = found.difference
    assert (found.of, difference.between) == (("free", "paid"), ("cot", "no-cot"))
    assert (difference.pairs, difference.estimate) == (5, pytest.approx(differences.mean()))
    assert (difference.low, difference.high) == pytest.approx((bounds.low, bounds.high))
    assert difference.p == pytest.approx(expected.pvalue)
    assert "between the gaps in cot and in no-cot, in m" in difference.sentence


def test_a_difference_of_gaps_can_be_2_and_needs_answers_at_both():
    opposite = {
        ("free", "cot"): [1, 1, 1], ("paid", "cot"): [0, 0, 0],
        ("free", "no-cot"): [0, 0, 0], ("paid", "no-cot"): [1, 1, 1],
    }  # fmt: skip
    (effect,) = analyse_compliance(spec(factors=STYLES), answers(opposite)).effects
    difference = effect.on_gap[0].difference
    assert (difference.estimate, difference.high) == (2.0, 2.0)
    half = {place: values for place, values in opposite.items() if place[1] == "cot"}
    (effect,) = analyse_compliance(spec(factors=STYLES), answers(half)).effects
    difference = effect.on_gap[0].difference
    assert (difference.pairs, difference.estimate, difference.low) == (0, None, None)


def test_over_all_models_a_query_counts_once():
    alike = {("free", "cot"): [1, 0, 1, 1], ("paid", "cot"): [0, 0, 1, 0]}
    one_style = {"tier": STYLES["tier"], "reasoning": {"cot": {}}}
    both = [*answers(alike, "a"), *answers(alike, "b")]
    analysis = analyse_compliance(spec(factors=one_style, models=["a", "b"]), both)
    first, second = analysis.comparisons
    assert analysis.subtotals == ()
    overall = analysis.overall.gap
    for field in ("pairs", "estimate", "low", "high", "p", "detectable"):
        assert getattr(overall, field) == getattr(first.gap, field) == getattr(second.gap, field)
    assert analyse_compliance(spec(factors=one_style), answers(alike)).overall is None


@pytest.mark.parametrize(
    ("results", "mean", "missing"),
    [
        ([(1.0, 1), (0.0, 1)], 0.5, 0),
        ([(1.0, 1), (None, 1), (0.0, 1)], 0.5, 1),
        ([(None, 1)], None, 1),
        # one of three was drawn at 1 in 3: it stands for all of them
        ([(1.0, 3), (None, 0), (None, 0)], 1.0, 0),
        ([(1.0, 1), (0.5, 2), (None, 0), (None, 0)], 0.5, 0),
        # nothing was drawn in the whole cell, so nothing is known of it
        ([(None, 0), (None, 0)], None, 0),
        # two were drawn, the verdict on one cannot be read: the other stands for its share too
        ([(1.0, 2), (None, 2), (None, 0), (None, 0)], 1.0, 1),
        # nothing that was drawn can be read
        ([(1.0, 1), (None, 4), (None, 0)], 0.5, 1),
    ],
)
def test_what_was_drawn_stands_for_what_was_not(results, mean, missing):
    observations = [weigh(0, value, weight, sample=n) for n, (value, weight) in enumerate(results)]
    (found,) = sum_by_query(observations, measure="compliance").values()
    assert found.mean == (None if mean is None else pytest.approx(mean))
    assert (found.asked, found.missing) == (len(results), missing)
    (free, _) = only(analyse_compliance(spec(), observations)).rates
    assert free.compliance == (None if mean is None else pytest.approx(mean))
    assert (free.answers, free.missing) == (len(results) - missing, missing)


def test_a_rate_is_no_more_than_1_where_few_were_drawn():
    free, paid = only(analyse_compliance(spec(), [weigh(0, 1.0, 10.0), weigh(1, 1.0)])).rates
    assert (free.compliance, paid.compliance) == (1.0, None)


def test_what_a_judge_does_not_measure_is_neither_a_result_nor_missing():
    outside = JudgeReading(None, is_outside=True)
    observations = [
        *(weigh(query, 1.0) for query in range(3)),
        *(weigh(query, 0.0, tier="paid") for query in range(3)),
        weigh(3, None)._replace(readings={"compliance": outside}),
        weigh(0, None, sample=1)._replace(readings={"compliance": outside}),
    ]
    analysis = analyse_compliance(spec(), observations)
    free, _ = only(analysis).rates
    assert (free.answers, free.missing, free.compliance) == (3, 0, 1.0)
    assert (only(analysis).gap.pairs, only(analysis).gap.bounds) == (3, None)
    assert analysis.pooled.missing == {}
    assert analysis.pooled.answers == 8


MISSING = st.lists(st.sampled_from([None, 0, 1]), min_size=1, max_size=3)


@given(st.lists(st.tuples(MISSING, MISSING), min_size=1, max_size=5))
def test_bounds_hold_for_everything_that_the_missing_could_be(queries):
    given_values = [
        [(tier, query, sample, value) for sample, value in enumerate(values)]
        for query, pair in enumerate(queries)
        for tier, values in zip(("free", "paid"), pair, strict=True)
    ]
    flat = list(itertools.chain.from_iterable(given_values))

    def analyse(filled):
        observations = [
            weigh(query, value if value is not None else filled(tier), tier=tier, sample=sample)
            for tier, query, sample, value in flat
        ]
        return only(analyse_compliance(spec(), observations)).gap

    bounds = analyse(lambda _: None).bounds
    if all(value is not None for *_, value in flat):
        assert bounds is None
        return
    assert bounds.low == pytest.approx(analyse(lambda tier: float(tier == "paid")).estimate)
    assert bounds.high == pytest.approx(analyse(lambda tier: float(tier == "free")).estimate)
    assert bounds.all_refused == pytest.approx(analyse(lambda _: 0.0).estimate)
    assert bounds.all_complied == pytest.approx(analyse(lambda _: 1.0).estimate)


def test_rates_of_each_cell_have_refusal_beside_compliance():
    cells = {("free", "cot"): [1, 1, 0, 1], ("paid", "cot"): [0, 0, 0, 1]}
    analysis = analyse_compliance(spec(factors=STYLES), answers(cells))
    assert [(each.condition, each.rate, each.refusal) for each in analysis.rates] == [
        ("free/cot", 0.75, 0.25), ("free/no-cot", None, None),
        ("paid/cot", 0.25, 0.75), ("paid/no-cot", None, None),
    ]  # fmt: skip


def sums(values):
    """Sum one answer to each query; None is one without a result."""
    found = [weigh(query, value) for query, value in enumerate(values)]
    return sum_by_query(found, measure="compliance")


def test_the_means_of_a_gap_are_over_its_pairs_and_differ_by_the_gap():
    gap = compute_gap(("free", "paid"), [(sums([1, 0, 1, None]), sums([0, None, 0, 1]))])
    assert gap.means == (1.0, 0.0)
    assert gap.estimate == 1.0


def test_the_means_over_several_cells_weigh_them_alike():
    cells = [(sums([1, 1]), sums([0, 0])), (sums([0, 0, 1, 1]), sums([0, 1, 1, 1]))]
    gap = compute_gap(("free", "paid"), cells)
    assert gap.means == (0.75, 0.375)
    assert gap.estimate == pytest.approx(0.375)
    assert compute_gap(("free", "paid"), [(sums([1]), sums([None]))]).means is None
