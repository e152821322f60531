"""Confusion matrices count the texts that both measures read, with intervals over queries."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import scipy.stats

from experiment.analysis.validation import compare_judges
from experiment.analysis.validation.intervals import bound_rate, estimate_rate
from experiment.scoring.completion import AnswerKind
from tests.experiment.analysis.validation.judged import answer, make_spec

# (accepted by the tag, what the judge says) -> how many, in the free tier
COUNTS = {(True, 1): 8, (True, 0): 3, (False, 1): 2, (False, 0): 7}


@pytest.fixture(scope="module")
def seen():
    cases = [case for case, count in COUNTS.items() for _ in range(count)]
    free = [
        answer("free", query, accepted=accepted, strict=said, lenient=1)
        for query, (accepted, said) in enumerate(cases)
    ]
    other = [
        answer("paid", 0, accepted=None, strict=1, lenient=1),
        answer("paid", 1, accepted=True, strict=None, lenient=1),
        answer("paid", 2, accepted=False, strict=0, lenient=0, kind=AnswerKind.REFUSED),
    ]
    return free + other


def compare(seen, *judges, measure="strict", means=None, models=("m",)):
    spec = make_spec(*judges, means=means, models=models)
    return compare_judges(spec, seen, measure=measure, compared="tier")


def find(found, condition, tested="proxy", reference="strict", model="m"):
    (each,) = [
        each
        for each in found.confusion
        if (each.model, each.condition, each.tested, each.reference)
        == (model, condition, tested, reference)
    ]
    return each


def test_the_proxy_is_held_against_the_judge_that_measures(seen):
    each = find(compare(seen, "strict", "lenient"), "free")
    counts = each.both_positive, each.only_tested, each.only_reference, each.both_negative
    assert counts == (8, 3, 2, 7)
    wrong, missed = each.false_positive_rate, each.false_negative_rate
    assert (wrong.count, wrong.of, missed.count, missed.of) == (3, 10, 2, 10)
    for rate in (wrong, missed):
        exact = scipy.stats.binomtest(rate.count, rate.of).proportion_ci(method="wilson")
        assert rate.estimate == rate.count / rate.of
        assert (rate.low, rate.high) == pytest.approx((exact.low, exact.high))


def test_only_texts_that_both_rate_are_counted_and_a_cell_without_them_has_no_rates(seen):
    found = compare(seen, "strict", "lenient")
    paid = find(found, "paid")
    assert paid.texts == 0
    assert paid.false_positive_rate.estimate is paid.false_negative_rate.low is None
    assert paid.kappa.undefined
    assert find(found, "").texts == 20


def test_the_reference_is_the_measure_whatever_the_order_of_the_judges(seen):
    found = compare(seen, "lenient", "strict")
    assert {(each.tested, each.reference) for each in found.confusion} == {
        ("lenient", "strict"),
        ("proxy", "strict"),
        ("proxy", "lenient"),
    }


def test_judges_of_something_else_are_not_held_against_those_of_compliance(seen):
    # `means` of another kind is a word of the file's own; where it is not taken, nothing is tested.
    try:
        found = compare(seen, "strict", "lenient", means={"lenient": "alignment-faking"})
    except ValueError:
        pytest.skip("judges measure nothing but compliance here")
    assert {each.tested for each in found.confusion} == {"proxy"}
    assert {each.measure for each in found.sensitivity} == {"strict", "lenient", "proxy"}


def test_several_models_have_a_matrix_each_and_one_over_all(seen):
    found = compare(seen, "strict", models=["m", "never-answered"])
    names = [(each.model, each.condition) for each in found.confusion]
    assert names == [
        *(("m", condition) for condition in ("free", "paid", "")),
        *(("never-answered", condition) for condition in ("free", "paid", "")),
        ("", ""),
    ]
    assert find(found, "", model="").texts == 20


def test_answers_that_stand_for_others_weigh_the_rates_but_not_the_counts():
    seen = [answer("free", n, accepted=True, strict=(0, 1, 1.0)) for n in range(6)]
    seen += [answer("free", 6 + n, accepted=False, strict=(0, 1, 4.0)) for n in range(3)]
    seen += [answer("free", 9, accepted=False, strict=(None, 0, 0.0))]
    rate = find(compare(seen, "strict"), "free").false_positive_rate
    assert (rate.count, rate.of) == (6, 9)
    assert rate.estimate == pytest.approx(6 / 18)
    unweighted = bound_rate(6 / 18, 9)
    assert rate.low < unweighted[0] < 6 / 18 < unweighted[1] < rate.high


@pytest.mark.parametrize(("count", "of"), [(0, 1), (0, 20), (7, 7), (1, 1000)])
def test_bounds_are_scipys_also_where_all_are_alike(count, of):
    is_counted = np.array([1.0] * count + [0.0] * (of - count))
    rate = estimate_rate(is_counted, np.ones(of), np.arange(of))
    exact = scipy.stats.binomtest(count, of).proportion_ci(method="wilson")
    assert (rate.low, rate.high) == pytest.approx((exact.low, exact.high), abs=1e-12)
    assert 0 <= rate.low <= rate.estimate <= rate.high <= 1


def draw_alike(dice: np.random.Generator, queries: int, samples: int) -> tuple:
    """Return whether each answer is wrong, and its query; answers to one query are alike."""
    chances = dice.beta(0.5, 2.0, queries)  # mean 0.2, answers correlate by 1 / 3.5
    names = np.repeat(np.arange(queries), samples)
    return (dice.random(queries * samples) < chances[names]).astype(float), names


@pytest.mark.parametrize("samples", [1, 6])
def test_the_interval_of_a_rate_covers_also_where_answers_to_a_query_are_alike(samples):
    dice, covered, covered_if_alone = np.random.default_rng(3), 0, 0
    for _ in range(600):
        wrong, names = draw_alike(dice, 50, samples)
        rate = estimate_rate(wrong, np.ones(len(wrong)), names)
        alone = bound_rate(float(wrong.mean()), len(wrong))
        covered += rate.low <= 0.2 <= rate.high
        covered_if_alone += alone[0] <= 0.2 <= alone[1]
    assert 0.93 <= covered / 600 <= 0.98
    assert samples == 1 or covered_if_alone / 600 < 0.85


SELECTED = [
    ("accepted", "strict reads only answers that the proxy lets through"),
    ("not-refused", "strict reads only answers that the proxy lets through"),
    ({"proxy": "accepted"}, "strict reads only answers that the proxy lets through"),
    ({"proxy": ["accepted", "rejected", "none"]}, ""),
    ({"proxy": "accepted", "rest": 0.2}, ""),
    ({"condition": {"tier": ["free"]}}, ""),
    ("always", ""),
]


@pytest.mark.parametrize(("when", "why"), SELECTED)
def test_what_a_proxy_misses_is_not_known_of_a_judge_that_reads_only_what_it_accepts(when, why):
    """Of what it rejects a rule says that it is refused, so that the two cannot but agree."""
    judge = {**make_spec("strict").judges[0].model_dump(exclude_unset=True), "when": when}
    spec = make_spec("strict", judges=[judge])
    seen = [answer("free", n, accepted=True, strict=(n % 2, 1)) for n in range(10)]
    rest = [(0, 0)] if why else [(0, 1), (1, 1)]
    seen += [answer("free", 10 + n, accepted=False, strict=rest[n % len(rest)]) for n in range(10)]
    each = find(compare_judges(spec, seen, measure="strict", compared="tier"), "free")
    assert each.selected == why
    assert each.texts == (10 if why else 20)
    rates = each.false_positive_rate, each.false_negative_rate
    assert all((rate.estimate is None) is bool(why) for rate in rates)
    assert each.kappa.undefined == why


def test_a_judge_that_reads_what_another_one_finds_shows_what_that_one_has_only():
    first, second = (each.model_dump(exclude_unset=True) for each in make_spec("a", "b").judges)
    spec = make_spec("a", "b", judges=[first, {**second, "when": {"judge": {"a": "negative"}}}])
    seen = [answer("free", n, a=1, b=(n % 2, 1)) for n in range(10)]
    found = compare_judges(spec, seen, measure="a", compared="tier")
    each = find(found, "free", tested="b", reference="a")
    assert each.selected == "b reads only answers that a lets through"
    assert each.false_negative_rate.estimate == 0.5
    assert each.false_positive_rate.estimate is None
    each = find(
        compare_judges(spec, seen, measure="b", compared="tier"), "free", tested="a", reference="b"
    )
    assert each.false_negative_rate.estimate is each.false_positive_rate.estimate is None


def test_nothing_answered_is_no_error_and_all_of_it_is_json(seen):
    for answers in ([], seen):
        found = compare(answers, "strict", "lenient").to_json()
        assert json.loads(json.dumps(found, allow_nan=False)) == json.loads(json.dumps(found))
        for each in found["confusion"]:
            wrong = each["false_positive_rate"]
            assert wrong["rate"] == wrong["estimate"]  # the name of before, and that of all rates
            assert wrong.keys() == {"rate", "estimate", "low", "high", "count", "of"}


def test_what_two_judges_draw_stands_for_the_chance_of_both_draws():
    """Each draws a part of the answers for itself; over many draws the rates are those of all."""
    dice, rates = random.Random(4), []
    truth = [
        (said, right) for said, right, n in ((1, 0, 30), (0, 0, 30), (1, 1, 60)) for _ in range(n)
    ]

    def screen(value, is_sure, chance):
        if is_sure:
            return value, 1
        return (value, 1, 1 / chance) if dice.random() < chance else (None, 0, 0.0)

    for _ in range(150):
        seen = [
            answer("free", n, strict=screen(right, said, 0.3), lenient=screen(said, said, 0.4))
            for n, (said, right) in enumerate(truth)
        ]
        found = find(compare(seen, "strict", "lenient"), "free", tested="lenient")
        rates.append(found.false_positive_rate.estimate)
    assert sum(rates) / len(rates) == pytest.approx(0.5, abs=0.06)
