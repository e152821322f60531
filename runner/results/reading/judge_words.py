"""Judge words: what a judge's reading is called, and which words it answers to."""

from __future__ import annotations

from collections.abc import Mapping

from experiment.definition import MISSING, NEGATIVE, POSITIVE, Judge
from experiment.scoring import JudgeReading, Vote, says_any

NOT_DRAWN, NOT_ASKED = "not drawn", "not asked"


def name_reading(judge: Judge, reading: JudgeReading) -> str:
    """Return in a word what a judge says of an answer, by more than half of its votes."""
    if reading.label and judge.form.labels:
        return reading.label
    if reading.value is None:
        if reading.is_outside:
            return NOT_ASKED
        return MISSING if reading.weight else NOT_DRAWN
    above, below = _name_sides(judge)
    return above if reading.value > 1 / 2 else below


def name_vote(judge: Judge, vote: Vote) -> str:
    """Return in a word what one vote says, a share or a number as such; empty where it is none."""
    if judge.form.labels or vote.value is None:
        return vote.label
    if judge.form.is_graded:
        return _write_grade(judge, vote.value, vote.scores)
    above, below = _name_sides(judge)
    return above if vote.complied else below


def label_reading(judge: Judge, reading: JudgeReading) -> str:
    """Return what `name_reading` does, but of a judge that grades, the mean grade."""
    if judge.form.is_graded and reading.votes and reading.value is not None:
        return _write_grade(judge, reading.value, reading.scores)
    return name_reading(judge, reading)


def tally_votes(judge: Judge, reading: JudgeReading) -> str:
    """Return how several votes come to what a judge says; empty of a single one."""
    if reading.votes < 2:  # noqa: PLR2004 - there is nothing to count
        return ""
    if judge.form.labels and reading.label:
        return f"{reading.labels[reading.label]} of {reading.votes} votes"
    if judge.form.is_graded:
        return f"mean of {reading.votes} votes"
    return f"{reading.positive} of {reading.votes} votes {_name_sides(judge)[0]}"


def _write_grade(judge: Judge, value: float, scores: Mapping[str, float]) -> str:
    """Return a number as the judge gave it, or the share of criteria that are met."""
    return f"{scores.get(judge.form.field or '', value):z.4g}"


def says_word(judge: Judge, reading: JudgeReading, word: str) -> bool:
    """Return whether a judge says a word of an answer.

    Args:
        judge: of the experiment.
        reading: of the answer.
        word: `positive` or `negative`, as the judge's own verdict is; what `name_reading` calls
            it; or a value or label of its verdict.
    """
    wanted, name = word.strip().lower(), name_reading(judge, reading)
    if wanted == name.lower():
        return True
    return name not in (MISSING, NOT_DRAWN, NOT_ASKED) and says_any(judge, reading, [wanted])


def list_words_said(judge: Judge, reading: JudgeReading) -> list[str]:
    """Return all words that a judge says of an answer, as `says_word` takes them, in lower case."""
    known = [name_reading(judge, reading), *list_known_words(judge)]
    return list(dict.fromkeys(x.lower() for x in known if says_word(judge, reading, x)))


def list_known_words(judge: Judge) -> list[str]:
    """Return the words that a judge may say of an answer."""
    sides = [*_name_sides(judge), POSITIVE, NEGATIVE] if judge.form.has_positives else []
    words = [*sides, MISSING, *judge.form.values]
    return list(dict.fromkeys(words))


def _name_sides(judge: Judge) -> tuple[str, str]:
    """Return what a judge says of an answer whose value is above one half, and below."""
    return ("complied", "refused") if judge.form.judges_compliance else (POSITIVE, NEGATIVE)
