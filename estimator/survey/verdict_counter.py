"""Count the verdicts on the answers of one cell, for each judge that may read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from estimator.counting import TokenCount
from estimator.survey.cell_stratum import (
    Cell,
    CellStratum,
    NeedsOrderError,
    PromptSum,
    count_times,
    describe_stratum,
)
from estimator.workload import StratumKey, StratumTally, bound_answer
from experiment.definition import Judge
from experiment.prompts import name_subject

_MAX_KEPT = 4096  # prefills that were looked at


@dataclass(frozen=True, slots=True)
class _Reader:
    """A judge that may read answers of the cell.

    Attributes:
        judge: as the experiment defines it.
        stratum: of its requests.
        occurrences: how often its prompt contains the answer's output, and its reasoning.
        billed, joint: how many of its votes on an answer are billed a prompt, and how many are not.
    """

    judge: Judge
    stratum: CellStratum
    occurrences: tuple[int, int]
    billed: int
    joint: int


class VerdictCounter:
    """Counts the requests of the judges of one cell.

    Args:
        cell: a model in a condition.
        subject: what the requests to that model have in common.
    """

    def __init__(self, cell: Cell, subject: CellStratum) -> None:
        self._requests, self._spec = cell.requests, cell.requests.experiment.spec
        self._condition, self._subject, self._blanks = cell.condition, subject, cell.blanks
        self._readers = {
            judge.name: _describe_reader(cell, judge)
            for judge in self._spec.judges
            if judge.name in cell.occurrences
        }
        self._draws = draws_answers(self._spec.judges)
        self._of_all = [] if self._draws else self._find_readers("")
        self._groups: dict[str, int | None] = {}
        self._answer_bounds: dict[tuple[str, str], int] = {}

    def add(self, sums: dict[str, PromptSum], query: int, content: str, prefill: str) -> None:
        """Add the requests about the answers to a query.

        Args:
            sums: judge -> what its requests add up to.
            query: that is answered.
            content: the digest of what the subject sends.
            prefill: that its answers continue.

        Raises:
            NeedsOrderError: one of them may be refused.
        """
        for readers in self._list_readings(content):
            for reader, depends in readers:
                name = reader.judge.name
                numbers = sums.get(name)
                if numbers is None:
                    numbers = sums[name] = PromptSum()
                numbers.depending += depends
                blank = self._count_blank(reader, query)
                numbers.add(blank, self._bound_answer(reader, prefill))

    def tally(self, sums: Mapping[str, PromptSum]) -> dict[StratumKey, StratumTally]:
        """Return the tallies of the judges' strata.

        Raises:
            NeedsOrderError: a prompt may not fit.
        """
        readers = ((self._readers[name], numbers) for name, numbers in sums.items())
        return {each.stratum.key: self._tally_reader(each, numbers) for each, numbers in readers}

    def _find_readers(self, job: str) -> list[tuple[_Reader, bool]]:
        """Return who may read an answer, and whether only the answer decides that."""
        found = self._requests.find_possible_readers(self._condition, job)
        if not self._readers.keys() >= {judge.name for judge, _ in found}:
            raise NeedsOrderError
        return [(self._readers[judge.name], depends) for judge, depends in found]

    def _list_readings(self, content: str) -> list[list[tuple[_Reader, bool]]]:
        """Return who may read each sample of a query; one stands for all where none is drawn.

        A drawn sample's id is that of a content that no earlier request has.
        """
        if not self._draws:
            return [self._of_all]
        return [
            self._find_readers(name_subject(content, sample, 0))
            for sample in range(self._spec.samples)
        ]

    def _count_blank(self, reader: _Reader, query: int) -> TokenCount:
        """Count a judge's prompt about an answer that is not known, once for all conditions."""
        name = reader.judge.name
        group = self._groups.get(name)
        if group is None:  # known once it was rendered
            group = self._groups[name] = self._requests.find_blank_group(
                reader.judge, self._condition.name
            )
        if group is not None and (found := self._blanks.get((group, query))) is not None:
            return found
        messages = self._requests.render_blank(reader.judge, self._condition.name, query)
        if messages[-1].role == "assistant":
            reader.stratum.check_prefill(messages[-1].content)
        count = reader.stratum.count(messages)
        if group is not None:
            self._blanks[group, query] = count
        return count

    def _bound_answer(self, reader: _Reader, prefill: str) -> int:
        """Return how many tokens an answer adds to a judge's prompt at most."""
        key = (reader.judge.name, prefill)
        if key not in self._answer_bounds:
            if len(self._answer_bounds) >= _MAX_KEPT:
                self._answer_bounds.clear()
            self._answer_bounds[key] = bound_answer(
                max(reader.occurrences),
                reader.stratum.model,
                self._subject.model,
                self._subject.max_tokens * self._spec.answer.turns,
                prefill,
            )
        return self._answer_bounds[key]

    def _tally_reader(self, reader: _Reader, numbers: PromptSum) -> StratumTally:
        reader.stratum.check_window(numbers.bounds)
        times = 1 if self._draws else self._spec.samples
        billed, votes = reader.billed * times, reader.judge.samples * times
        return StratumTally(
            requests=len(numbers.bounds) * votes,
            input_tokens=numbers.tokens * billed,
            max_tokens=reader.stratum.max_tokens,
            bounds=count_times(numbers.bounds, billed),
            judged_answers={self._subject.key: len(numbers.bounds) * billed},
            answer_occurrences=reader.occurrences,
            adds_fields=numbers.is_approximate and reader.stratum.adds_fields,
            depending=numbers.depending * votes,
            joint_bounds=count_times(numbers.bounds, reader.joint * times),
        )


def _describe_reader(cell: Cell, judge: Judge) -> _Reader:
    stratum = describe_stratum(cell, judge.name, judge.model)
    together = cell.requests.find_kind(*stratum.key).choices
    billed = -(-judge.samples // together)
    return _Reader(judge, stratum, cell.occurrences[judge.name], billed, judge.samples - billed)


def draws_answers(judges: Iterable[Judge]) -> bool:
    """Return whether a judge reads some answers by chance, which their ids decide."""
    return any(getattr(judge.when, "rest", None) is not None for judge in judges)
