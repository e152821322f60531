"""Turns: each request holds what was written before, and is the same one on any machine."""

from __future__ import annotations

import pytest

from experiment.errors import BadExperiment
from experiment.prompts.request import Message
from experiment.scoring import Completion

PREFILL = Message("assistant", "<")
USER = Message("user", "one no")
FIRST, SECOND = Completion("SCRATCHPAD_REASONING>Hm. \n", "length"), Completion("Still.")
LAST = Completion("<OUTPUT>yes</OUTPUT>")


def turns_of(made, *completions: Completion, **answer):
    """Follow the turns of the first request, whose answers come one after the other."""
    requests = made(answer={"turns": 3} | answer)
    subject = next(requests.all_subject_requests())
    answered: dict[str, Completion] = {}
    sent = [subject]
    for completion in completions:
        answered[sent[-1].id] = completion
        turns = requests.follow_turns(subject, answered)
        assert list(turns.answered) == list(answered)
        if turns.next is not None:
            sent.append(turns.next)
    return requests.follow_turns(subject, answered), sent


def test_a_text_goes_on_as_a_prefill_and_ends_with_the_output(made):
    turns, (first, second, third) = turns_of(made, FIRST, SECOND, LAST)
    assert first.messages == (USER, PREFILL)
    begun = "<SCRATCHPAD_REASONING>Hm."
    assert second.messages == (USER, Message("assistant", begun))
    assert third.messages == (USER, Message("assistant", f"{begun}Still."))
    assert turns.next is None
    assert turns.completion.text == "SCRATCHPAD_REASONING>Hm.Still.<OUTPUT>yes</OUTPUT>"


def test_a_message_asks_to_go_on_where_the_file_has_one(made):
    turns, (_, second, third) = turns_of(made, FIRST, SECOND, LAST, go_on="Go on.")
    begun, asked = Message("assistant", "<SCRATCHPAD_REASONING>Hm."), Message("user", "Go on.")
    assert second.messages == (USER, begun, asked)
    assert third.messages == (USER, begun, asked, Message("assistant", "Still."), asked)
    assert turns.next is None


def test_every_turn_is_a_request_of_its_own_of_the_same_cell(made):
    _, sent = turns_of(made, FIRST, SECOND)
    assert len({each.id for each in sent}) == len(sent) == 3
    assert [each.vote for each in sent] == [0, 1, 2]
    assert [each.subject for each in sent] == [None, sent[0].id, sent[0].id]
    assert len({(e.stage, e.model, e.condition, e.query, e.sample) for e in sent}) == 1
    _, again = turns_of(made, FIRST, SECOND)
    assert [each.id for each in again] == [each.id for each in sent]
    _, other = turns_of(made, Completion("something else"), SECOND)
    assert other[1].id != sent[1].id


def test_the_limit_ends_it(made):
    turns, sent = turns_of(made, FIRST, SECOND, SECOND)
    assert (len(sent), turns.next) == (3, None)


def test_without_turns_one_answer_is_all(made):
    turns, sent = turns_of(made, FIRST, turns=1)
    assert (len(sent), turns.next, turns.completion) == (1, None, FIRST)


def test_a_model_that_takes_no_prefill_needs_a_message(made):
    with pytest.raises(BadExperiment, match=r"answer\.turns: gpt-4o .*go_on"):
        made(answer={"turns": 2}, takes_prefill=False)
    made(answer={"turns": 2, "go_on": "Go on."}, takes_prefill=False)
