"""The work order: which subject request comes after which.

Breadth first: each query for all cells before the next query, queries in an order drawn from the
seed, a second sample only after every query had its first. Wherever the work ends, no two cells
differ by more than one request.

A sequential test looks at complete queries: there all samples of a query come before the next
query.
"""

from __future__ import annotations

import random
from array import array
from typing import NamedTuple

from experiment.definition import Experiment


class OrderedPlace(NamedTuple):
    """A subject request by its numbers, each from 0: of its cell, its query and its sample."""

    cell: int
    query: int
    sample: int


class WorkOrder:
    """The order in which an experiment's subject requests are done.

    Args:
        experiment: with the queries and how often each is asked.
        cells: how many cells it has.

    Attributes:
        count: of subject requests.
    """

    def __init__(self, experiment: Experiment, cells: int) -> None:
        spec = experiment.spec
        self._cells, self._queries, self._samples = cells, len(experiment.queries), spec.samples
        self._is_sequential = spec.sequential is not None
        self._orders: dict[str, list[int]] = {}  # of one seed
        self._ranks: dict[str, array[int]] = {}  # the same, the other way round
        self.count = self._cells * self._queries * self._samples

    def locate(self, seed: str, position: int) -> OrderedPlace:
        """Return which request stands at a position, from 0."""
        turn, cell = divmod(position, self._cells)
        if self._is_sequential:
            query, sample = divmod(turn, self._samples)
        else:
            sample, query = divmod(turn, self._queries)
        return OrderedPlace(cell, self._order_queries(seed)[query], sample)

    def find(self, seed: str, place: OrderedPlace) -> int | None:
        """Return at which position a request stands; None where there is no such request."""
        if not (0 <= place.query < self._queries and 0 <= place.sample < self._samples):
            return None
        if seed not in self._ranks:
            ranks = array("q", bytes(8 * self._queries))
            self._ranks = {seed: ranks}
            for rank, query in enumerate(self._order_queries(seed)):
                ranks[query] = rank
        query = self._ranks[seed][place.query]
        if self._is_sequential:
            turn = query * self._samples + place.sample
        else:
            turn = place.sample * self._queries + query
        return turn * self._cells + place.cell

    def _order_queries(self, seed: str) -> list[int]:
        """Return the query indexes in an order drawn from a seed."""
        if seed not in self._orders:
            order = list(range(self._queries))
            random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
            self._orders = {seed: order}
        return self._orders[seed]
