"""The corrected rates are those that labels of all answers would show; the rest says why not."""

from __future__ import annotations

import itertools
import random

import pytest

from benchmarks.coverage_labels import Setting, simulate
from experiment.analysis import analyse_compliance
from experiment.analysis.validation import Label, LabelSample, LabelSet, compare_judges, draw_sample
from experiment.analysis.validation.intervals import bound_rate
from experiment.errors import BadLabels
from experiment.scoring.completion import AnswerKind
from tests.experiment.analysis.validation.judged import answer, make_spec, tabulate

SPEC = make_spec("strict", "lenient")
RATES = {"free": 0.6, "paid": 0.3}


def draw(seed=0, *, queries=60, errs=(0.1, 0.2), models=("m",)):
    """Draw answers and whether each complies; the strict judge misses and adds at known rates."""
    dice, seen, truth = random.Random(seed), [], {}
    for model, tier, query in itertools.product(models, RATES, range(queries)):
        complied = dice.random() < RATES[tier]
        said = complied != (dice.random() < errs[0 if complied else 1])
        each = answer(tier, query, model=model, accepted=said, strict=said, lenient=complied)
        seen.append(each)
        truth[each.request] = complied
    return seen, truth


def label(truth, requests=None, **fields):
    chosen = truth if requests is None else requests
    labels = tuple(Label(each, truth[each], "", f"line {each}") for each in chosen)
    return LabelSet(labels, **fields)


def correct(seen, labels, spec=SPEC, measure="strict"):
    found = compare_judges(spec, seen, measure=measure, compared="tier", labels=labels)
    return found.labelled


def of(found, measure="strict", model="m"):
    (each,) = [each for each in found.corrections if (each.measure, each.model) == (measure, model)]
    return each


def error_of(found, measure="strict", model=""):
    (each,) = [each for each in found.errors if (each.measure, each.model) == (measure, model)]
    return each


def test_with_a_label_for_every_answer_each_error_is_counted_as_it_is():
    seen, truth = draw()
    error = error_of(correct(seen, label(truth)))
    said = {each.request: each.accepted for each in seen}
    right = {c: sum(said[r] == t for r, t in truth.items() if t is c) for c in (True, False)}
    of_class = {c: sum(t is c for t in truth.values()) for c in (True, False)}
    assert (error.true_positives, error.true_negatives) == (right[True], right[False])
    assert error.sensitivity.estimate == pytest.approx(right[True] / of_class[True])
    assert error.specificity.estimate == pytest.approx(right[False] / of_class[False])
    assert error.labels == len(truth)


def test_the_correction_is_rogan_and_gladens():
    seen, truth = draw()
    found = correct(seen, label(truth))
    error, each = error_of(found), of(found)
    power = error.sensitivity.estimate + error.specificity.estimate - 1
    for rate in each.rates:
        expected = (rate.observed + error.specificity.estimate - 1) / power
        assert rate.estimate == pytest.approx(expected)
    (gap,) = each.gaps
    assert gap.estimate == pytest.approx(gap.observed / power)
    assert gap.estimate == pytest.approx(each.rates[0].estimate - each.rates[1].estimate)
    assert gap.low < gap.estimate < gap.high


def test_a_judge_that_never_errs_keeps_its_rates_and_has_an_interval_that_is_wider():
    seen, truth = draw()
    found = correct(seen, label(truth, list(truth)[::3]))
    gap, plain = of(found, "lenient").gaps[0], gap_of(seen, "lenient")
    assert gap.estimate == pytest.approx(gap.observed) == pytest.approx(plain.estimate)
    assert gap.low < plain.low < plain.high < gap.high  # no error seen is not no error


def gap_of(seen, measure):
    found = compare_judges(SPEC, seen, measure=measure, compared="tier")
    (gap,) = [each for each in found.sensitivity if each.measure == measure]
    return gap


def test_a_stratified_sample_is_weighted_back():
    """Of what is called positive more is labelled than of the rest, and the rates stay the same."""
    seen, truth = draw(5, queries=600, errs=(0.4, 0.0))
    sample = draw_sample(tabulate(SPEC, seen), "strict", 400, seed=1)
    sizes = {(each.verdict): len(each.requests) for each in sample.strata}
    found = correct(seen, label(truth, sample.drawn, samples=(sample,)))
    error, whole = error_of(found), error_of(correct(seen, label(truth)))
    drawn_rate = error.true_positives / (error.true_positives + error.false_negatives)
    positives = 200 / sizes["positive"]  # the share of each stratum that is labelled
    negatives = 200 / sizes["negative"]
    expected = (error.true_positives / positives) / (
        error.true_positives / positives + error.false_negatives / negatives
    )
    assert error.sensitivity.estimate == pytest.approx(expected)
    assert abs(expected - drawn_rate) > 0.1  # the weights matter
    assert error.sensitivity.low < whole.sensitivity.estimate < error.sensitivity.high
    assert error.specificity.low < whole.specificity.estimate <= error.specificity.high


