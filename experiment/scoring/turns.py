"""Turns: an answer that its model writes in several requests, until the output tag is there."""

from __future__ import annotations

from collections.abc import Sequence

from experiment.definition import AnswerFormat
from experiment.scoring.answer import find_unfinished_thought
from experiment.scoring.completion import LENGTH, STOP, Completion


def needs_turn(completion: Completion, answer_format: AnswerFormat, prefill: str = "") -> bool:
    """Return whether an answer is to go on: it has a text, but no output tag so far.

    An answer that was refused, filtered or broken off does not, nor does an empty one, or one that
    ended within a thought, which cannot be sent back.

    Args:
        completion: all that was written so far, of all turns.
        answer_format: the experiment's tags.
        prefill: what the text continues.
    """
    whole = prefill + completion.text
    return (
        completion.finish in (STOP, LENGTH)
        and not completion.refusal
        and bool(completion.text.strip())
        and f"<{answer_format.output}>" not in whole
        and find_unfinished_thought(whole) is None
    )


def join_turns(turns: Sequence[Completion], answer_format: AnswerFormat) -> Completion:
    """Return the turns of an answer as one; it ends as the last one does.

    A turn that was sent back to be continued went without white space at its end. Turns between
    which a message asked to go on are lines of their own.

    Args:
        turns: in their order, at least one.
        answer_format: of the experiment.
    """
    if len(turns) == 1:
        return turns[0]
    last = turns[-1]
    between = "" if answer_format.go_on is None else "\n"
    return Completion(
        between.join([*(each.text.rstrip() for each in turns[:-1]), last.text]),
        last.finish,
        last.refusal,
        "\n\n".join(each.reasoning for each in turns if each.reasoning),
        next((each.reasoning_form for each in turns if each.reasoning_form), ""),
    )
