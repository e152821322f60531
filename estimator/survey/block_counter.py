"""Count one block of queries, in each cell of an experiment."""

from __future__ import annotations

from typing import NamedTuple

from estimator.counting import TokenCount
from estimator.survey.cell_counter import CellCounter
from estimator.survey.cell_stratum import Cell, NeedsOrderError
from estimator.workload import (
    PlannedModel,
    StratumKey,
    StratumTally,
    count_answer_occurrences,
    make_request_builder,
)
from experiment.definition import Experiment
from experiment.prompts import read_templates

# Of each cell: the digests of what its subjects send, one after the other, and the tallies.
CountedBlock = list[tuple[bytes, dict[StratumKey, StratumTally]]]


class Survey(NamedTuple):
    """What is counted: an experiment, and its planned models by the names that it writes."""

    experiment: Experiment
    models: dict[str, PlannedModel]


class BlockCounter:
    """Counts blocks of an experiment's queries, in any order.

    Args:
        survey: what is counted.
    """

    def __init__(self, survey: Survey) -> None:
        experiment, models = survey
        self.templates = read_templates(experiment, limited=True)
        self.requests = make_request_builder(experiment, models, self.templates)
        for written, condition in self.requests.cells:
            self.requests.render_subject(written, condition, 0)  # its files come before a judge's
        occurrences = count_answer_occurrences(self.requests)
        self._blanks: dict[tuple[int, int], TokenCount] = {}
        self._cells = [
            CellCounter(Cell(self.requests, models, occurrences, written, condition, self._blanks))
            for written, condition in self.requests.cells
        ]
        for cell in self._cells:
            cell.count(0, 1)  # which reads the files that every query needs
        self._files = self.templates.file_count

    def count(self, start: int, stop: int) -> CountedBlock:
        """Count the queries from `start` to before `stop` in each cell.

        Raises:
            NeedsOrderError: one of the requests may be refused, or their order may matter.
        """
        self._blanks.clear()
        counted = [cell.count(start, stop) for cell in self._cells]
        if self.templates.is_heavy or self.templates.file_count != self._files:
            raise NeedsOrderError
        return counted
