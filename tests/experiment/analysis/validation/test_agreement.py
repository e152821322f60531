"""Kappa and alpha are a library's figures, and say nothing where they are not defined."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask

from experiment.analysis.validation.agreement import (
    compare_raters,
    compare_votes,
    compute_alpha,
    compute_kappa,
)
from tests.experiment.analysis.validation.judged import answer, make_spec, tabulate

RATINGS = st.lists(
    st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=3), min_size=1, max_size=30
)


def alpha_of(rows):
    raters = np.array([sum(each is not None for each in row) for row in rows])
    positive = np.array([float(sum(map(bool, row))) for row in rows])
    return compute_alpha(positive, raters, np.ones(len(rows)))


def kappa_of(pairs):
    first, second = np.array(pairs, dtype=bool).T
    return compute_kappa(first, second, np.ones(len(pairs)))


@given(RATINGS)
def test_alpha_is_the_librarys(rows):
    rated = [row for row in rows if sum(each is not None for each in row) > 1]
    assume(len({each for row in rated for each in row} - {None}) > 1)
    task = AnnotationTask(
        [
            (str(rater), str(item), each)
            for item, row in enumerate(rated)
            for rater, each in enumerate(row)
            if each is not None
        ]
    )
    found = alpha_of(rows)
    assert found.value == pytest.approx(task.alpha(), abs=1e-9)
    assert found.answers == len(rated)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40))
def test_kappa_is_the_librarys(pairs):
    assume(len({each for pair in pairs for each in pair}) > 1)
    task = AnnotationTask(
        [
            (str(rater), str(item), each)
            for item, pair in enumerate(pairs)
            for rater, each in enumerate(pair)
        ]
    )
    assert kappa_of(pairs).value == pytest.approx(task.kappa(), abs=1e-9)


def test_alpha_is_that_of_krippendorffs_own_example():
    first, second = "0100000010", "1110010000"
    rows = [[a == "1", b == "1"] for a, b in zip(first, second, strict=True)]
    assert alpha_of(rows).value == pytest.approx(0.095, abs=0.0005)


@pytest.mark.parametrize("label", [True, False])
def test_where_every_rating_is_the_same_there_is_no_figure_but_a_reason(label):
    for found in (alpha_of([[label, label]] * 5), kappa_of([(label, label)] * 5)):
        assert found.value is None
        assert "chance" in found.undefined
        assert found.answers == 5


def test_where_no_answer_has_two_ratings_there_is_no_figure_but_a_reason():
    none = np.array([], dtype=bool)
    for found in (alpha_of([[True, None], [None, None]]), compute_kappa(none, none, np.ones(0))):
        assert (found.value, found.answers) == (None, 0)
        assert found.undefined


def test_one_rater_who_always_says_the_same_agrees_by_chance_alone():
    assert kappa_of([(True, True), (True, False), (True, True)]).value == 0


def test_answers_that_stand_for_others_count_that_often():
    pairs = [(True, True), (False, False), (True, False)]
    weighted = compute_kappa(*np.array(pairs, dtype=bool).T, np.array([1.0, 3.0, 2.0]))
    written_out = kappa_of([pairs[0], *[pairs[1]] * 3, *[pairs[2]] * 2])
    assert weighted.value == pytest.approx(written_out.value)


def test_judges_are_compared_on_texts_for_each_model_and_over_all():
    spec = make_spec("a", "b", models=["m", "n"])
    seen = [
        answer("free", query, model=model, a=query % 2, b=(query + (model == "n")) % 2)
        for model, query in itertools.product("mn", range(6))
    ]
    alike, opposed, together = compare_raters(tabulate(spec, seen), ["a", "b"])
    assert (alike.model, opposed.model, together.model) == ("m", "n", "")
    assert alike.alpha.value == 1
    assert opposed.alpha.value < 0 < 1 + together.alpha.value


def test_the_votes_of_a_judge_are_raters_too():
    spec = make_spec("a")
    seen = [answer("free", n, a=(share, 4)) for n, share in enumerate([1.0, 0.0, 0.5, 0.75])]
    (found,) = compare_votes(tabulate(spec, seen), "a")
    rows = [[at < share * 4 for at in range(4)] for share in (1.0, 0.0, 0.5, 0.75)]
    assert found.alpha.value == pytest.approx(alpha_of(rows).value)
    assert not math.isnan(found.alpha.value)


def test_single_votes_and_graded_ones_have_no_agreement_of_their_own():
    spec = make_spec("a")
    single = tabulate(spec, [answer("free", n, a=n % 2) for n in range(4)])
    graded = tabulate(spec, [answer("free", n, a=(0.3, 2)) for n in range(4)])
    assert compare_votes(single, "a") == compare_votes(graded, "a") == []


def test_the_alpha_of_judges_that_draw_for_themselves_is_on_average_that_of_all_answers():
    """Two judges read what is accepted and each a share of the rest: pairs weigh by both draws."""
    dice, found = np.random.default_rng(5), []
    spec = make_spec("a", "b")
    said = [(dice.random() < (0.7 if n < 100 else 0.2)) for n in range(400)]
    wrong = [dice.random() < (0.05 if n < 100 else 0.35) for n in range(400)]
    truth = [(float(each), float(each != err)) for each, err in zip(said, wrong, strict=True)]
    every = [answer("free", n, a=a, b=b) for n, (a, b) in enumerate(truth)]
    whole = compare_raters(tabulate(spec, every), ["a", "b"])[0].alpha.value

    def draw(value, place, chance):
        if place < 100:
            return value, 1
        return (value, 1, 1 / chance) if dice.random() < chance else (None, 0, 0.0)

    for _ in range(300):
        seen = [
            answer("free", n, a=draw(a, n, 0.3), b=draw(b, n, 0.4))
            for n, (a, b) in enumerate(truth)
        ]
        found.append(compare_raters(tabulate(spec, seen), ["a", "b"])[0].alpha.value)
    # By the larger of the two weights, as before, it is 0.13 higher.
    assert float(np.mean(found)) == pytest.approx(whole, abs=0.02)


def test_with_three_judges_a_pair_stands_for_the_pairs_of_answers_that_one_did_not_draw():
    spec, rows = make_spec("a", "b", "c"), [(1, 1, 0), (0, 0, 0), (1, 0, 1), (0, 1, 0)] * 50
    every = [answer("free", n, a=a, b=b, c=c) for n, (a, b, c) in enumerate(rows)]
    whole = compare_raters(tabulate(spec, every), ["a", "b", "c"])[0].alpha.value
    drawn = [
        answer("free", n, a=a, b=b, c=(c, 1, 2.0) if n % 8 < 4 else (None, 0, 0.0))
        for n, (a, b, c) in enumerate(rows)
    ]
    (found,) = compare_raters(tabulate(spec, drawn), ["a", "b", "c"])
    assert found.alpha.value == pytest.approx(whole, abs=0.005)


def test_what_a_rule_says_of_answers_that_two_judges_skip_is_no_agreement():
    spec = make_spec("a", "b")
    read = [answer("free", n, a=n % 2, b=n % 3 == 0) for n in range(12)]
    skipped = [answer("free", 12 + n, a=(0, 0), b=(0, 0)) for n in range(30)]
    alone, beside = (compare_raters(tabulate(spec, s), ["a", "b"]) for s in (read, read + skipped))
    assert alone == beside
