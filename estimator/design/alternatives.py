"""Alternatives: what else the money, or the gap, could be had with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from estimator.design.cell_costs import CellCost
from estimator.design.choice import Design
from estimator.design.table import Choice, Wish
from experiment.definition import Target

_PARTS = (0.5, 0.25, 0.1)  # of the answers, that a judge may read
_WORTH_A_WORD = 0.05  # the judges' share of the cost, below which another saves next to nothing

Find = Callable[[Choice], Design | None]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another design, or what stands in its way.

    Attributes:
        what: is different.
        design: that this pays for; None where it pays for none.
        note: what it takes, or takes away.
    """

    what: str
    design: Design | None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        design = self.design
        return {
            "what": self.what,
            "queries": design and design.queries,
            "samples": design and design.samples,
            "gap": design and design.gap,
            "likely_usd": design and f"{design.cost:.6f}",
            "note": self.note,
        }


def list_alternatives(  # noqa: PLR0913 - what designs are made of, and compared with
    choices: Sequence[Choice],
    wish: Wish,
    queries: int,
    target: Target,
    batch: Sequence[CellCost] | None,
    cached: Sequence[CellCost] = (),
) -> Iterator[Alternative]:
    """Yield what else could be done than to ask everything that the experiment has.

    Args:
        choices: of models and cells, the whole experiment last.
        wish: what the designs are to do.
        queries: how many there are.
        target: what the result is about.
        batch: what the cells cost at batch prices; None where these are not known.
        cached: what they cost with `cache: auto`.
    """
    whole = choices[-1]

    def find(choice: Choice) -> Design | None:
        return wish.find_design(choice, queries, target)

    if wish.budget is not None:
        half = Wish(budget=wish.budget / 2)
        yield Alternative("half of the money", half.find_design(whole, queries, target))
    yield from _list_fewer_models(choices, find)
    yield from _list_fewer_cells(choices, find)
    yield from _list_cheaper_judges(whole, find)
    yield from _list_cached(whole, cached, find)
    if batch:
        cheaper = replace(whole, cells=tuple(batch))
        if cheaper.likely < whole.likely:
            yield Alternative("batch prices", find(cheaper), "afcost estimate --batch plans them")


def _list_cached(whole: Choice, cached: Sequence[CellCost], find: Find) -> Iterator[Alternative]:
    """Yield what the same costs with `cache: auto`, where that is less."""
    cheaper = replace(whole, cells=tuple(cached))
    if cached and cheaper.likely < whole.likely * (1 - _WORTH_A_WORD):
        saved = 1 - cheaper.likely / whole.likely
        yield Alternative("cached prompts", find(cheaper), f"`cache: auto`: {saved:.0%} less")


def _list_fewer_models(choices: Sequence[Choice], find: Find) -> Iterator[Alternative]:
    """Yield each model alone, in all cells, cheapest first."""
    whole = choices[-1]
    if len(whole.models) > 1:
        alone = [
            each
            for each in choices
            if len(each.models) == 1 and len(each.within) == len(whole.within)
        ]
        for choice in sorted(alone, key=lambda each: each.likely):
            yield Alternative(f"only {choice.models[0]}", find(choice))


def _list_fewer_cells(choices: Sequence[Choice], find: Find) -> Iterator[Alternative]:
    """Yield each cell of the other factors alone, with all models."""
    whole = choices[-1]
    if len(whole.within) > 1:
        for choice in choices:
            if len(choice.within) == 1 and choice.models == whole.models:
                yield Alternative(f"only {choice.within[0]}", find(choice))


def _list_cheaper_judges(whole: Choice, find: Find) -> Iterator[Alternative]:
    """Yield what judges would save that cost half, or that read a part of the answers."""
    judges = sum(each.judges for each in whole.cells)
    if not judges:
        return
    share = judges / whole.likely
    if share < _WORTH_A_WORD:
        yield Alternative(
            "a cheaper judge, or one that reads fewer answers",
            find(whole),
            f"saves next to nothing: the judges cost {share:.1%} of it",
        )
        return
    yield Alternative(
        "judges at half the cost",
        find(_scale_judges(whole, 0.5)),
        f"they cost {share:.0%} of it; another model, or fewer votes",
    )
    screened = {
        part: design for part in _PARTS if (design := find(_read_in_part(whole, part))) is not None
    }
    if screened:
        part = min(screened, key=lambda each: (screened[each].gap, screened[each].cost))
        yield Alternative(
            f"a judge that reads {part:.0%} of the answers",
            screened[part],
            f"`when: {{rest: {part:.0%}}}`; add `proxy: accepted` where a tag tells most of them",
        )


def _scale_judges(whole: Choice, part: float) -> Choice:
    """Return a choice whose judges cost a part of what they do."""
    saved = 1 - part
    cells = tuple(
        replace(
            cell,
            likely=cell.likely - cell.judges * saved,
            high=cell.high * (1 - cell.judges / cell.likely * saved),
            judges=cell.judges * part,
        )
        for cell in whole.cells
    )
    return replace(whole, cells=cells)


def _read_in_part(whole: Choice, part: float) -> Choice:
    """Return a choice whose judges read a part of the answers, drawn at random."""
    return replace(_scale_judges(whole, part), outcomes=whole.outcomes.read_in_part(part))
