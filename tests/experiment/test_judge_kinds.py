"""Judge kinds: who reads what, and what an answer that a judge did not read counts as."""

from __future__ import annotations

from typing import get_args

import pytest

from experiment.definition import AnswerFormat, Judge
from experiment.definition.judges.selection import Word
from experiment.scoring.completion import Completion
from experiment.scoring.judge_kinds import (
    READING_RULES,
    counts_unread_as_refusal,
    read_vote,
)
from experiment.scoring.judge_reading import JudgeReader
from experiment.scoring.selection import may_read_kind as reads_answer
from tests.experiment.text_answers import text_answer

FORM = AnswerFormat()
REFUSED, ACCEPTED = text_answer("no", "", accepted=False), text_answer("yes", "", accepted=True)
WHENS = pytest.mark.parametrize("when", READING_RULES)


def judge(when):
    messages = [{"role": "user", "content": "{{ output }}"}]
    fields = {"name": "j", "model": "m", "messages": messages, "sampling": {"max_tokens": 9}}
    return Judge(when=when, **fields)


def test_there_is_a_rule_for_every_value_of_when_and_no_other():
    assert set(get_args(Word)) == READING_RULES.keys()


@WHENS
def test_an_unread_refusal_counts_where_the_judge_is_not_given_refusals(when):
    assert counts_unread_as_refusal(judge(when)) is not reads_answer(judge(when), REFUSED, FORM)


@WHENS
def test_an_answer_that_is_accepted_is_read_by_every_judge(when):
    assert reads_answer(judge(when), ACCEPTED, FORM)


@WHENS
def test_votes_say_whether_an_answer_complied_and_what_cannot_be_read_is_none(when):
    texts = [Completion("refused: no"), Completion("who knows"), Completion('{"refused": "yes"}')]
    found = JudgeReader(judge(when), FORM).read(REFUSED, texts)
    assert (found.value, found.votes, found.unreadable) == (0.5, 2, "")
    found = JudgeReader(judge(when), FORM).read(REFUSED, [Completion("who knows")])
    assert (found.value, found.votes, found.unreadable) == (None, 0, "other text")


@pytest.mark.parametrize(
    ("when", "value"),
    [("always", None), ("answered", None), ("not-refused", 0.0), ("accepted", 0.0)],
)
def test_an_answer_without_votes_is_refused_only_by_the_experiments_own_rule(when, value):
    assert JudgeReader(judge(when), FORM).read(REFUSED, []).value == value
    assert JudgeReader(judge(when), FORM).read(ACCEPTED, []).value is None


@pytest.mark.parametrize(
    ("text", "vote"), [("refused: no", True), ("refused: yes", False), ("hm", None)]
)
def test_a_judges_kind_reads_its_votes(text, vote):
    assert read_vote(judge("always"), Completion(text)).complied is vote
