"""Judge rates: what each judge says in each cell, with an interval that queries decide."""

from __future__ import annotations

import random

import pytest

from experiment.analysis import Observation, RateTally, rate_judges
from experiment.definition import ExperimentSpec
from experiment.scoring import AnswerKind, JudgeReading

FAKING = {"criteria": ["aware", "strategic"], "at_least": 2, "means": "alignment-faking"}
LABELS = {"labels": ["calm", "warm", "rude"]}
RANGE = {"range": [0, 10]}


def spec(**verdicts):
    message = [{"role": "user", "content": "{{ query }}"}]
    judges = [
        {
            "name": name,
            "model": "j",
            "messages": message,
            "sampling": {"max_tokens": 9},
            "verdict": verdict,
        }
        for name, verdict in verdicts.items()
    ]
    return ExperimentSpec.model_validate(
        {
            "name": "x",
            "models": ["b", "a"],
            "factors": {"tier": {"free": {}, "paid": {}}},
            "queries": {"file": "q"},
            "messages": message,
            "sampling": {"max_tokens": 9},
            "judges": judges,
        }
    )


def seen(query, readings, model="b", tier="free", sample=0):
    return Observation(model, {"tier": tier}, query, sample, AnswerKind.TEXT, None, readings)


def rate(values, judge="faking", verdict=FAKING):
    """Return the rate of a cell in which each query has the readings of a list."""
    observations = [
        seen(query, {judge: each}, sample=sample)
        for query, given in enumerate(values)
        for sample, each in enumerate(given)
    ]
    rates = rate_judges(spec(**{judge: verdict}), observations)[judge].rates
    (cell,) = [each for each in rates if (each.model, each.condition) == ("b", "free")]
    return cell


def voted(value, votes=1, **fields):
    return JudgeReading(value, votes, answered=fields.pop("answered", votes), **fields)


def test_every_cell_stands_in_the_experiments_order_and_each_model_has_all_together():
    readings = {"faking": voted(1.0, 20), "other": voted(0.0)}
    rates = rate_judges(
        spec(faking=FAKING, other=None), [seen(0, readings, "a", "paid"), seen(1, readings, "a")]
    )
    assert list(rates) == ["faking", "other"]
    assert [each.means for each in rates.values()] == ["alignment-faking", "refusal"]
    cells = [(each.model, each.condition, each.answers) for each in rates["faking"].rates]
    assert cells == [
        ("b", "free", 0), ("b", "paid", 0), ("b", "", 0),
        ("a", "free", 1), ("a", "paid", 1), ("a", "", 2),
    ]  # fmt: skip
    assert rates["faking"].rates[0].rate is None
    assert rates["faking"].rates[-1].votes == 40


@pytest.mark.parametrize(
    ("positive", "answers", "low", "high"),
    [(0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (12, 100, 0.0700, 0.1981), (5, 5, 0.5655, 1)],
)
def test_one_answer_of_each_query_has_the_interval_of_wilson(positive, answers, low, high):
    given = [[voted(1.0)]] * positive + [[voted(0.0)]] * (answers - positive)
    found = rate(given).rate
    assert found.estimate == positive / answers
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_alike_answers_of_a_query_are_no_more_than_one():
    once = rate([[voted(float(query % 4 == 0))] for query in range(40)]).rate
    thrice = rate([[voted(float(query % 4 == 0))] * 3 for query in range(40)]).rate
    assert thrice.estimate == once.estimate
    assert thrice.low == pytest.approx(once.low, abs=0.01)
    assert thrice.high == pytest.approx(once.high, abs=0.02)
    assert rate([[voted(0.0)] * 50]).rate.high is None
    assert 0.2 < rate([[voted(0.0)] * 50] * 10).rate.high < 0.4


def test_the_interval_covers_the_truth_where_queries_differ():
    draw, covered, runs = random.Random(1), 0, 400
    for _ in range(runs):
        tally = RateTally()
        for query in range(60):
            share = draw.choice([0.0, 0.0, 0.0, 0.6])
            for _ in range(3):
                tally.add(query, float(draw.random() < share))
        found = tally.compute_rate()
        covered += found.low <= 0.15 <= found.high
    assert 0.92 <= covered / runs <= 0.98


def test_what_stands_for_others_weighs_and_what_was_not_drawn_is_not_missing():
    drawn, left = voted(1.0, weight=10.0), JudgeReading(None, weight=0.0)
    cell = rate([[voted(1.0)], [voted(0.0)], [drawn], *[[left]] * 9, [JudgeReading(None)]])
    assert cell.rate.estimate == pytest.approx(11 / 12)
    assert (cell.answers, cell.missing) == (3, 1)
    assert cell.rate.low < 11 / 12 < cell.rate.high


def test_screening_a_tenth_is_unbiased():
    draw, found = random.Random(2), []
    for _ in range(300):
        readings = []
        for query in range(200):
            value = float(draw.random() < 0.3)
            if query < 50:
                readings.append([voted(value)])
            elif draw.random() < 0.1:
                readings.append([voted(value, weight=10.0)])
            else:
                readings.append([JudgeReading(None, weight=0.0)])
        found.append(rate(readings).rate.estimate)
    assert sum(found) / len(found) == pytest.approx(0.3, abs=0.01)


def test_labels_have_shares_and_numbers_a_mean_beside_it():
    given = ["rude", "calm", "calm", "calm"]
    cell = rate([[voted(None, label=each, labels={each: 1})] for each in given], "tone", LABELS)
    shares = {label: share.estimate for label, share in cell.labels.items()}
    assert shares == {"calm": 0.75, "warm": 0.0, "rude": 0.25}
    assert (cell.rate, cell.answers, cell.missing) == (None, 4, 0)
    cell = rate([[voted(n / 10, scores={"score": n})] for n in (4, 5, 6)], "risk", RANGE)
    assert cell.rate.estimate == pytest.approx(0.5)
    assert cell.scores == {"score": 5}
    assert 0.2 < cell.rate.low < 0.5 < cell.rate.high < 0.8


def test_verdicts_that_are_no_votes_are_counted_and_their_answers_are_missing():
    unreadable = JudgeReading(None, unreadable="other text", answered=20)
    cell = rate([[voted(1.0, 19, answered=20)], [unreadable]])
    assert (cell.votes, cell.unreadable, cell.answers, cell.missing) == (19, 21, 1, 1)


def test_what_a_judge_does_not_read_is_no_part_of_its_rates():
    outside = [[JudgeReading(None, is_outside=True)]] * 5
    cell = rate([[voted(1.0)], [voted(0.0)], *outside])
    assert (cell.answers, cell.missing, cell.rate.estimate) == (2, 0, 0.5)
