"""Judge words: what a judge's reading is called, and which words it answers to."""

from __future__ import annotations

from experiment.definition import DEFAULT_VERDICT, Judge
from experiment.scoring import JudgeReading

MISSING, NOT_DRAWN = "missing", "not drawn"
_REFUSAL = "refusal"
# What a judge's verdict means -> what it says of an answer above one half, and below.
_WORDS = {
    _REFUSAL: ("complied", "refused"),
    "compliance": ("complied", "refused"),
}


def name_reading(judge: Judge, reading: JudgeReading) -> str:
    """Return in a word what a judge says of an answer, by more than half of its votes."""
    if own := _find_label(judge, reading):
        return own
    if reading.value is None:
        return MISSING if reading.weight else NOT_DRAWN
    above, below = _WORDS.get(_find_meaning(judge), ("positive", "negative"))
    return above if reading.value > 1 / 2 else below


def says_word(judge: Judge, reading: JudgeReading, word: str) -> bool:
    """Return whether a judge says a word of an answer.

    Args:
        judge: of the experiment.
        reading: of the answer.
        word: `positive` or `negative`, as the judge's own verdict is; `missing`; what
            `name_reading` calls it; or a value or label of its verdict.
    """
    wanted = word.strip().lower()
    if reading.value is None and not _find_label(judge, reading):
        return wanted == (MISSING if reading.weight else NOT_DRAWN)
    return wanted in _list_words(judge, reading)


def list_known_words(judge: Judge) -> list[str]:
    """Return the words that a judge may say of an answer."""
    form = judge.verdict or DEFAULT_VERDICT
    own = [str(each) for each in (*getattr(form, "labels", ()), *form.positive, *form.negative)]
    words = [*_WORDS.get(_find_meaning(judge), ()), "positive", "negative", MISSING, *own]
    return list(dict.fromkeys(words))


def _list_words(judge: Judge, reading: JudgeReading) -> set[str]:
    words = {name_reading(judge, reading).lower()}
    if reading.value is None:
        return words
    is_above = reading.value > 1 / 2
    above, below = _WORDS.get(_find_meaning(judge), ("positive", "negative"))
    is_positive = is_above is (_find_meaning(judge) != _REFUSAL)
    form = judge.verdict or DEFAULT_VERDICT
    own = () if getattr(form, "labels", ()) else form.positive if is_positive else form.negative
    words |= {above if is_above else below, "positive" if is_positive else "negative"}
    return words | {str(each).lower() for each in own}


def _find_meaning(judge: Judge) -> str:
    return str((judge.verdict or DEFAULT_VERDICT).means)


def _find_label(judge: Judge, reading: JudgeReading) -> str:
    """Return the label of a judge that gives free ones; empty for any other judge."""
    has_labels = bool(getattr(judge.verdict, "labels", ()))
    return str(getattr(reading, "label", "")) if has_labels else ""
