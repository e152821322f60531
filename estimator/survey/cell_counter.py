"""Count the requests of one cell, a model in a condition, for a block of queries.

What all requests of a cell have in common is found once: who reads the answers, what the fields
add to a prompt, how long an answer may be in a judge's vocabulary. The figures are those of
`count_job`, which counts one request after another.
"""

from __future__ import annotations

from estimator.survey.cell_stratum import Cell, PromptSum, count_times, describe_stratum
from estimator.survey.verdict_counter import VerdictCounter
from estimator.workload import StratumKey, StratumTally, bound_turn
from experiment.definition import SUBJECT


class CellCounter:
    """Counts the requests of one cell.

    Args:
        cell: a model in a condition.
    """

    def __init__(self, cell: Cell) -> None:
        self._requests, self._spec = cell.requests, cell.requests.experiment.spec
        self._condition = cell.condition
        self._subject = describe_stratum(cell, SUBJECT, cell.written)
        self._verdicts = VerdictCounter(cell, self._subject)

    def count(self, start: int, stop: int) -> tuple[bytes, dict[StratumKey, StratumTally]]:
        """Count the requests of the queries from `start` to before `stop`.

        Returns:
            the digests of what the subjects send, one after the other; the tallies of the strata.

        Raises:
            NeedsOrderError: one of them may be refused.
        """
        contents, subjects, verdicts = bytearray(), PromptSum(), dict[str, PromptSum]()
        subject, condition = self._subject, self._condition
        for query in range(start, stop):
            messages, content = self._requests.render_subject(subject.key.model, condition, query)
            contents += bytes.fromhex(content)
            prefill = messages[-1].content if messages[-1].role == "assistant" else ""
            subject.check_prefill(prefill)
            subjects.add(subject.count(messages))
            self._verdicts.add(verdicts, query, content, prefill)
        tallies = {subject.key: self._tally_subjects(subjects)}
        return bytes(contents), tallies | self._verdicts.tally(verdicts)

    def _tally_subjects(self, numbers: PromptSum) -> StratumTally:
        stratum, turns, samples = self._subject, self._spec.answer.turns, self._spec.samples
        bounds = numbers.bounds
        if turns > 1:
            each = bound_turn(stratum.max_tokens, stratum.model, self._spec.answer)
            bounds = [bound + turn * each for bound in bounds for turn in range(turns)]
        stratum.check_window(bounds)
        return StratumTally(
            requests=len(numbers.bounds) * samples,
            input_tokens=numbers.tokens * samples,
            max_tokens=stratum.max_tokens,
            bounds=count_times(bounds, samples),
            adds_fields=numbers.is_approximate and stratum.adds_fields,
        )
