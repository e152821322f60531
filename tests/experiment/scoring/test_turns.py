"""Turns: an answer goes on while it has a text and no output, and is one text in the end."""

from __future__ import annotations

import pytest

from experiment.definition import AnswerFormat
from experiment.scoring import AnswerKind, Completion, join_turns, needs_turn, read_answer

FORM = AnswerFormat(turns=3)
THOUGHT = "<SCRATCHPAD_REASONING>Hm."


@pytest.mark.parametrize(
    ("completion", "prefill", "goes_on"),
    [
        (Completion(THOUGHT), "", True),
        (Completion(THOUGHT, "length"), "", True),
        (Completion("no tag at all"), "", True),
        (Completion("SCRATCHPAD_REASONING>Hm."), "<", True),
        (Completion("<OUTPUT>yes</OUTPUT>"), "", False),
        (Completion("<OUTPUT>ye", "length"), "", False),
        (Completion("yes</OUTPUT>"), "<OUTPUT>", False),
        (Completion(" \n"), "", False),
        (Completion("", reasoning="hidden"), "", False),
        (Completion("<think>Hm.", "length"), "", False),
        (Completion(THOUGHT, "content_filter"), "", False),
        (Completion(THOUGHT, "refusal"), "", False),
        (Completion(THOUGHT, "error"), "", False),
        (Completion(THOUGHT, refusal="I can't."), "", False),
    ],
    ids=str,
)
def test_an_answer_goes_on_while_it_has_a_text_and_no_output(completion, prefill, goes_on):
    assert needs_turn(completion, FORM, prefill) is goes_on


def test_a_text_that_goes_on_is_one_text_without_the_space_that_was_not_sent_back():
    turns = [Completion(f"{THOUGHT} \n", "length"), Completion("Well.</SCRATCHPAD_REASONING>"),
             Completion("<OUTPUT><rejected/> no", "length")]  # fmt: skip
    joined = join_turns(turns, FORM)
    assert joined.text == f"{THOUGHT}Well.</SCRATCHPAD_REASONING><OUTPUT><rejected/> no"
    answer = read_answer(joined, FORM)
    assert (answer.kind, answer.accepted, answer.reasoning) == (AnswerKind.TEXT, False, "Hm.Well.")
    assert joined.finish == "length"


def test_turns_between_which_somebody_asks_are_lines_of_their_own_with_all_their_reasoning():
    turns = [
        Completion("One.", reasoning="a", reasoning_form="native"),
        Completion("<OUTPUT>Two.</OUTPUT>", reasoning="b", reasoning_form="native"),
    ]
    joined = join_turns(turns, AnswerFormat(turns=2, go_on="Go on."))
    assert joined.text == "One.\n<OUTPUT>Two.</OUTPUT>"
    assert joined.reasoning == "a\n\nb"


def test_one_turn_is_the_answer_as_it_came():
    completion = Completion("One. \n", "length")
    assert join_turns([completion], FORM) is completion
