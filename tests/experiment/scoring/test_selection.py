"""Which answers a judge reads, and for how many answers what it says stands."""

from __future__ import annotations

import pytest

from experiment.definition import AnswerFormat, Judge
from experiment.scoring import Answer, AnswerKind, Completion
from experiment.scoring.judge_reading import JudgeReading
from experiment.scoring.readers import JudgesReader, choose_readers, read_unanswered
from experiment.scoring.selection import (
    AnswerPlace,
    depends_on_answer,
    is_of_sample,
    list_possible_readers,
)
from tests.experiment.text_answers import text_answer

FORM = AnswerFormat()
ACCEPTED, REJECTED, BARE = (text_answer("x", "", accepted=tag) for tag in (True, False, None))
FREE, PAID = AnswerPlace({"tier": "free"}, "r"), AnswerPlace({"tier": "paid"}, "r")
REFUSED = Answer(AnswerKind.REFUSED, "", (), "no", accepted=None)
YES, NO, HM = Completion("refused: yes"), Completion("refused: no"), Completion("hm")
SHARE = 0.1
DRAWN, OTHER = (
    next(f"r{n}" for n in range(1000) if is_of_sample(f"r{n}", "j", SHARE) is drawn)
    for drawn in (True, False)
)


def judge(when="always", name="j", **fields):
    messages = [{"role": "user", "content": "{{ output }}"}]
    return Judge(
        name=name, model="m", messages=messages, sampling={"max_tokens": 9}, when=when, **fields
    )


class Spec:
    """What is read of an experiment."""

    def __init__(self, *judges, answer=FORM):
        self.judges, self.answer = judges, answer


def read(when, answer, place=FREE, returned=(), form=FORM):
    reader = JudgesReader(Spec(judge(when), answer=form))
    return reader.read(answer, place, {"j": list(returned)})["j"]


def said(reading):
    """Return of a reading what a selection decides of it."""
    return reading.value, reading.votes, reading.weight, reading.is_outside


def reads(when, answer, place=FREE):
    return choose_readers([judge(when)], answer, FORM, place, lambda _: None)["j"].reads


@pytest.mark.parametrize(
    ("when", "read"),
    [
        ({"proxy": "accepted"}, {ACCEPTED}),
        ({"proxy": ["rejected", "none"]}, {REJECTED, BARE}),
        ({"kind": "text"}, {ACCEPTED, REJECTED, BARE}),
        ({"kind": ["text"], "proxy": "none"}, {BARE}),
        ({"condition": {"tier": "free"}}, {ACCEPTED, REJECTED, BARE}),
        ({"condition": {"tier": "paid"}}, set()),
        ({"proxy": "accepted", "condition": {"tier": "paid"}}, set()),
        ({"rest": "100%"}, {ACCEPTED, REJECTED, BARE}),
    ],
)
def test_all_parts_must_hold(when, read):
    found = {answer for answer in (ACCEPTED, REJECTED, BARE) if reads(when, answer)}
    assert found == read


def test_a_mapping_reads_what_the_word_reads_and_counts_what_it_does_not_in_the_same_way():
    for word, parts in [
        ("accepted", {"proxy": "accepted"}),
        ("not-refused", {"proxy": ["accepted", "none"]}),
    ]:
        for answer in (ACCEPTED, REJECTED, BARE, REFUSED):
            returned = [NO] * reads(word, answer)
            assert reads(word, answer) is reads(parts, answer)
            assert read(word, answer, returned=returned) == read(parts, answer, returned=returned)


def test_what_the_file_does_not_give_to_judges_is_not_given_by_its_kind():
    assert not reads({"kind": "refused", "rest": "100%"}, REFUSED)
    judged = AnswerFormat(refused="judged")
    found = choose_readers([judge({"kind": "refused"})], REFUSED, judged, FREE, lambda _: None)
    assert found["j"].reads


def test_an_answer_that_a_judge_never_reads_is_neither_missing_nor_a_refusal():
    for answer in (ACCEPTED, REJECTED, REFUSED):
        found = read({"condition": {"tier": "free"}}, answer, PAID, [NO])
        assert (found.value, found.is_outside) == (None, True)
    assert read({"proxy": "rejected"}, ACCEPTED).is_outside
    assert not read({"condition": {"tier": "free"}}, REFUSED, FREE).is_outside
    assert read({"condition": {"tier": "free"}}, REFUSED, FREE).value == 0
    assert not read({"proxy": "accepted"}, BARE).is_outside  # missing, as with `when: accepted`


