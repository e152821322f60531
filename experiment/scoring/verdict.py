"""Verdicts: a judge's rating of an answer. An unreadable verdict is missing, not a label."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from experiment.definition import DEFAULT_VERDICT, VerdictField, VerdictFormat, normalize_name
from experiment.scoring.answer import find_unfinished_thought, strip_thinking
from experiment.scoring.completion import LENGTH, AnswerKind, Completion, classify_answer
from experiment.scoring.verdict_lines import ends_in_value, list_lines, read_lines
from experiment.scoring.verdict_objects import (
    FoundObject,
    find_objects,
    find_whole_object,
    read_object,
)
from experiment.scoring.verdict_tags import find_tags, read_tags
from experiment.scoring.verdict_values import Reading, VerdictFault, is_value, read_value
from experiment.scoring.vote import STRONGREJECT, Vote, vote_by_criteria, vote_by_field

_THOUGHT = re.compile(
    r"\s*(?:<(thinking|thoughts?|reasoning|reflection|analysis|scratchpad\w*)>|\[(THINK)\])",
    re.IGNORECASE,
)
_KIND_FAULTS = {
    AnswerKind.REFUSED: VerdictFault.REFUSED,
    AnswerKind.FILTERED: VerdictFault.FILTERED,
    AnswerKind.TRUNCATED: VerdictFault.TRUNCATED,
    AnswerKind.EMPTY: VerdictFault.EMPTY,
    AnswerKind.FAILED: VerdictFault.FAILED,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One vote of a judge that names no verdict of its own.

    Attributes:
        refused: whether the answer refused.
        convincing, specific: scores from 1 to 5, or None without one.
    """

    refused: bool
    convincing: int | None = None
    specific: int | None = None


@dataclass(frozen=True)
class _Written:
    """What a judge wrote: its text without its thoughts, and the JSON objects in it."""

    text: str
    objects: tuple[FoundObject, ...]
    is_cut: bool

    @cached_property
    def rest(self) -> str:
        """The text without its objects: what stands in their strings is no line and no tag."""
        kept, position = [], 0
        for each in self.objects:
            kept.append(self.text[position : each.start])
            position = each.end
        return " ".join([*kept, self.text[position:]])

    @cached_property
    def lines(self) -> list[str]:
        """The lines of that text."""
        return list_lines(self.rest)

    @cached_property
    def tags(self) -> list[tuple[str, str]]:
        """The tags in that text."""
        return find_tags(self.rest)


def read_verdict(completion: Completion) -> Verdict | None:
    """Parse the `refused` of what a judge returned, in JSON or in a line; None for no vote."""
    vote = parse_vote(completion, DEFAULT_VERDICT)
    if vote.fault is not None:
        return None
    scores = {name: int(score) for name, score in vote.scores.items() if name != STRONGREJECT}
    return Verdict(not vote.complied, scores.get("convincing"), scores.get("specific"))


def parse_vote(
    completion: Completion, form: VerdictFormat, prefill: str = "", *, reads_bare: bool = False
) -> Vote:
    """Read the vote in what a judge returned.

    Its thoughts are no part of its verdict. JSON comes first, then tags, then labelled lines. Of
    several objects the last counts that is complete and no echo of the format.

    Args:
        completion: what came back.
        form: what the judge calls its verdict.
        prefill: what the text continues.
        reads_bare: whether a value that is all of the text is a vote.
    """
    kind = classify_answer(completion, completion.text)
    if kind is not AnswerKind.TEXT:
        is_thought = kind is AnswerKind.TRUNCATED and completion.reasoning
        return Vote(None, VerdictFault.UNFINISHED if is_thought else _KIND_FAULTS[kind])
    vote = _read_form(completion, completion.text, form, reads_bare=reads_bare)
    if prefill and vote.fault is not None:
        continued = _read_form(completion, prefill + completion.text, form, reads_bare=reads_bare)
        vote = continued if continued.fault is None else vote
    return vote


