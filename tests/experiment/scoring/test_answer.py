"""Answers: what is read is what the model finally said, and what it never said is empty."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.definition.schema import AnswerFormat
from experiment.scoring import answer as answer_module
from experiment.scoring.answer import _THINK_TAGS, Thought, read_answer
from experiment.scoring.completion import AnswerKind, Completion, ReasoningForm
from tests.experiment.text_answers import text_answer
from tests.support.growth import grows_evenly

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


NATIVE, SUMMARY = ReasoningForm.NATIVE, ReasoningForm.SUMMARY
THINK, SCRATCHPAD = ReasoningForm.THINK, ReasoningForm.SCRATCHPAD


def read(text="", finish="stop", prefill="", **fields):
    return read_answer(Completion(text, finish, **fields), FORM, prefill)


@pytest.mark.parametrize(
    ("text", "thoughts", "output"),
    [
        ("<think>hm</think>Yes.", "hm", "Yes."),
        ("\n<think>\nhm\n</think>\n\nYes.", "hm", "Yes."),
        ("hm</think>Yes.", "hm", "Yes."),
        ("one</think>two</think>Yes.", "one\n\ntwo", "Yes."),
        ("<think>one</think>So. <think>two</think>Yes.", "one\n\ntwo", "So. Yes."),
        ("<think>a <think> b</think>Yes.", "a <think> b", "Yes."),
        ("<think></think>Yes.", "", "Yes."),
        ("<thinking>hm</thinking>Yes.", "hm", "Yes."),
        ("[THINK]hm[/THINK]Yes.", "hm", "Yes."),
        ("<seed:think>hm</seed:think>Yes.", "hm", "Yes."),
        ("\u25c1think\u25b7hm\u25c1/think\u25b7Yes.", "hm", "Yes."),
        ("I write <think> here.", "", "I write <think> here."),
        (f"<think>{said(NO)} or not</think>{said(YES)}", f"{said(NO)} or not", YES),
    ],
)
def test_a_thought_is_no_part_of_what_was_said(text, thoughts, output):
    answer = read(text)
    assert (answer.output, answer.reasoning) == (output, thoughts)
    assert {each.form for each in answer.thoughts} <= {THINK}
    assert answer.kind is AnswerKind.TEXT


def test_each_thought_is_named_for_where_it_is_from():
    text = f"<think>in tags</think>{thought('as asked')}{said('Yes.')}"
    answer = read(text, reasoning="apart", reasoning_form="summary")
    named = [(each.form, each.text) for each in answer.thoughts]
    assert named == [(SUMMARY, "apart"), (THINK, "in tags"), (SCRATCHPAD, "as asked")]
    assert answer.reasoning == "apart\n\nin tags\n\nas asked"
    assert read("Yes.", reasoning="apart").thoughts == (Thought(NATIVE, "apart"),)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (read("Yes.", "length"), AnswerKind.TEXT),
        (read("Yes.", ""), AnswerKind.TEXT),
        (read("", refusal="I can't."), AnswerKind.REFUSED),
        (read("", "refusal"), AnswerKind.REFUSED),
        (read("So", "refusal"), AnswerKind.REFUSED),
        (read("So", "content_filter"), AnswerKind.FILTERED),
        (read("So", "error"), AnswerKind.FAILED),
        (read("", "length"), AnswerKind.TRUNCATED),
        (read("", "length", reasoning="hm"), AnswerKind.TRUNCATED),
        (read("<think>hm", "length"), AnswerKind.TRUNCATED),
        (read("I write <think>", "length"), AnswerKind.TEXT),
        (read("<SCRATCHPAD_REASONING>hm", "length"), AnswerKind.TRUNCATED),
        (read("<OUTPUT>", "length"), AnswerKind.TRUNCATED),
        (read("", "length", prefill="Sure, "), AnswerKind.TRUNCATED),
        (read("<think>hm", "length", prefill="Sure, "), AnswerKind.TRUNCATED),
        (read("hm", "length", prefill="<think>"), AnswerKind.TRUNCATED),
        (read("<think>hm", prefill="Sure, "), AnswerKind.EMPTY),
        (read("", prefill="<OUTPUT>Sure, "), AnswerKind.EMPTY),
        (read("</OUTPUT>", prefill="<OUTPUT>Sure"), AnswerKind.EMPTY),
        (read("here", prefill="<OUTPUT>Sure, "), AnswerKind.TEXT),
        (read("hm</think>here", prefill="<think>"), AnswerKind.TEXT),
        (read(" \n"), AnswerKind.EMPTY),
        (read("<think>hm"), AnswerKind.EMPTY),
        (read("<think>hm</think>"), AnswerKind.EMPTY),
        (read(thought("hm")), AnswerKind.EMPTY),
        (read(said(" ")), AnswerKind.EMPTY),
        (read("Well. " + said("")), AnswerKind.EMPTY),
    ],
)
def test_an_answer_has_a_kind_and_one_without_an_output_is_no_text(answer, kind):
    assert answer.kind is kind
    assert kind is AnswerKind.TEXT or answer.accepted is None


def test_what_a_tag_says_is_nothing_where_the_answer_is_no_text():
    assert read(said(YES), "content_filter").accepted is None
    assert read(said(YES), "length").accepted is True


def test_an_answer_of_before_is_told_by_what_was_read_then():
    text = "<think>hm</think>" + thought("as asked") + said("Yes.")
    before = read(text, reasoning="apart")
    assert before.texts_of_identity == ("Yes.", "as asked")
    assert read("<think>hm</think>Yes.").texts_of_identity == ("<think>hm</think>Yes.", "")


def test_an_answer_is_told_from_one_with_other_reasoning_or_another_refusal():
    found = {
        read("Yes.", **fields).texts_of_identity
        for fields in (
            {},
            {"reasoning": "a", "reasoning_form": "native"},
            {"reasoning": "b", "reasoning_form": "native"},
            {"refusal": "a"},
        )
    }
    assert len(found) == 4


PIECES = st.sampled_from(["<OUTPUT>", "</OUTPUT>", thought("x"), YES, NO, "a", "\n"])


@given(st.lists(PIECES).map("".join))
def test_whatever_a_model_writes_the_proxy_is_what_its_output_opens_with(text):
    answer = read_answer(Completion(text), FORM)
    opens = {True: answer.output.startswith(YES), False: answer.output.startswith(NO)}
    assert opens.get(answer.accepted, not any(opens.values()))


@pytest.mark.parametrize(
    "tags",
    [
        ["<SCRATCHPAD_REASONING>"],
        ["<SCRATCHPAD_REASONING>", "</SCRATCHPAD_REASONING>"],
        ["<SCRATCHPAD_REASONING></SCRATCHPAD_REASONING>"],
        ["<OUTPUT>"],
        ["<OUTPUT>x", "</OUTPUT>"],
        ["<think>"],
        ["</think>"],
        ["<think>", "</think>"],
        ["<think></think>"],
        ["</think><think>"],
    ],
    ids=[
        *("open", "open, then closed", "empty", "outputs", "outputs, then closed"),
        *("thoughts", "ends", "thoughts, then ends", "empty thoughts", "ends, then thoughts"),
    ],
)
def test_an_answer_of_a_megabyte_of_tags_is_read_in_a_moment(tags):
    def make(size):
        return "".join(tag * (size // len("".join(tags))) for tag in tags)

    def read(text):
        return read_answer(Completion(text), AnswerFormat())

    assert grows_evenly(read, make, 1_000_000)


TAGS = st.sampled_from([tag for pair in _THINK_TAGS for tag in pair])
PIECES = st.one_of(
    TAGS, TAGS.map(lambda tag: tag[:-1]), st.sampled_from([" think ", "a", "<", ">"])
)


@given(st.lists(PIECES, max_size=8).map("".join), st.sampled_from(["stop", "length"]))
def test_a_text_without_the_end_of_a_tag_reads_as_one_that_is_searched_for_every_tag(
    text: str, finish: str
) -> None:
    read = read_answer(Completion(text, finish), FORM)
    with patch.object(answer_module, "_may_think", return_value=True):
        assert read_answer(Completion(text, finish), FORM) == read