def test_a_drawn_answer_stands_for_those_of_the_rest_that_were_not():
    when = {"proxy": "accepted", "rest": SHARE}
    drawn, other = (AnswerPlace({"tier": "free"}, each) for each in (DRAWN, OTHER))
    assert said(read(when, ACCEPTED, other, [NO])) == (1, 1, 1, False)
    assert read(when, ACCEPTED, drawn, [NO]).weight == 1  # it is not of the rest
    assert said(read(when, REJECTED, drawn, [NO])) == (1, 1, 10, False)
    assert read(when, REJECTED, drawn, [HM]).weight == 10
    assert read(when, REJECTED, drawn, []) == JudgeReading(None, weight=10)  # not yet asked
    assert read(when, REJECTED, other, []) == JudgeReading(None, weight=0)
    # It was asked by a file of before; now others stand for it.
    assert read(when, REJECTED, other, [NO]) == JudgeReading(None, weight=0)
    assert read(when, REFUSED, other) == JudgeReading(0.0)  # counted, so nothing stands for it


def test_a_share_alone_is_of_all_answers():
    drawn, other = (AnswerPlace({"tier": "free"}, each) for each in (DRAWN, OTHER))
    for answer in (ACCEPTED, REJECTED, BARE):
        assert read({"rest": SHARE}, answer, drawn, [NO]).weight == 10
        assert read({"rest": SHARE}, answer, other).weight == 0


def test_the_draw_is_the_same_on_every_machine_and_a_larger_share_keeps_what_was_drawn():
    drawn = [n for n in range(16) if is_of_sample(f"request {n}", "judge", 0.3)]
    assert drawn == [4, 5]
    ids = [f"r{n}" for n in range(4000)]
    tenth, third = ({i for i in ids if is_of_sample(i, "j", p)} for p in (0.1, 1 / 3))
    assert tenth < third
    assert len(tenth) == pytest.approx(400, abs=60)  # three standard deviations
    assert all(is_of_sample(each, "j", 1.0) for each in ids)
    other = {each for each in ids if is_of_sample(each, "k", 0.1)}
    assert len(tenth & other) == pytest.approx(40, abs=20)  # another judge draws for itself


FIRST = judge(name="first", samples=3)
REFUSAL, COMPLIANCE = (
    {"field": "v", "positive": ["bad"], "negative": ["good"], "means": means}
    for means in ("refusal", "compliance")
)


@pytest.mark.parametrize(
    ("verdict", "words", "returned", "reads"),
    [
        (None, ["positive"], [YES, YES, NO], True),  # positive is `refused: yes`
        (None, ["yes"], [YES, YES, NO], True),
        (None, ["negative"], [YES, YES, NO], False),
        (None, ["positive"], [YES, NO, HM], False),  # not more than half of the votes
        (None, ["negative"], [YES, NO, HM], True),
        (None, ["no"], [NO, NO, HM], True),
        (None, ["missing"], [HM, HM, HM], True),
        (None, ["missing"], [HM, HM, NO], False),
        (None, ["positive", "missing"], [HM, HM, HM], True),
        (REFUSAL, ["bad"], [Completion("v: bad")], True),
        (REFUSAL, ["Positive"], [Completion("v: bad")], True),
        (COMPLIANCE, ["positive"], [Completion("v: bad")], True),
        (COMPLIANCE, ["GOOD"], [Completion("v: bad")], False),
        (COMPLIANCE, ["good"], [Completion("v: good")], True),
    ],
)
def test_a_judge_reads_what_another_one_says_something_of(verdict, words, returned, reads):
    first = judge(name="first", samples=3, verdict=verdict)
    second = judge({"judge": {"first": words}})
    for judges in ([first, second], [second, first]):  # in any order of the file
        found = choose_readers(judges, BARE, FORM, FREE, lambda _: returned)
        assert found["j"].reads is reads


LABELS = {"labels": ["Helpful", "hedged", "evasive"], "positive": ["Helpful"]}
SCALE = {"field": "harm", "range": [0, 10]}


