"""Count the requests of one cell, a model in a condition, for a block of queries.

What all requests of a cell have in common is found once: who reads the answers, what the fields
add to a prompt, how long an answer may be in a judge's vocabulary. The figures are those of
`count_job`, which counts one request after another.
"""

from __future__ import annotations

from collections.abc import Mapping

from estimator.counting import TokenCount
from estimator.survey.cell_stratum import PromptSum, count_times, describe_stratum
from estimator.survey.verdict_counter import VerdictCounter
from estimator.workload import PlannedModel, StratumKey, StratumTally, bound_turn
from experiment.definition import SUBJECT, Condition
from experiment.prompts import RequestBuilder


class CellCounter:
    """Counts the requests of one cell.

    Args:
        requests: builds them.
        models: written name -> planned model.
        occurrences: judge -> how often its prompt contains the output, and the reasoning.
        written: the model, as the experiment writes it.
        condition: of the cell.
        blanks: what is known of a block: (number of `find_blank_group`, query) -> the count.
    """

    def __init__(  # noqa: PLR0913 - what a cell is made of
        self,
        requests: RequestBuilder,
        models: Mapping[str, PlannedModel],
        occurrences: Mapping[str, tuple[int, int]],
        written: str,
        condition: Condition,
        blanks: dict[tuple[int, int], TokenCount],
    ) -> None:
        self._requests, self._spec = requests, requests.experiment.spec
        self._condition = condition
        key = StratumKey(SUBJECT, written, condition.name)
        self._subject = describe_stratum(requests, key, models[written])
        self._verdicts = VerdictCounter(
            requests, models, occurrences, condition, self._subject, blanks
        )

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
