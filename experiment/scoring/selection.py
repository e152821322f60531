"""Selections: whether a judge reads an answer, and for how many answers its reading stands.

A word selects by the answer alone. A mapping selects answers of which all of its parts hold, and
draws a share of the others: by a digest of the answer's request and the judge's name, so that each
machine draws the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from experiment.definition import (
    MISSING,
    NEGATIVE,
    POSITIVE,
    REFUSAL,
    AnswerFormat,
    Judge,
    Selection,
    list_awaited,
    normalize_word,
    order_judges,
)
from experiment.scoring.answer import Answer
from experiment.scoring.judge_kinds import reads_by_word
from experiment.scoring.kind_rules import find_kind_rule

if TYPE_CHECKING:
    from experiment.scoring.judge_reading import JudgeReading

_TAGS = {True: "accepted", False: "rejected", None: "none"}
_DIGITS, _NUMBERS = 16, 2**64  # of a digest that are read, and how many numbers they can be


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether a judge reads an answer.

    Attributes:
        reads: whether it does.
        weight: for how many answers its reading stands: 1, or 1/p where it was drawn with the
            chance p; 0 where it was not drawn, and those that were stand for it.
        is_outside: whether the judge reads no answers like it, so that it is no part of what the
            judge measures.
    """

    reads: bool
    weight: float = 1.0
    is_outside: bool = False


_READ, _BY_RULE = Choice(reads=True), Choice(reads=False)
_NOT_DRAWN, _OUTSIDE = Choice(reads=False, weight=0.0), Choice(reads=False, is_outside=True)


class AnswerPlace(NamedTuple):  # one for each answer
    """Where an answer stands.

    Attributes:
        levels: factor -> level, of its condition.
        request: the id of the request that it answers.
    """

    levels: Mapping[str, str]
    request: str


def choose_reading(
    judge: Judge,
    answer: Answer,
    answer_format: AnswerFormat,
    place: AnswerPlace,
    says: Callable[[str, Sequence[str]], bool | None],
) -> Choice | None:
    """Return whether a judge reads an answer; None where that is not known yet.

    Args:
        judge: of the experiment.
        answer: of a subject, of any kind.
        answer_format: of the experiment.
        place: of the answer.
        says: returns whether another judge says one of these words of the answer; None where that
            is not known yet.
    """
    when, is_judged = judge.when, find_kind_rule(answer, answer_format) == "judged"
    if not isinstance(when, Selection):
        return _READ if is_judged and reads_by_word(when, answer) else _BY_RULE
    if not is_judged:
        return _BY_RULE if measures_unread(when, place.levels) else _OUTSIDE
    holds = (
        when.has_parts
        and (when.kind is None or answer.kind.value in when.kind)
        and (when.proxy is None or _TAGS[answer.accepted] in when.proxy)
        and when.holds_in(place.levels)
    )
    if holds and when.judge is not None:
        found = [says(name, words) for name, words in when.judge.items()]
        if None in found and False not in found:
            return None
        holds = all(found)
    return _READ if holds else _choose_rest(judge, when, answer, place)


def _choose_rest(judge: Judge, when: Selection, answer: Answer, place: AnswerPlace) -> Choice:
    """Return whether an answer is read of which not all parts hold."""
    if when.rest is not None:
        return Choice(reads=True, weight=1 / when.rest) if is_drawn(judge, place) else _NOT_DRAWN
    is_by_tag = when.proxy is not None and _TAGS[answer.accepted] not in when.proxy
    return _BY_RULE if is_by_tag and measures_unread(when, place.levels) else _OUTSIDE


def measures_unread(when: Selection, levels: Mapping[str, str]) -> bool:
    """Return whether what is not judged counts in what a judge measures.

    A refusal counts by its kind or its tag, as with `when: accepted`, unless the judge measures
    other answers alone: those of another condition, those that refuse, or those of which another
    judge says something.

    Args:
        when: of the judge.
        levels: factor -> level, of the answer's condition.
    """
    if when.rest is not None:
        return True
    by_proxy = when.proxy is None or "accepted" in when.proxy
    by_kind = when.kind is None or "text" in when.kind
    return by_proxy and by_kind and when.judge is None and when.holds_in(levels)


def says_any(judge: Judge, reading: JudgeReading, words: Sequence[str]) -> bool:
    """Return whether a judge's reading says one of these: words of any judge, or values of its own.

    Of several votes it says what more than half of them say, by the judge's own rule; of labels,
    the one that most of them give.
    """
    return any(_says(judge, reading, normalize_word(word)) for word in words)


def _says(judge: Judge, reading: JudgeReading, word: str) -> bool:
    form = judge.form
    own, positive = (set(map(normalize_word, each)) for each in (form.values, form.positive))
    if word == MISSING and word not in own:
        return reading.votes == 0
    if form.labels and word in own:
        return normalize_word(reading.label) == word
    if reading.value is None:
        return False
    is_turned = form.means == REFUSAL  # then its value is that of compliance
    is_positive = (1 - reading.value if is_turned else reading.value) > 1 / 2
    if word in own:
        return (word in positive) is is_positive
    return word == (POSITIVE if is_positive else NEGATIVE)


def list_possible_readers(judges: Sequence[Judge], place: AnswerPlace) -> list[Judge]:
    """Return the judges that may read an answer that is not known yet.

    A judge may not in a condition that it does not name, unless it draws the answer, nor where a
    judge that it waits for may not.
    """
    waits = any(list_awaited(judge) for judge in judges)
    possible: set[str] = set()
    for judge in order_judges(judges) if waits else judges:
        when = judge.when
        if (
            not isinstance(when, Selection)
            or is_drawn(judge, place)
            or (
                when.has_parts
                and when.holds_in(place.levels)
                and possible.issuperset(when.waits_for)
            )
        ):
            possible.add(judge.name)
    return [judge for judge in judges if judge.name in possible]


def may_read_in(judge: Judge, levels: Mapping[str, str]) -> bool:
    """Return whether a judge names a condition with these levels, or none."""
    return not isinstance(judge.when, Selection) or judge.when.holds_in(levels)


def may_read_kind(judge: Judge, answer: Answer, answer_format: AnswerFormat) -> bool:
    """Return whether a judge may read answers like this one, in conditions that it names."""
    is_judged = find_kind_rule(answer, answer_format) == "judged"
    return is_judged and (isinstance(judge.when, Selection) or reads_by_word(judge.when, answer))


def depends_on_answer(judge: Judge, place: AnswerPlace) -> bool:
    """Return whether only the answer, or what is said of it, decides that a judge reads it.

    That most answers have a text is taken for granted.
    """
    when = judge.when
    if not isinstance(when, Selection):
        return when in {"not-refused", "accepted"}
    by_kind = when.kind is not None and "text" not in when.kind
    return (by_kind or when.proxy is not None or when.judge is not None) and not is_drawn(
        judge, place
    )


def is_drawn(judge: Judge, place: AnswerPlace) -> bool:
    """Return whether a judge reads an answer whatever it is, because it draws it."""
    when = judge.when
    return isinstance(when, Selection) and (
        when.rest is not None and is_of_sample(place.request, judge.name, when.rest)
    )


def is_of_sample(request: str, judge: str, share: float) -> bool:
    """Return whether a request is of the share that is drawn for a judge.

    A request that is of one share is of every larger one, so that raising it judges more answers
    and takes none back.
    """
    digest = hashlib.sha256(f"{len(request)} {request} {judge}".encode()).hexdigest()
    return int(digest[:_DIGITS], 16) < share * _NUMBERS
