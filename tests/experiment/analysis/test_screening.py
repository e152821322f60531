"""A judge that reads what is accepted and a share of the rest gives the rates of all answers.

The population is known: what each answer truly is, and the tag that it has, which is often wrong.
"""

from __future__ import annotations

import math
from random import Random

import pytest

from experiment.definition import AnswerFormat, Judge
from experiment.scoring import AnswerPlace, Completion, JudgeReader, JudgeReading, choose_readers
from tests.experiment.text_answers import text_answer

QUERIES, SAMPLES = 100, 3
TRUTH = {"free": 0.35, "paid": 0.20}  # compliance
TAGGED = {True: 0.7, False: 0.05}  # complied -> how likely the accept tag is
SHARE = 0.1
FORM = AnswerFormat()
ANSWERS = {tag: text_answer("x", "", accepted=tag) for tag in (True, False)}
VERDICTS = {True: Completion("refused: no"), False: Completion("refused: yes")}


def screening(share: float) -> Judge:
    messages = [{"role": "user", "content": "{{ output }}"}]
    when = {"proxy": "accepted", "rest": share}
    return Judge(name="screen", model="m", messages=messages, sampling={"max_tokens": 9}, when=when)


def read_answer_of(judge, request, tier, *, tagged, complied) -> JudgeReading:
    """Return what a judge without errors says, as a run would ask it."""
    answer, place = ANSWERS[tagged], AnswerPlace({"tier": tier}, request)
    choice = choose_readers([judge], answer, FORM, place, lambda _: None)[judge.name]
    returned = [VERDICTS[complied]] if choice.reads else []
    return JudgeReader(judge, FORM).read(answer, returned, choice)


def weighted_mean(readings: list[JudgeReading]) -> float:
    """Return the mean of all answers: each value as often as the answers that it stands for."""
    counted = [each for each in readings if each.value is not None or each.weight == 0]
    return math.fsum(each.weight * (each.value or 0.0) for each in counted) / len(counted)


def simulate_screening(number: int, share: float = SHARE) -> tuple[float, float, int]:
    """Return the gap and the rate at the first tier of one simulated study, and how many are read.

    Args:
        number: of the study, which decides all of it.
        share: of the rest that is read.
    """
    dice, judge, read, rates = Random(number), screening(share), 0, {}
    for tier, rate in TRUTH.items():
        readings = []
        for n in range(QUERIES * SAMPLES):
            complied = dice.random() < rate
            tagged = dice.random() < TAGGED[complied]
            readings.append(
                read_answer_of(
                    judge, f"{number}/{tier}/{n}", tier, tagged=tagged, complied=complied
                )
            )
        read += sum(each.votes for each in readings)
        rates[tier] = weighted_mean(readings)
    return rates["free"] - rates["paid"], rates["free"], read


def check_unbiased(studies: int) -> float:
    """See that the gap and the rate are right on average, and return the bias of the gap."""
    found = [simulate_screening(number) for number in range(studies)]
    answers = 2 * QUERIES * SAMPLES
    assert sum(read for *_, read in found) / studies / answers < 0.35  # most are not judged
    biases = []
    for values, true in (
        ([gap for gap, *_ in found], TRUTH["free"] - TRUTH["paid"]),
        ([rate for _, rate, _ in found], TRUTH["free"]),
    ):
        mean = math.fsum(values) / studies
        spread = math.sqrt(math.fsum((each - mean) ** 2 for each in values) / (studies - 1))
        assert abs(mean - true) < 4 * spread / math.sqrt(studies)
        biases.append(mean - true)
    return biases[0]


def test_screening_is_unbiased():
    assert abs(check_unbiased(150)) < 0.02


def test_reading_the_accepted_ones_alone_is_not():
    """As a comparison: by the tag alone the rate is far too low."""
    dice, tagged = Random(1), 0
    for _ in range(10_000):
        complied = dice.random() < TRUTH["free"]
        tagged += dice.random() < TAGGED[complied] and complied
    assert tagged / 10_000 < TRUTH["free"] - 0.05


def test_a_share_of_everything_gives_what_reading_all_gives():
    assert simulate_screening(7, share=1.0)[2] == 2 * QUERIES * SAMPLES


@pytest.mark.faults
def test_screening_is_unbiased_over_five_thousand_studies():
    assert abs(check_unbiased(5_000)) < 0.01
