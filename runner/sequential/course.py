"""The course of a sequential test: complete queries up to the next look, which is then taken.

A look is taken only when every job before it is done or given up and none is open, because answers
that come first are short ones, and differ from the others. A model whose gap is shown is asked
nothing more; where all are, there is no other block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from experiment.prompts import RequestBuilder
from runner.sequential.recorded_looks import RecordedLooks

if TYPE_CHECKING:
    from runner.execution import Cells, StopReason

# Takes the next look, records it, and returns all looks so far.
TakeLook = Callable[[RecordedLooks], RecordedLooks]


class SequentialCourse:
    """The blocks of a plan with a sequential test, for a single process.

    Args:
        requests: builds the jobs, query by query.
        recorded: the looks so far.
        take_look: takes the next one; called in another thread.
    """

    def __init__(
        self, requests: RequestBuilder, recorded: RecordedLooks, take_look: TakeLook
    ) -> None:
        self.recorded = recorded
        self._requests = requests
        self._take_look = take_look
        self._end = 0  # of the blocks so far, a place in the order of work

    def next_block(self) -> Sequence[int]:
        """Take the look after this block, and return the places up to the one after it.

        Raises:
            LedgerError: the look cannot be recorded.
        """
        # The first block is all up to the first look that is not done, after a resumption as well.
        if self._end and self.recorded.next_place is not None:
            self.recorded = self._take_look(self.recorded)
        first, self._end = self._end, self._find_end()
        return range(first, self._end)

    def find_ended_cells(self) -> Cells:
        """Return the cells of models whose gap is shown."""
        shown = self.recorded.shown
        return frozenset(n for n, (model, _) in enumerate(self._requests.cells) if model in shown)

    def describe_end(self) -> tuple[StopReason, str]:
        """Return that all of the plan is done, or that the gaps of all models were shown before."""
        from runner.execution import StopReason  # noqa: PLC0415 - reports send nothing, nor load it

        if not self.recorded.stopped_early:
            return StopReason.COMPLETE, ""
        return StopReason.SHOWN, "\n".join(self.recorded.describe_stops())

    def _find_end(self) -> int:
        """Return the first place after the next look or, where there is none, after all jobs."""
        queries = self.recorded.next_place
        if queries is None:
            return self._requests.subject_count
        return queries * len(self._requests.cells) * self._requests.experiment.spec.samples