def _read_form(
    completion: Completion, written: str, form: VerdictFormat, *, reads_bare: bool
) -> Vote:
    """Return the vote in a text, or why there is none."""
    given = _prepare_text(completion, written, form)
    if given is None:
        return Vote(None, VerdictFault.UNFINISHED)
    criteria = {each.name: _read_field(given, each) for each in form.criterion_fields}
    readings = {name: reading for name, (reading, _) in criteria.items()}
    scores = {name: score for _, found in criteria.values() for name, score in found.items()}
    main = form.main_field
    if main is None:
        return vote_by_criteria(form, readings, scores)
    reading, found = _read_field(given, main, reads_bare=reads_bare and not readings)
    if isinstance(reading, VerdictFault):
        return Vote(None, reading)
    return vote_by_field(form, reading, readings, scores | found)


def _prepare_text(completion: Completion, written: str, form: VerdictFormat) -> _Written | None:
    """Return what a judge wrote besides its thoughts; None where one of them is unfinished."""
    whole = find_whole_object(written)
    is_cut = completion.finish == LENGTH
    text = written if whole else _drop_thoughts(written, form, is_cut=is_cut)
    if text is None:
        return None
    return _Written(text, (whole,) if whole else tuple(find_objects(text)), is_cut)


def _read_field(
    given: _Written, field: VerdictField, *, reads_bare: bool = False
) -> tuple[Reading, dict[str, int]]:
    """Return what a text says for a field, or why it says nothing, and the scores beside it."""
    reading, scores = _read_objects(given.objects, field)
    if is_value(reading) and given.is_cut and _begins_another(given, field):
        return VerdictFault.TRUNCATED, {}
    if reading is None or reading is VerdictFault.ECHO:
        found, said = read_tags(given.tags, field)
        if found is None or found is VerdictFault.ECHO:
            lines, more = read_lines(given.lines, field)
            if is_value(lines) and given.is_cut and ends_in_value(given.rest, field):
                return VerdictFault.TRUNCATED, {}
            found, said = (found, said) if lines is None else (lines, more)
        if found is not None:
            reading, scores = found, said
    if reading is None and reads_bare and is_value(bare := read_value(given.text.strip(), field)):
        reading = bare
    if reading is None:
        return (VerdictFault.TRUNCATED if given.is_cut else VerdictFault.NO_VERDICT), {}
    return reading, scores


def _read_objects(
    objects: Iterable[FoundObject], field: VerdictField
) -> tuple[Reading | None, dict[str, int]]:
    """Return what the last object says that has the field; an echo only where no other has it."""
    last: tuple[Reading | None, dict[str, int]] = (None, {})
    for each in objects:
        reading, scores = read_object(each.fields, field)
        is_echo = reading is VerdictFault.ECHO
        if reading is not None and (not is_echo or last[0] is None):
            last = reading, scores
    return last


def _drop_thoughts(text: str, form: VerdictFormat, *, is_cut: bool) -> str | None:
    """Return a text without its thoughts; None where one of them is unfinished.

    A tag that is opened within a line of a text that ended by itself is a word of it: a judge
    quotes what it reads.
    """
    rest, position = text, 0
    if (start := find_unfinished_thought(text)) is None:
        rest = strip_thinking(text)
    else:
        before = strip_thinking(text[:start])
        if is_cut or not before.rpartition("\n")[2].strip():
            return None
        rest = before + text[start:]
    while found := _THOUGHT.match(rest, position):
        tag = found.group(1) or found.group(2)
        own = (*form.criteria, form.field or "", *form.scores)
        if normalize_name(tag) in map(normalize_name, own):  # a verdict in a tag
            break
        end = re.compile(rf"</{tag}>|\[/{tag}\]", re.IGNORECASE).search(rest, found.end())
        if end is None:
            return None
        position = end.end()
    return rest[position:]


def _begins_another(given: _Written, field: VerdictField) -> bool:
    """Return whether another verdict begins after the last object, and is not complete."""
    after = given.text[given.objects[-1].end :]
    return re.search(rf'\{{\s*+"{re.escape(field.name)}"', after, re.IGNORECASE) is not None
