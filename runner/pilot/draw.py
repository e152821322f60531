"""The draw of a pilot: which queries each stratum is asked first.

Drawn for each model and condition by itself, so that the mean lengths of two of them do not err
together. The plan decides the draw, so a pilot that is run again asks the same queries.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from experiment.prompts import RequestBuilder


@dataclass(frozen=True, slots=True)
class PilotDraw:
    """The queries of each cell in the order in which a pilot asks them, one sample of each.

    Attributes:
        orders: for each cell of `RequestBuilder.cells` a permutation of the plan's queries, as
            turns in the order of work.
        samples: how many of each query the plan has, of which a pilot asks for the first.
    """

    orders: tuple[Sequence[int], ...]
    samples: int = 1

    @property
    def query_count(self) -> int:
        """How many queries each cell has."""
        return len(self.orders[0])

    @property
    def job_count(self) -> int:
        """How many jobs the plan has."""
        return self.query_count * len(self.orders) * self.samples

    def list_places(self, first: int, last: int) -> list[int]:
        """Return the places of the jobs from the first-th query of each cell up to the last-th.

        Breadth first: each cell's next query before any cell's query after that.
        """
        cells = len(self.orders)
        return [
            order[number] * cells + cell
            for number in range(first, last)
            for cell, order in enumerate(self.orders)
        ]


def draw_queries(requests: RequestBuilder, seed: str) -> PilotDraw:
    """Draw the order of the queries of each cell.

    Args:
        requests: of the plan.
        seed: of its order of work.
    """
    number, samples = len(requests.experiment.queries), requests.experiment.spec.samples
    seeds = (f"pilot {seed} {model} {each.name}" for model, each in requests.cells)
    return PilotDraw(tuple(_shuffle(number, each) for each in seeds), samples)


def _shuffle(count: int, seed: str) -> Sequence[int]:
    turns = list(range(count))
    random.Random(seed).shuffle(turns)  # noqa: S311 - a sample, not a secret
    return tuple(turns)
