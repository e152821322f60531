"""The table of designs: for each choice of models and cells, what a budget can show.

A choice is what an experiment file can ask for: some models, at one level of the other factors or
at all of them, with the same queries and samples everywhere. The gaps of all of its cells stand
together in the report, so they are corrected for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from estimator.design.cell_costs import CellCost
from estimator.design.choice import Design, JobCost, choose_design, find_cheapest_design
from estimator.design.outcomes import Outcomes, combine_outcomes
from estimator.design.power import find_floor
from estimator.wall_time import CallLoad, WallTime, hours_to_json
from experiment.definition import Target

QUERY_COUNTS = (60, 100, 300)  # beside what the experiment has, and as many as are wanted


@dataclass(frozen=True, slots=True)
class Choice:
    """Which models and cells a design asks.

    Attributes:
        cells: what each of them costs.
        outcomes: how answers vary in them.
        pairs: how many gaps each cell has.
    """

    cells: tuple[CellCost, ...]
    outcomes: Outcomes
    pairs: int = 1

    @property
    def models(self) -> tuple[str, ...]:
        """The models, as the experiment writes them."""
        return tuple(dict.fromkeys(each.model for each in self.cells))

    @property
    def within(self) -> tuple[str, ...]:
        """The cells of the other factors."""
        return tuple(dict.fromkeys(each.within for each in self.cells))

    @property
    def gaps(self) -> int:
        """How many gaps stand together."""
        return len(self.cells) * self.pairs

    @property
    def likely(self) -> float:
        """What one sample of a query likely costs in all cells, in US dollars."""
        return sum(each.likely for each in self.cells)

    @property
    def range_factor(self) -> float:
        """How many times the likely cost it is at most, in 95 % of cases."""
        return sum(each.high for each in self.cells) / self.likely

    def list_loads(self, design: Design) -> list[CallLoad]:
        """Return the calls that a design asks of each model, judges included."""
        size = design.queries * design.samples
        return [load.times(size) for cell in self.cells for load in cell.loads]

    def plan_money(self, budget: float) -> float:
        """Return what a design may likely cost, so that 95 % of them cost less than a budget."""
        return budget / self.range_factor


@dataclass(frozen=True, slots=True)
class Wish:
    """What a design is to do: stay within a budget in US dollars, or show a gap from 0 to 1."""

    budget: float | None = None
    gap: float | None = None

    def find_design(self, choice: Choice, queries: int | None, target: Target) -> Design | None:
        """Return the best design of a choice; None where there is none.

        Args:
            choice: the models and cells.
            queries: how many there are; None for as many as are wanted.
            target: what the result is about.
        """
        cost, variance = JobCost(choice.likely), choice.outcomes.variance
        if self.gap is not None:
            return find_cheapest_design(variance, cost, self.gap, queries, target, choice.gaps)
        money = choice.plan_money(self.budget or 0.0)
        return choose_design(variance, cost, money, queries, target, choice.gaps)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.

    Attributes:
        number: by which it is chosen, from 1.
        choice: the models and cells.
        queries: how many there are; None for as many as are wanted.
        like_these, these: the best design for each target; None where there is none.
        floor: the gap below which so many queries like these show none; None without a limit.
    """

    number: int
    choice: Choice
    queries: int | None
    like_these: Design | None
    these: Design | None
    floor: float | None

    def design_for(self, target: Target) -> Design | None:
        """Return the design for a target."""
        return self.like_these if target is Target.LIKE_THESE else self.these

    def to_json(self, find_time: Callable[[Choice, Design], WallTime]) -> dict[str, Any]:
        """Return the row as JSON; money in US dollars, gaps from 0 to 1.

        Args:
            find_time: returns how long a design takes.
        """
        return {
            "row": self.number,
            "models": list(self.choice.models),
            "within": list(self.choice.within),
            "gaps": self.choice.gaps,
            "queries": self.queries,
            "like_these": _design_json(self.like_these, self.choice, find_time),
            "these": _design_json(self.these, self.choice, find_time),
            "floor": self.floor,
        }


def list_choices(
    cells: Sequence[CellCost], outcomes: dict[tuple[str, str], Outcomes], pairs: int
) -> Iterator[Choice]:
    """Yield each cell of each model alone, each model in all of its cells, and all models.

    Args:
        cells: of all models.
        outcomes: of each model and cell.
        pairs: how many gaps each cell has.
    """
    models = list(dict.fromkeys(each.model for each in cells))
    own = [tuple(each for each in cells if each.model == model) for model in models]
    groups = [group for each in own for group in (*((cell,) for cell in each), each)]
    if len(models) > 1:
        groups += [
            tuple(cell for cell in cells if cell.within == within)
            for within in dict.fromkeys(cell.within for cell in cells)
        ]
        groups.append(tuple(cells))
    for group in dict.fromkeys(groups):
        found = [outcomes[each.model, each.within] for each in group]
        yield Choice(group, combine_outcomes(found), pairs)


def build_rows(choices: Sequence[Choice], wish: Wish, queries: int) -> tuple[Row, ...]:
    """Return the table's rows.

    Args:
        choices: of models and cells.
        wish: what the designs are to do.
        queries: how many the experiment has, or will have.
    """
    counts = [*sorted({queries, *QUERY_COUNTS}), None]
    return tuple(
        _build_row(number, choice, wish, count)
        for number, (choice, count) in enumerate(product(choices, counts), start=1)
    )


def _build_row(number: int, choice: Choice, wish: Wish, queries: int | None) -> Row:
    variance, gaps = choice.outcomes.variance, choice.gaps
    return Row(
        number,
        choice,
        queries,
        wish.find_design(choice, queries, Target.LIKE_THESE),
        wish.find_design(choice, queries, Target.THESE) if queries else None,
        find_floor(variance, queries, gaps) if queries and queries > 1 else None,
    )


def _design_json(
    design: Design | None, choice: Choice, find_time: Callable[[Choice, Design], WallTime]
) -> dict[str, Any] | None:
    if design is None:
        return None
    return {
        "queries": design.queries,
        "samples": design.samples,
        "gap": design.gap,
        "likely_usd": f"{design.cost:.6f}",
        "q95_usd": f"{design.cost * choice.range_factor:.6f}",
        "hours": hours_to_json(find_time(choice, design)),
    }
