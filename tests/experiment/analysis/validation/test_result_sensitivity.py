"""The gap by each judge and threshold is that of the analysis, with other values."""

from __future__ import annotations

import random

import pytest

from experiment.analysis import AS_IN_FILE, analyse_compliance
from experiment.analysis.validation import compare_judges
from experiment.scoring import JudgeReading
from tests.experiment.analysis.validation.judged import answer, make_spec

SPEC = make_spec("strict", "votes", models=["m", "n"])


def draw(seed=0):
    dice = random.Random(seed)
    return [
        answer(
            tier,
            query,
            model=model,
            sample=sample,
            accepted=dice.choice([True, False, None]),
            strict=dice.choice([0, 1, 1, None]),
            votes=(dice.choice([0, 0.25, 0.5, 0.75, 1.0]), 4),
        )
        for model in "mn"
        for tier in ("free", "paid")
        for query in range(12)
        for sample in range(2)
        if dice.random() < 0.9
    ]


def gaps(seen, measure="strict", spec=SPEC):
    found = compare_judges(spec, seen, measure=measure, compared="tier").sensitivity
    return {(each.model, each.measure, each.counts): each for each in found}


@pytest.mark.parametrize("measure", ["strict", "votes", "proxy"])
def test_the_gap_by_a_judge_is_that_of_an_analysis_by_it(measure):
    seen = draw()
    analysed = analyse_compliance(SPEC.model_copy(update={"measure": measure}), seen)
    assert len(analysed.comparisons) == 2
    for comparison in analysed.comparisons:
        gap, found = comparison.gap, gaps(seen)[comparison.model, measure, AS_IN_FILE]
        assert (found.pairs, found.between) == (gap.pairs, gap.between)
        assert found.estimate == pytest.approx(gap.estimate)
        assert (found.low, found.high) == pytest.approx((gap.low, gap.high))


def test_a_threshold_makes_a_positive_of_each_answer_that_reaches_it():
    shares = {"free": [1.0, 0.4, 0.25, 0.0], "paid": [0.0, 0.0, 0.0, 0.0]}
    seen = [
        answer(tier, query, votes=(share, 20))
        for tier, given in shares.items()
        for query, share in enumerate(given)
    ]
    found = gaps(seen, "votes")
    expected = {"any": 3, ">= 0.25": 3, ">= 0.4": 2, ">= 0.5": 1, ">= 0.75": 1, "all": 1}
    for counts, positive in expected.items():
        assert found["m", "votes", counts].estimate == pytest.approx(positive / 4), counts
    assert found["m", "votes", AS_IN_FILE].estimate == pytest.approx((1 + 0.4 + 0.25) / 4)


def test_single_votes_have_no_thresholds():
    assert {counts for _, measure, counts in gaps(draw()) if measure == "strict"} == {AS_IN_FILE}


def test_a_gap_without_pairs_is_none_and_one_of_a_single_pair_has_no_interval():
    seen = [answer(tier, 0, strict=1) for tier in ("free", "paid")]
    found = gaps(seen)
    one = found["m", "strict", AS_IN_FILE]
    assert (one.pairs, one.estimate, one.low, one.high) == (1, 0, None, None)
    assert found["n", "strict", AS_IN_FILE].estimate is None


def test_answers_that_were_not_drawn_are_stood_for_by_those_that_were():
    """Half of the answers are drawn and stand for two each; over all draws the gap is the same."""
    dice, truth, found = random.Random(3), 0.0, []
    values = {tier: [dice.random() < rate for _ in range(40)] for tier, rate in RATES.items()}
    truth = (sum(values["free"]) - sum(values["paid"])) / 40
    for _ in range(300):
        seen = [
            answer(tier, query, strict=(value, 1, 2.0) if dice.random() < 0.5 else (None, 0, 0.0))
            for tier, given in values.items()
            for query, value in enumerate(given)
        ]
        found.append(gaps(seen)["m", "strict", AS_IN_FILE].estimate)
    assert sum(found) / len(found) == pytest.approx(truth, abs=0.03)


def test_a_drawn_answer_without_a_verdict_is_stood_for_by_the_others_that_were_drawn():
    def tier(name, missing):
        verdict = [(None, 0, 4.0)] * missing + [(1, 1, 4.0)] * (4 - missing)
        rest = [(None, 0, 0.0)] * 12
        return [answer(name, query, strict=each) for query, each in enumerate(verdict + rest)]

    whole, half = tier("free", 0), tier("free", 2)
    paid = [answer("paid", query, strict=0) for query in range(16)]
    for free in (whole, half):
        found = compare_judges(SPEC, free + paid, measure="strict", compared="tier")
        (gap,) = [g for g in found.sensitivity if (g.model, g.measure) == ("m", "strict")]
        assert (gap.pairs, gap.estimate) == (16, pytest.approx(1.0))


RATES = {"free": 0.6, "paid": 0.3}


def test_a_threshold_of_graded_votes_is_of_their_mean_whatever_each_of_them_is():
    graded = [judge.model_dump(mode="json") for judge in make_spec("risk").judges]
    spec = make_spec("risk", judges=[graded[0] | {"verdict": {"range": [0, 10]}}], measure="risk")
    # Votes of 10 and 6 come to 0.8, and both are above one half; 5 and 1 come to 0.3.
    high, low = JudgeReading(0.8, 2, positive=2), JudgeReading(0.3, 2, positive=0)
    seen = [
        answer(tier, query)._replace(readings={"risk": reading})
        for tier, reading in (("free", high), ("paid", low))
        for query in range(3)
    ]
    found = gaps(seen, "risk", spec)
    estimates = {
        counts: each.estimate for (_, name, counts), each in found.items() if name == "risk"
    }
    assert estimates == {
        AS_IN_FILE: pytest.approx(0.5), "any": 0, ">= 0.25": 0, ">= 0.4": 1, ">= 0.5": 1,
        ">= 0.75": 1, "all": 0,
    }  # fmt: skip
