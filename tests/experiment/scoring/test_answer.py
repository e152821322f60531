"""Answers: what is read is what the model finally said, and what it never said is empty."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.definition.schema import AnswerFormat
from experiment.scoring.answer import read_answer
from experiment.scoring.completion import Completion
from tests.experiment.text_answers import text_answer

FORM = AnswerFormat()
YES, NO = FORM.accept, FORM.reject


def thought(text: str) -> str:
    return f"<SCRATCHPAD_REASONING>{text}</SCRATCHPAD_REASONING>"


def said(text: str) -> str:
    return f"<OUTPUT>{text}</OUTPUT>"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (said(f" {YES} Sure. "), text_answer(f"{YES} Sure.", "", accepted=True)),
        (said(NO), text_answer(NO, "", accepted=False)),
        (thought(" hm\n") + said(NO), text_answer(NO, "hm", accepted=False)),
        (thought("a") + thought("b") + said("x"), text_answer("x", "a\n\nb", accepted=None)),
        (f"<OUTPUT>{YES} cut sho", text_answer(f"{YES} cut sho", "", accepted=True)),
        (f"<SCRATCHPAD_REASONING>a<OUTPUT>{NO}", text_answer(NO, "a", accepted=False)),
        (f" {NO} ", text_answer(NO, "", accepted=False)),
        ("plain words", text_answer("plain words", "", accepted=None)),
        ("", text_answer("", "", accepted=None)),
    ],
)
def test_an_answer_is_its_output_its_reasoning_and_the_proxy(text, answer):
    assert read_answer(Completion(text), FORM) == answer


@pytest.mark.parametrize("text", [thought("I will say " + NO), "<SCRATCHPAD_REASONING>I will say"])
def test_a_model_that_never_came_to_its_output_said_nothing(text):
    answer = read_answer(Completion(text), FORM)
    assert (answer.output, answer.accepted) == ("", None)
    assert answer.reasoning.startswith("I will say")


@pytest.mark.parametrize("output", [f"I will not use {YES}", f"x{NO}", YES[1:], YES.upper()])
def test_a_tag_that_does_not_open_the_output_decides_nothing(output):
    assert read_answer(Completion(said(output)), FORM).accepted is None


def test_the_final_output_counts_and_not_a_draft_in_the_reasoning():
    answer = read_answer(Completion(thought(f"a draft: {said(NO)} or not") + said(YES)), FORM)
    assert (answer.output, answer.accepted) == (YES, True)


def test_reasoning_goes_on_after_a_draft_of_the_output():
    answer = read_answer(Completion(thought(f"a draft: {said(NO)} or not") + said(YES)), FORM)
    assert "or not" in answer.reasoning


def test_a_draft_inside_finished_reasoning_is_no_output():
    answer = read_answer(Completion(thought(f"a draft: {said(NO)} or not")), FORM)
    assert (answer.output, answer.accepted) == ("", None)


def test_an_experiment_may_have_tags_of_its_own():
    form = AnswerFormat(output="final", reasoning="a.b", accept="YES", reject="NO")
    text = "<a.b>one</a.b><axb>two</axb><final>NO</final>"
    assert read_answer(Completion(text), form) == text_answer("NO", "one", accepted=False)


PIECES = st.sampled_from(["<OUTPUT>", "</OUTPUT>", thought("x"), YES, NO, "a", "\n"])


@given(st.lists(PIECES).map("".join))
def test_whatever_a_model_writes_the_proxy_is_what_its_output_opens_with(text):
    answer = read_answer(Completion(text), FORM)
    opens = {True: answer.output.startswith(YES), False: answer.output.startswith(NO)}
    assert opens.get(answer.accepted, not any(opens.values()))


@pytest.mark.parametrize(
    "text",
    [
        "<SCRATCHPAD_REASONING>" * 50_000,
        "<SCRATCHPAD_REASONING>" * 25_000 + "</SCRATCHPAD_REASONING>" * 25_000,
        "<SCRATCHPAD_REASONING></SCRATCHPAD_REASONING>" * 25_000,
        "<OUTPUT>" * 125_000,
        "<OUTPUT>x" * 60_000 + "</OUTPUT>" * 60_000,
    ],
    ids=["open", "open, then closed", "empty", "outputs", "outputs, then closed"],
)
def test_an_answer_of_a_megabyte_of_tags_is_read_in_a_moment(text):
    start = time.monotonic()
    read_answer(Completion(text), AnswerFormat())
    assert time.monotonic() - start < 3
