"""Gathered calls: the answered calls of a run, put together by what they are answers to.

A call is all that a request took: an answer that was written in several turns is one, and so is a
request that was asked again because its first answer was none.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from estimator.forecast import MeasuredCalls
from estimator.workload import StratumKey
from experiment.definition import SUBJECT
from experiment.scoring import LENGTH
from runner.errors import BadRun
from runner.forecasting.blank_prompts import BlankPrompts
from runner.forecasting.call_tokens import CallReader, CallTokens, CountBlank
from runner.ledger import BilledCall
from runner.run_folder import RunFolder

BASIS = "pilot"  # of what is the study's own

Ints = NDArray[np.int64]


class CallColumns:
    """The calls of a stratum, column by column."""

    def __init__(self) -> None:
        self._done = array("q")  # the query of each answered request
        self._queries, self._output = array("q"), array("q")
        self._answer_input, self._is_cut = array("d"), array("b")

    def add(self, query: int, measured: Sequence[tuple[BilledCall, CallTokens]]) -> None:
        """Add an answered request with those of its calls that say how long an answer is."""
        self._done.append(query)
        if not measured:
            return
        self._queries.append(query)
        self._output.append(sum(tokens.output for _, tokens in measured))
        self._answer_input.append(sum(tokens.answer_input for _, tokens in measured))
        # One that was cut off may go on in another turn, and end there.
        self._is_cut.append(measured[-1][0].finish == LENGTH)

    def count_answered(self, size: int) -> Ints:
        """Return how many requests of each query are answered; shape (P,), for P queries."""
        return np.bincount(_to_ints(self._done), minlength=size)

    def measure(self, limit: int) -> MeasuredCalls | None:
        """Return the calls that say how long an answer is; None where none does.

        Args:
            limit: the most output tokens that each was sent with.
        """
        number = len(self._queries)
        if not number:
            return None
        return MeasuredCalls(
            queries=_to_ints(self._queries),
            output=_to_ints(self._output),
            answer_input=np.array(self._answer_input, dtype=np.float64),
            limits=np.full(number, limit),
            is_cut=np.array(self._is_cut, dtype=np.bool_),
            basis=BASIS,
            source=f"{number:,} answer{'s' * (number != 1)} of this study",
        )


class GatheredCalls:
    """The calls of a run, gathered job by job.

    Args:
        run_folder: of the run.

    Attributes:
        strata: stratum -> its calls.
    """

    def __init__(self, run_folder: RunFolder) -> None:
        self._path, self._size = run_folder.path, len(run_folder.queries)
        self._reader = CallReader(run_folder.highest_cards(), _make_blank_count(run_folder))
        self.strata: defaultdict[StratumKey, CallColumns] = defaultdict(CallColumns)

    def add_job(self, calls: Iterable[BilledCall]) -> None:
        """Add the answered calls of a job.

        Raises:
            BadRun: they are of a query that the run does not have.
        """
        requests: dict[tuple[str, int], list[BilledCall]] = {}
        for call in calls:
            vote = 0 if call.stage == SUBJECT else call.vote
            requests.setdefault((call.stage, vote), []).append(call)
        for tries in requests.values():
            self._add_request(tries)

    def _add_request(self, tries: list[BilledCall]) -> None:
        first = tries[0]
        if not 0 <= first.query < self._size:
            raise BadRun(
                f"{self._path}: its ledger has an answer to query {first.query} of {self._size}; "
                "it was changed by something else"
            )
        read = ((each, self._reader.read(each)) for each in tries)
        measured = [(each, tokens) for each, tokens in read if tokens is not None]
        key = StratumKey(first.stage, first.model, first.condition)
        self.strata[key].add(first.query, measured)


def _make_blank_count(run_folder: RunFolder) -> CountBlank:
    """Return what counts a judge's blank prompt; where an earlier version kept no texts, none."""
    known: list[BlankPrompts | None] = []

    def count_blank(key: StratumKey, query: int) -> float:
        if not known:
            try:
                known.append(BlankPrompts(run_folder.request_builder(), run_folder.plan.models))
            except BadRun:
                known.append(None)
        return known[0].count(key, query) if known[0] is not None else float("inf")

    return count_blank


def _to_ints(values: array[int]) -> Ints:
    return np.array(values, dtype=np.int64)