def test_a_label_file_of_unknown_origin_is_taken_to_be_drawn_within_verdicts_and_says_so():
    seen, truth = draw()
    found = correct(seen, label(truth, list(truth)[::2]))
    assert any("no record" in remark for remark in found.remarks)
    sample = draw_sample(tabulate(SPEC, seen), "strict", 60, seed=0)
    recorded = correct(seen, label(truth, sample.drawn, samples=(sample,)))
    assert recorded.remarks == ()


def test_what_no_judge_rated_is_kept_as_it_is():
    seen, truth = draw()
    refused = [
        answer("free", query, sample=9, strict=(0, 0), kind=AnswerKind.REFUSED)
        for query in range(60)
    ]
    before, after = (of(correct(each, label(truth))) for each in (seen, seen + refused))
    free, paid = zip(before.rates, after.rates, strict=True)
    assert free[1].estimate == pytest.approx(free[0].estimate / 2)
    assert paid[1].estimate == pytest.approx(paid[0].estimate)


def test_a_judge_no_better_than_chance_corrects_nothing():
    seen, truth = draw(errs=(0.6, 0.6), queries=200)
    each = of(correct(seen, label(truth)))
    assert "no better than chance" in each.reason
    assert each.gaps[0].observed is not None
    assert each.gaps[0].estimate is each.gaps[0].low is each.rates[0].estimate is None


def test_a_judge_that_may_be_no_better_than_chance_asks_for_more_labels():
    seen, truth = draw(2, errs=(0.4, 0.4), queries=200)
    each = of(correct(seen, label(truth, list(truth)[::10])))
    assert "label more answers" in each.reason


def test_too_few_labels_are_said_with_their_number():
    seen, truth = draw()
    positive = [request for request, complied in truth.items() if complied][:4]
    negative = [request for request, complied in truth.items() if not complied][:30]
    found = correct(seen, label(truth, [*positive, *negative]))
    assert of(found).reason == (
        "too few labels: 4 positive and 30 negative, at least 10 of each are needed"
    )
    assert error_of(found).sensitivity.of == 4


def test_a_verdict_of_which_nothing_is_labelled_is_named():
    seen, truth = draw(errs=(0.2, 0.2))
    said = {each.request: each.accepted for each in seen}
    found = correct(seen, label(truth, [request for request in truth if said[request]]))
    assert "has a label" in of(found).reason


def test_labels_of_one_class_alone_give_no_figure_for_the_other():
    seen, truth = draw()
    found = correct(seen, label(truth, [request for request, c in truth.items() if c]))
    assert error_of(found).specificity.estimate is None
    assert error_of(found).sensitivity.estimate is not None
    assert "too few labels" in of(found).reason


def test_each_model_is_corrected_by_its_own_error_where_it_has_enough_labels():
    spec = make_spec("strict", "lenient", models=["m", "n"])
    seen, truth = draw(models=("m", "n"), queries=100)
    of_m = [each for each in truth if each.startswith("m.")]
    few_of_n = [each for each in truth if each.startswith("n.")][::20]
    found = correct(seen, label(truth, [*of_m, *few_of_n]), spec)
    assert (of(found).error_of, of(found, model="n").error_of) == ("m", "")
    assert error_of(found, model="n").labels == len(few_of_n)
    assert "too few" in error_of(found, model="n").unusable
    assert not of(found, model="n").reason


def test_a_share_of_votes_is_corrected_by_its_mean():
    seen, truth = [], {}
    for tier, query in itertools.product(RATES, range(40)):
        complied = query < RATES[tier] * 40
        each = answer(tier, query, strict=(0.8 if complied else 0.1, 10))
        seen.append(each)
        truth[each.request] = complied
    each = of(correct(seen, label(truth)))
    assert [rate.estimate for rate in each.rates] == pytest.approx([0.6, 0.3])
    assert each.gaps[0].estimate == pytest.approx(0.3)
    assert each.gaps[0].observed == pytest.approx(0.3 * 0.7)


def test_answers_that_the_judge_was_not_drawn_for_are_stood_for():
    """A judge that reads half of the paid tier's answers, each for two, is corrected alike."""
    seen, truth = draw(queries=400)
    half = [each for each in seen if each.levels["tier"] == "free"]
    for each in seen[len(half) :]:
        verdict = (each.accepted, 1, 2.0) if each.query % 2 else (None, 0, 0.0)
        half.append(answer("paid", each.query, strict=verdict))
    whole, drawn = (of(correct(each, label(truth))) for each in (seen, half))
    assert drawn.gaps[0].pairs == whole.gaps[0].pairs == 400
    assert drawn.gaps[0].estimate == pytest.approx(whole.gaps[0].estimate, abs=0.08)


def test_a_rate_is_held_between_0_and_1_and_says_so():
    seen, truth = [], {}
    for tier, query in itertools.product(RATES, range(60)):
        complied, said = tier == "free" and query < 30, tier == "free" and query < 40
        each = answer(tier, query, strict=said)
        seen.append(each)
        truth[each.request] = complied
    _, paid = of(correct(seen, label(truth))).rates
    assert paid.observed == paid.estimate == 0
    assert paid.is_beyond


