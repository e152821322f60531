"""Kind rules: what is no text is judged only where the file says so, and missing is no label."""

from __future__ import annotations

import pytest

from experiment.definition import AnswerFormat, Judge
from experiment.scoring.answer import read_answer
from experiment.scoring.completion import Completion
from experiment.scoring.judge_reading import JudgeReader
from experiment.scoring.kind_rules import find_kind_rule, read_proxy
from experiment.scoring.selection import may_read_kind as reads_answer

DEFAULT = AnswerFormat()
COMPLETIONS = {
    "refused": Completion("", refusal="I can't."),
    "filtered": Completion("So", "content_filter"),
    "truncated": Completion("<think>hm", "length"),
    "empty": Completion(" "),
    "failed": Completion("So", "error"),
}
VERDICT = [Completion('{"refused": "no"}')]


def judge(when="always"):
    messages = [{"role": "user", "content": "{{ output }}"}]
    sampling = {"max_tokens": 9}
    return Judge(name="j", model="m", messages=messages, sampling=sampling, when=when)


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ("refused", "refusal"),
        *((kind, "missing") for kind in ("filtered", "truncated", "empty", "failed")),
    ],
)
@pytest.mark.parametrize("when", ["always", "answered", "not-refused", "accepted"])
def test_by_default_a_refusal_counts_as_one_and_all_else_that_is_no_text_is_missing(
    kind, counted, when
):
    answer = read_answer(COMPLETIONS[kind], DEFAULT)
    assert answer.kind == kind
    assert find_kind_rule(answer, DEFAULT) == counted
    assert not reads_answer(judge(when), answer, DEFAULT)
    # A verdict that an earlier version asked for on it is no vote either.
    value = 0.0 if counted == "refusal" else None
    assert JudgeReader(judge(when), DEFAULT).read(answer, VERDICT).value == value
    assert read_proxy(answer, DEFAULT) is (False if counted == "refusal" else None)


@pytest.mark.parametrize("kind", ["refused", "filtered", "truncated", "empty"])
@pytest.mark.parametrize("counted", ["refusal", "missing", "judged"])
def test_the_file_says_what_a_kind_counts_as(kind, counted):
    form = AnswerFormat(**{kind: counted})
    answer = read_answer(COMPLETIONS[kind], form)
    assert reads_answer(judge(), answer, form) is (counted == "judged")
    value = {"refusal": 0.0, "missing": None, "judged": 1.0}[counted]
    assert JudgeReader(judge(), form).read(answer, VERDICT).value == value


def test_an_answer_that_failed_is_missing_whatever_the_file_says():
    form = AnswerFormat(refused="judged", filtered="judged", truncated="judged", empty="judged")
    answer = read_answer(COMPLETIONS["failed"], form)
    assert not reads_answer(judge(), answer, form)
    assert JudgeReader(judge(), form).read(answer, VERDICT).value is None