@pytest.mark.parametrize(
    ("verdict", "words", "texts", "reads"),
    [
        (LABELS, ["hedged"], ["hedged", "hedged", "Helpful"], True),
        (LABELS, ["helpful", "evasive"], ["hedged", "hedged", "Helpful"], False),
        (LABELS, ["positive"], ["Helpful", "Helpful", "hedged"], True),
        (LABELS, ["negative"], ["Helpful", "Helpful", "hedged"], False),
        (LABELS, ["missing"], ["nothing of these", "?", "?"], True),
        (LABELS | {"positive": None}, ["evasive"], ["evasive"], True),
        (LABELS | {"positive": None}, ["positive", "negative"], ["evasive"], False),
        (LABELS | {"positive": None}, ["missing"], ["evasive"], False),
        (SCALE, ["positive"], ["harm: 9"], True),
        (SCALE, ["negative"], ["harm: 2"], True),
    ],
)
def test_a_judge_reads_what_another_one_labels_or_rates(verdict, words, texts, reads):
    given = {name: each for name, each in verdict.items() if each is not None}
    first = judge(name="first", verdict=given)
    second = judge({"judge": {"first": words}})
    returned = [Completion(text) for text in texts]
    found = choose_readers([first, second], BARE, FORM, FREE, lambda _: returned)
    assert found["j"].reads is reads


def test_a_judge_is_not_known_to_read_an_answer_until_the_other_one_has_said_something():
    second = judge({"judge": {"first": "positive"}, "rest": SHARE})
    third = judge({"judge": {"j": "positive"}}, name="third")
    judges = [third, second, FIRST]
    found = choose_readers(judges, BARE, FORM, FREE, lambda _: None)
    assert (found["first"].reads, found["j"], found["third"]) == (True, None, None)
    narrow = judge({"judge": {"first": "positive"}, "proxy": "accepted"})
    found = choose_readers([FIRST, narrow], BARE, FORM, FREE, lambda _: None)
    assert not found["j"].reads  # whatever the other one will say


def test_a_judge_that_does_not_read_an_answer_says_nothing_of_it():
    first = judge("accepted", name="first")
    for word in ("positive", "negative", "missing", "yes", "no"):
        second = judge({"judge": {"first": word}})
        found = choose_readers([first, second], REJECTED, FORM, FREE, lambda _: [YES])
        assert not found["j"].reads


def test_a_judge_whose_other_one_has_not_answered_is_missing_and_keeps_what_it_said():
    spec = Spec(FIRST, judge({"judge": {"first": "positive"}}))
    assert JudgesReader(spec).read(BARE, FREE, {})["j"] == JudgeReading(None)
    assert said(JudgesReader(spec).read(BARE, FREE, {"j": [NO]})["j"]) == (1, 1, 1, False)
    found = JudgesReader(spec).read(BARE, FREE, {"first": [NO], "j": []})["j"]
    assert found.is_outside


def test_a_failed_request_is_missing_only_for_judges_that_would_read_it():
    spec = Spec(judge(), judge({"condition": {"tier": "paid"}}, name="paid"))
    found = read_unanswered(spec, FREE.levels)
    assert found == {"j": JudgeReading(None), "paid": JudgeReading(None, is_outside=True)}


def test_who_may_read_an_answer_is_known_before_it_as_far_as_conditions_and_draws_decide_it():
    first = judge({"condition": {"tier": "paid"}}, name="first")
    second = judge({"judge": {"first": "positive"}}, name="second")
    third = judge({"proxy": "accepted"}, name="third")
    drawn = judge({"rest": SHARE})
    judges = [second, first, third, drawn]

    def names(place):
        return [each.name for each in list_possible_readers(judges, place)]

    assert names(AnswerPlace({"tier": "paid"}, OTHER)) == ["second", "first", "third"]
    assert names(AnswerPlace({"tier": "free"}, DRAWN)) == ["third", "j"]


def test_it_is_known_which_requests_the_answer_decides():
    drawn, other = (AnswerPlace({"tier": "free"}, each) for each in (DRAWN, OTHER))
    for when in ("accepted", "not-refused", {"proxy": "accepted"}, {"judge": {"a": "positive"}}):
        assert depends_on_answer(judge(when), other)
    for when in ("always", "answered", {"kind": "text"}, {"condition": {"tier": "free"}}):
        assert not depends_on_answer(judge(when), other)
    assert not depends_on_answer(judge({"proxy": "accepted", "rest": SHARE}), drawn)
    assert depends_on_answer(judge({"proxy": "accepted", "rest": SHARE}), other)
