"""Judge words: what a judge's reading is called, and which words it answers to."""

from __future__ import annotations

from experiment.definition import MISSING, NEGATIVE, POSITIVE, Judge
from experiment.scoring import JudgeReading, says_any

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


def list_known_words(judge: Judge) -> list[str]:
    """Return the words that a judge may say of an answer."""
    sides = _name_sides(judge) if judge.form.has_positives else ()
    words = [*sides, POSITIVE, NEGATIVE, MISSING, *judge.form.values]
    return list(dict.fromkeys(words))


def _name_sides(judge: Judge) -> tuple[str, str]:
    """Return what a judge says of an answer whose value is above one half, and below."""
    return ("complied", "refused") if judge.form.judges_compliance else (POSITIVE, NEGATIVE)
