"""Turns: the requests in which a subject's answer goes on until it has an output."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from experiment.definition import AnswerFormat
from experiment.prompts.known_verdicts import KnownAnswers
from experiment.prompts.request import Message, Request
from experiment.prompts.request_ids import hash_text
from experiment.scoring import Completion, join_turns, needs_turn


@dataclass(frozen=True, slots=True)
class Turns:
    """What a subject's turns have come to; all but the first go on with its answer.

    Attributes:
        completion: of all turns that are answered; None where none is.
        next: the request that is to be sent; None where the answer is whole.
        answered: the ids of the turns that are.
    """

    completion: Completion | None
    next: Request | None
    answered: tuple[str, ...]


def follow_turns(subject: Request, form: AnswerFormat, answered: KnownAnswers) -> Turns:
    """Return what a subject's turns have come to, and the request that is next.

    Args:
        subject: the request of the first turn.
        form: of an answer.
        answered: id -> what came back.
    """
    found: dict[str, Completion] = {}
    request: Request | None = subject
    while request is not None and (said := answered.get(request.id)) is not None:
        found[request.id] = said
        request = _build_next_turn(subject, form, list(found.values()))
    turns = list(found.values())
    return Turns(join_turns(turns, form) if turns else None, request, tuple(found))


def _build_next_turn(
    subject: Request, form: AnswerFormat, turns: list[Completion]
) -> Request | None:
    """Return the request that continues an answer; None where it is whole, or may not go on."""
    if len(turns) >= form.turns or not needs_turn(join_turns(turns, form), form, subject.prefill):
        return None
    texts = [each.text.rstrip() for each in turns]
    identity = [subject.id, len(turns), *map(hash_text, texts), form.go_on]
    return replace(
        subject,
        id=hash_text(json.dumps(identity))[:24],
        messages=_continue_messages(subject, texts, form.go_on),
        vote=len(turns),
        subject=subject.id,
    )


def _continue_messages(
    subject: Request, texts: list[str], go_on: str | None
) -> tuple[Message, ...]:
    """Return the messages of a turn: the prompt, with what was written in the turns before.

    Args:
        subject: the request of the first turn.
        texts: of the turns before, without white space at their ends.
        go_on: the user's message that asks for the rest; None where the text itself goes on.
    """
    prompt = subject.messages[:-1] if subject.prefill else subject.messages
    first = subject.prefill + texts[0]
    if go_on is None:
        return (*prompt, Message("assistant", "".join([first, *texts[1:]])))
    asked = Message("user", go_on)
    written = (Message("assistant", text) for text in [first, *texts[1:]])
    return (*prompt, *(each for text in written for each in (text, asked)))