def test_a_gap_beyond_what_is_possible_is_not_held_there_but_its_interval_is():
    """Holding each estimate within -1 and 1 would make them wrong on average."""
    spec = make_spec("strict", "lenient", models=["m", "n"])
    seen, truth = draw(queries=100)
    seen += [answer(tier, n, model="n", strict=tier == "free") for tier in RATES for n in range(30)]
    gap = of(correct(seen, label(truth), spec), model="n").gaps[0]
    error = error_of(correct(seen, label(truth), spec))
    power = error.sensitivity.estimate + error.specificity.estimate - 1
    assert gap.observed == 1
    assert gap.estimate == pytest.approx(1 / power)
    assert gap.estimate > 1
    assert gap.is_beyond
    assert -1 <= gap.low <= gap.high <= 1
    assert not of(correct(seen, label(truth), spec)).gaps[0].is_beyond


def test_of_four_levels_each_is_compared_with_the_first_as_in_the_result():
    tiers = {name: {} for name in ("free", "a", "b", "paid")}
    spec = make_spec("strict", factors={"tier": tiers})
    seen = [answer(tier, n, accepted=n < 20, strict=n < 20) for tier in tiers for n in range(40)]
    truth = {each.request: each.accepted for each in seen}
    found = compare_judges(spec, seen, measure="strict", compared="tier", labels=label(truth))
    pairs = [("free", "a"), ("free", "b"), ("free", "paid")]
    assert [gap.between for gap in of(found.labelled).gaps] == pairs
    by_judge = [each.between for each in found.sensitivity if each.measure == "strict"]
    assert by_judge == pairs
    analysed = analyse_compliance(spec, seen).comparisons[0].gaps
    assert [gap.between for gap in analysed] == pairs


def test_three_levels_have_a_gap_for_each_pair():
    spec = make_spec("strict", factors={"tier": {"free": {}, "paid": {}, "none": {}}})
    seen = [
        answer(tier, query, strict=query < share)
        for tier, share in (("free", 30), ("paid", 20), ("none", 10))
        for query in range(40)
    ]
    truth = {each.request: bool(each.readings["strict"].value) for each in seen}
    gaps = of(correct(seen, label(truth), spec)).gaps
    assert [(gap.between, gap.estimate) for gap in gaps] == [
        (("free", "paid"), pytest.approx(0.25)),
        (("free", "none"), pytest.approx(0.5)),
        (("paid", "none"), pytest.approx(0.25)),
    ]


def test_persons_who_disagree_are_compared_and_a_tie_is_left_out():
    seen, truth = draw()
    first = label(truth).labels
    second = tuple(
        Label(each.request, each.is_positive != (at < 5), "ben", f"ben {at}")
        for at, each in enumerate(first)
    )
    found = correct(seen, LabelSet((*first, *second)))
    assert (found.labels, found.tied, found.raters) == (len(truth) - 5, 5, ("", "ben"))
    assert 0.8 < found.agreement.alpha.value < 1


def test_labels_of_another_run_and_contradictions_are_errors_with_their_place():
    seen, truth = draw()
    known = next(iter(truth))
    strange = Label("abc", is_positive=True, rater="", place="labels.csv, line 7")
    with pytest.raises(BadLabels, match=r"abc \(labels.csv, line 7\).*another run"):
        correct(seen, LabelSet((strange,)))
    with pytest.raises(BadLabels, match=r"1 of 2 labels.*abc \(labels.csv, line 7\)"):
        correct(seen, LabelSet((strange, Label(known, is_positive=True, rater="", place="x"))))
    pair = [Label(known, said, "", f"line {at}") for at, said in ((2, True), (9, False))]
    with pytest.raises(BadLabels, match=f"line 9: answer {known}.*line 2"):
        correct(seen, LabelSet(tuple(pair)))
    again = correct(seen, LabelSet((*label(truth).labels, label(truth).labels[0])))
    assert again.labels == len(truth)  # the same twice is no contradiction


def test_labels_are_of_what_the_sample_was_drawn_for():
    seen, truth = draw()
    sample = LabelSample("strict", (), tuple(truth))
    assert correct(seen, label(truth, samples=(sample,))).meaning == "compliance"


@pytest.mark.parametrize("labels", [100, 200])
def test_the_corrected_gap_is_unbiased_and_its_interval_covers(labels):
    """A seeded draw of `python benchmarks/coverage_labels.py`, which makes 5,000 of each."""
    found = simulate(Setting(0.35, 0.20, labels), analyses=400, seed=labels)
    assert abs(found.bias) < 0.01
    assert 0.93 <= found.covers <= 0.98
    assert found.none == 0


def test_bounds_of_a_rate_are_wider_with_fewer():
    assert bound_rate(0.5, 10)[0] < bound_rate(0.5, 100)[0] < 0.5
