"""Answer sets: found answers in the places that an experiment has for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from runner.errors import BadImport
from runner.imports.formats import TIER
from runner.imports.found_answer import NO_LEVEL, FoundAnswer

_FIRST_TIERS = ("free", "paid")


@dataclass(frozen=True, slots=True)
class PlacedAnswer:
    """A found answer, and where it stands in the experiment.

    Attributes:
        found: the answer.
        condition: the levels' names, joined as an experiment does.
        query, sample: their numbers, from 0.
    """

    found: FoundAnswer
    condition: str
    query: int
    sample: int


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """All answers of an import.

    Attributes:
        models: as the files name them.
        factors: factor -> its levels.
        queries: their texts.
        samples: how many there are of a query, at most.
        answers: each in its place.
    """

    models: tuple[str, ...]
    factors: dict[str, tuple[str, ...]]
    queries: tuple[str, ...]
    samples: int
    answers: tuple[PlacedAnswer, ...]


def arrange_answers(
    found: Iterable[FoundAnswer], named: Collection[str], *, repeats_are_samples: bool = False
) -> AnswerSet:
    """Arrange found answers.

    Args:
        found: in the order of their files.
        named: factors that are kept although all answers have the same level.
        repeats_are_samples: answers to the same query in the same condition are its samples, in
            their order, where no column numbers them.

    Raises:
        BadImport: two rows contradict each other, or are of the same place; names both.
    """
    answers = list(found)
    if not answers:
        raise BadImport("there is no answer in these files")
    factors = _find_factors(answers, named)
    texts = _find_queries(answers)
    numbers = {key: number for number, key in enumerate(texts)}
    samples = _number_samples(answers)
    seen: dict[tuple[str, str, int, int], FoundAnswer] = {}
    counts: dict[tuple[str, str, int], int] = {}
    placed = []
    for each in answers:
        condition = "/".join(each.levels.get(name, NO_LEVEL) for name in factors) or "all"
        query = numbers[each.query_key]
        cell = (each.model, condition, query)
        sample = 0 if each.sample is None else samples[each.sample]
        if each.sample is None and repeats_are_samples:
            sample = counts.get(cell, 0)
            counts[cell] = sample + 1
        if earlier := seen.get((*cell, sample)):
            raise BadImport(_describe_twice(earlier, each, condition))
        seen[(*cell, sample)] = each
        placed.append(PlacedAnswer(each, condition, query, sample))
    return AnswerSet(
        tuple(dict.fromkeys(each.model for each in answers)),
        factors,
        tuple(texts.values()),
        1 + max(each.sample for each in placed),
        tuple(placed),
    )


def _find_factors(answers: list[FoundAnswer], named: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the factors that matter: those named, the tier, and those with several levels."""
    levels: dict[str, dict[str, None]] = {}
    for each in answers:
        for factor, level in each.levels.items():
            levels.setdefault(factor, {})[level] = None
    for factor, found in levels.items():
        if any(factor not in each.levels for each in answers):
            found[NO_LEVEL] = None
    kept = {}
    for factor, found in levels.items():
        is_known = set(found) != {NO_LEVEL}
        if len(found) > 1 or (is_known and (factor in named or factor == TIER)):
            first = [tier for tier in _FIRST_TIERS if factor == TIER and tier in found]
            kept[factor] = tuple(dict.fromkeys([*first, *found]))
    return kept


def _find_queries(answers: list[FoundAnswer]) -> dict[str, str]:
    """Return each query's key -> its text.

    Raises:
        BadImport: a key has two texts.
    """
    texts: dict[str, FoundAnswer] = {}
    for each in answers:
        first = texts.setdefault(each.query_key, each)
        if first.query != each.query:
            raise BadImport(
                f"{each.row}: query {each.query_key[:60]!r} is {each.query[:60]!r} here, and "
                f"{first.query[:60]!r} in {first.row}; correct one of them, or map another column "
                "to query_id"
            )
    return {key: each.query for key, each in texts.items()}


def _number_samples(answers: list[FoundAnswer]) -> dict[str, int]:
    """Return the number of each sample that the files name: by its number, or as they come."""
    names = list(dict.fromkeys(each.sample for each in answers if each.sample is not None))
    if all(name.isdecimal() for name in names):
        names.sort(key=int)
    return {name: number for number, name in enumerate(names)}


def _describe_twice(first: FoundAnswer, second: FoundAnswer, condition: str) -> str:
    is_same = (first.text, first.reasoning) == (second.text, second.reasoning)
    what = "the same answer" if is_same else "another answer"
    place = f"model {first.model}, {condition}, query {first.query_key[:60]!r}"
    if second.sample is not None:
        return (
            f"{second.row}: {what} as in {first.row} stands there for {place}, sample "
            f"{second.sample}; remove one of them"
        )
    mend = "remove one of them" if is_same else "if both count, add --samples"
    return (
        f"{second.row}: {what} {'as' if is_same else 'than'} in {first.row} for {place}; {mend}, "
        "or name the column that numbers them: --map sample=COLUMN"
    )
