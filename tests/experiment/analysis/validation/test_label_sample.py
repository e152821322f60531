"""A sample to label holds both verdicts of each model, and a larger one holds the smaller."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from experiment.analysis.validation import draw_sample, list_strata
from experiment.scoring.completion import AnswerKind
from tests.experiment.analysis.validation.judged import answer, make_spec, tabulate

SPEC = make_spec("strict", models=["m", "n"])


@pytest.fixture(scope="module")
def table():
    """Of each model 100 answers of which 10 are called positive, and some that may not be drawn."""
    seen = [
        answer("free", query, model=model, strict=query < 10)
        for model in "mn"
        for query in range(100)
    ]
    others = [
        answer("paid", 0, strict=None),
        answer("paid", 1, strict=(0, 0), kind=AnswerKind.REFUSED),
        answer("paid", 2, strict=(None, 0, 0.0)),
    ]
    return tabulate(SPEC, seen + others)


def strata_of(table, requests):
    place = {
        request: (stratum.model, stratum.verdict)
        for stratum in list_strata(table, "strict")
        for request in stratum.requests
    }
    return Counter(place[request] for request in requests)


def test_as_many_are_drawn_of_each_model_and_verdict(table):
    drawn = draw_sample(table, "strict", 40, seed=0).drawn
    assert set(strata_of(table, drawn).values()) == {10}
    assert len(set(drawn)) == 40


def test_where_a_stratum_is_small_the_others_fill_up(table):
    counts = strata_of(table, draw_sample(table, "strict", 100, seed=0).drawn)
    assert sorted(counts.values()) == [10, 10, 40, 40]
    everything = draw_sample(table, "strict", 1000, seed=0).drawn
    assert len(everything) == len(set(everything)) == 200  # what has no verdict is not drawn


def test_a_larger_sample_goes_on_with_the_smaller_one_whatever_its_seed(table):
    first = draw_sample(table, "strict", 30, seed=0)
    for seed in (0, 1):
        more = draw_sample(table, "strict", 50, seed, first)
        assert more.drawn[:30] == first.drawn
        assert len(set(more.drawn)) == 50
    at_once = draw_sample(table, "strict", 50, seed=0)
    again = draw_sample(table, "strict", 50, 0, first)
    assert set(at_once.drawn) == set(again.drawn)


def test_the_seed_decides_what_is_drawn_and_in_which_order(table):
    one, same, other = (draw_sample(table, "strict", 40, seed).drawn for seed in (0, 0, 1))
    assert one == same
    assert set(one) != set(other)


def test_the_order_says_nothing_of_the_strata(table):
    drawn = draw_sample(table, "strict", 40, seed=0).drawn
    first_half = strata_of(table, drawn[:20])
    assert all(2 <= count <= 8 for count in first_half.values())


def test_an_answer_stays_in_the_stratum_that_it_was_drawn_from(table):
    """A judge that is asked again may say something else; the draw was by what it had said."""
    sample = draw_sample(table, "strict", 40, seed=0)
    swapped = tuple(
        replace(each, verdict={"positive": "negative", "negative": "positive"}[each.verdict])
        for each in sample.strata
    )
    again = draw_sample(table, "strict", 60, 0, replace(sample, strata=swapped))
    kept = {(each.model, each.verdict): set(each.requests) for each in again.strata}
    for stratum in swapped:
        assert kept[stratum.model, stratum.verdict] == set(stratum.requests)
