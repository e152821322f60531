"""Selections: which answers a judge reads, as a word or as parts that must all hold.

    when: {proxy: accepted, condition: {tier: [free]}, judge: {compliance: positive}, rest: 10%}

`rest` is the share of all other answers that the judge reads too, drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

WHEN_TAGS = ("[word]", "[mapping]")  # in the place of an error, of which no file knows
_PARTS = ("kind", "proxy", "condition", "judge")


def _list_words(given: object) -> object:
    """Return one word, or several, as a list of texts; numbers and booleans as JSON has them."""
    words = given if isinstance(given, list | tuple) else [given]
    return [
        str(word).lower() if isinstance(word, bool) else str(word) if _is_plain(word) else word
        for word in words
    ]


def _is_plain(word: object) -> bool:
    return isinstance(word, int | float | str)


def _read_share(given: object) -> object:
    """Return a share that is written as a number or in percent, such as `0.1` and `10%`.

    Raises:
        ValueError: it is none, or not between 0 and 1.
    """
    if given is None:
        return None
    share = math.nan
    if isinstance(given, int | float | str) and not isinstance(given, bool):
        text = str(given).strip()
        with suppress(ValueError):
            share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if not 0 <= share <= 1:
        raise ValueError("expected a share of the other answers, such as 10% or 0.1")
    return share or None  # none of them are read: as if it were not named


_Words = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
    BeforeValidator(_list_words),
    Field(min_length=1, max_length=100),
]
_Kind = Literal["text", "refused", "filtered", "truncated", "empty"]
_Tag = Literal["accepted", "rejected", "none"]


class Selection(BaseModel):
    """Which answers a judge reads: those of which all named parts hold, and some of the rest.

    Attributes:
        kind: the answer's kind is one of these.
        proxy: its tag says one of these; `none`: it has neither tag.
        condition: factor -> levels, one of which its condition has.
        judge: another judge -> what it says of the answer: `positive`, `negative`, `missing`, or a
            value of its verdict.
        rest: the share of all other answers that is read as well; None for none of them. Where
            nothing else is named, it is the share of all answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    kind: Annotated[tuple[_Kind, ...], BeforeValidator(_list_words), Field(min_length=1)] | None = (
        None
    )
    proxy: Annotated[tuple[_Tag, ...], BeforeValidator(_list_words), Field(min_length=1)] | None = (
        None
    )
    condition: Annotated[dict[str, _Words], Field(min_length=1)] | None = None
    judge: Annotated[dict[str, _Words], Field(min_length=1)] | None = None
    rest: Annotated[float | None, BeforeValidator(_read_share)] = None

    @model_validator(mode="after")
    def _refuse_empty(self) -> Selection:
        if self.rest is None and not self.has_parts:
            raise ValueError(f"name at least one of {', '.join(_PARTS)}, or write `when: always`")
        return self

    @model_serializer(mode="wrap")
    def _leave_out_unnamed(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = write(self)
        return {name: given for name, given in fields.items() if given is not None}

    @property
    def has_parts(self) -> bool:
        """Whether anything but `rest` is named."""
        return any(getattr(self, part) is not None for part in _PARTS)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The judges whose verdicts must be known before it is."""
        return tuple(self.judge or ())

    def holds_in(self, levels: Mapping[str, str]) -> bool:
        """Return whether a condition with these levels is one of those that are named."""
        named = (self.condition or {}).items()
        return all(levels[factor] in allowed for factor, allowed in named)

    def __str__(self) -> str:
        """Write it as an experiment file may."""
        return _write_flow(self.model_dump())


Word = Literal["always", "answered", "not-refused", "accepted"]
When = Annotated[
    Annotated[Word, Tag(WHEN_TAGS[0])] | Annotated[Selection, Tag(WHEN_TAGS[1])],
    Discriminator(lambda given: WHEN_TAGS[isinstance(given, dict | Selection)]),
]


class SelectingJudge(Protocol):
    """What is asked here of a judge."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def when(self) -> str | Selection:
        """Which answers it reads."""
        ...


def list_awaited(judge: SelectingJudge) -> tuple[str, ...]:
    """Return the judges that a judge waits for."""
    return judge.when.waits_for if isinstance(judge.when, Selection) else ()


J = TypeVar("J", bound=SelectingJudge)


def order_judges(judges: Sequence[J]) -> tuple[J, ...]:
    """Return judges in an order in which each comes after those it waits for.

    It is the given order wherever that is possible.

    Raises:
        ValueError: a judge waits for itself, or judges wait for each other.
    """
    ordered: dict[str, J] = {}
    left = list(judges)
    while left:
        ready = [each for each in left if ordered.keys() >= set(list_awaited(each))]
        if not ready:
            raise ValueError(_describe_circle(left))
        ordered[ready[0].name] = ready[0]
        left.remove(ready[0])
    return tuple(ordered.values())


def count_waits(judges: Sequence[SelectingJudge]) -> dict[str, int]:
    """Return how many stages must have ended before each judge reads: 1 for the answers alone."""
    stages: dict[str, int] = {}
    for judge in order_judges(judges):
        stages[judge.name] = 1 + max((stages[each] for each in list_awaited(judge)), default=0)
    return stages


def find_selection_faults(
    judges: Sequence[SelectingJudge],
    factors: Mapping[str, Mapping[str, object]],
    words: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """Yield what is wrong with the selections of an experiment's judges.

    Args:
        judges: of the experiment.
        factors: of the experiment, each with its levels.
        words: judge -> what a selection may name of what it says.
    """
    known = [judge.name for judge in judges]
    faults: list[str] = []
    for judge in judges:
        if isinstance(judge.when, Selection):
            named = _find_unknown_levels(judge.when, factors), _find_unknown_words(judge, words)
            faults += [f"{judge.name}.when.{fault}" for found in named for fault in found]
    yield from faults
    if all(set(list_awaited(judge)) <= set(known) for judge in judges):
        try:
            order_judges(judges)
        except ValueError as error:
            yield str(error)


def find_unread_kinds(judges: Iterable[SelectingJudge], judged: Collection[str]) -> Iterator[str]:
    """Yield the judges that would read nothing, because no kind that they name is judged.

    Args:
        judges: of the experiment.
        judged: the kinds of answers that are given to judges.
    """
    for judge in judges:
        if not isinstance(judge.when, Selection) or judge.when.kind is None or judge.when.rest:
            continue
        if set(judge.when.kind).isdisjoint(judged):
            kind = judge.when.kind[0]
            yield (
                f"judges: {judge.name}.when.kind: no judge is given an answer that is {kind}; to "
                f"have it judged, write `answer: {{{kind}: judged}}`"
            )


def _find_unknown_levels(
    when: Selection, factors: Mapping[str, Mapping[str, object]]
) -> Iterator[str]:
    for factor, levels in (when.condition or {}).items():
        if factor not in factors:
            listed = ", ".join(factors) or "none"
            yield f"condition: {factor!r} is not a factor; factors: {listed}"
            continue
        for level in levels:
            if level not in factors[factor]:
                listed = ", ".join(factors[factor])
                yield f"condition.{factor}: {level!r} is not a level; levels: {listed}"


def _find_unknown_words(judge: SelectingJudge, words: Mapping[str, Sequence[str]]) -> Iterator[str]:
    when = judge.when
    assert isinstance(when, Selection)  # noqa: S101 - words name no judges
    for other, said in (when.judge or {}).items():
        if other not in words:
            listed = ", ".join(name for name in words if name != judge.name) or "none"
            yield f"judge: {other!r} is not a judge; other judges: {listed}"
            continue
        for word in said:
            if word.lower() not in {each.lower() for each in words[other]}:
                listed = ", ".join(words[other])
                yield f"judge.{other}: {word!r} is nothing that it says; it says: {listed}"


def _describe_circle(judges: Sequence[SelectingJudge]) -> str:
    """Say which of judges that all wait wait for each other."""
    awaited = {judge.name: list_awaited(judge) for judge in judges}
    path = [judges[0].name]
    while path[-1] not in path[:-1]:
        path.append(next(name for name in awaited[path[-1]] if name in awaited))
    circle = path[path.index(path[-1]) :]
    if len(circle) == 2:  # noqa: PLR2004 - itself, and itself again
        return f"{circle[0]}.when.judge: a judge cannot wait for itself"
    return f"{circle[0]}.when.judge: judges wait for each other: {' -> '.join(circle)}"


def _write_flow(given: object) -> str:
    """Write plain values as YAML does in one line."""
    match given:
        case dict():
            return "{" + ", ".join(f"{k}: {_write_flow(v)}" for k, v in given.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_write_flow, given)) + "]"
        case float():
            return f"{given:.6g}"
    return str(given)
