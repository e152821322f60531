"""The latest answers of a run that goes on: what each is, what its judge says, how it begins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from experiment.analysis import Observation
from experiment.definition import MISSING, Judge
from pricing.money import Money
from runner.ledger import AttemptRecord
from runner.results.figures import find_in_flight
from runner.results.reading.judge_words import label_reading
from runner.results.tally import ObservationReader, group_answers, join_answer
from runner.run_folder import RunFolder

_SHOWN = 240  # characters of a text
_BEING_JUDGED, _NOT_JUDGED = "being judged", "not judged yet"


@dataclass(frozen=True, slots=True)
class LatestAnswer:
    """An answer in short.

    Attributes:
        request: the id of the subject's request.
        model: as its provider calls it, with the provider.
        condition: its name.
        query: its number, from 0.
        query_text: how the query begins.
        kind: what the answer is: `text`, `refused`, `truncated` and so on.
        labels: judge -> what it says, in a word; `being judged` while it is asked, and `not judged
            yet` before.
        text: how the answer begins.
        cost: of it and its verdicts so far.
    """

    request: str
    model: str
    condition: str
    query: int
    query_text: str
    kind: str
    labels: dict[str, str]
    text: str
    cost: Money

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money as a decimal string of US dollars."""
        names = (each for each in self.__slots__ if each != "cost")
        shown = {name: getattr(self, name) for name in names}
        return shown | {"cost_usd": self.cost.to_decimal_string()}


class LatestAnswers:
    """Reads the latest answers of a run again and again.

    Args:
        run_folder: of the run.
    """

    def __init__(self, run_folder: RunFolder) -> None:
        self._run = run_folder
        self._observations = ObservationReader(run_folder)

    def read(self, jobs: Iterable[list[AttemptRecord]]) -> tuple[LatestAnswer, ...]:
        """Return answers; a job without one is left out.

        Args:
            jobs: the attempts of each, as the run's plan counts them.
        """
        return tuple(answer for each in jobs if each and (answer := self._read(each)))

    def _read(self, records: list[AttemptRecord]) -> LatestAnswer | None:
        in_flight = find_in_flight(records, is_running=True, has_crashed=False)
        seen = self._observations.read(records, in_flight)
        job = group_answers(records)
        if seen is None or job.subject is None or not job.turns:
            return None
        whole = join_answer(job.turns, self._run.spec.answer)
        query = self._run.queries[seen.query]
        return LatestAnswer(
            request=job.subject.job,
            model=str(self._run.plan.models[seen.model].name),
            condition=job.subject.condition,
            query=seen.query,
            query_text=_shorten(query),
            kind=seen.kind.value,
            labels=self._label(records, seen),
            text=_shorten(whole.prefill + whole.completion.text),
            cost=sum((each.settled for each in records), Money()),
        )

    def _label(self, records: list[AttemptRecord], seen: Observation) -> dict[str, str]:
        asked = {each.attempt.stage: each.last_kind for each in records}
        return {
            judge.name: _BEING_JUDGED
            if asked.get(judge.name) == "reserve"
            else self._name(judge, seen, is_asked=judge.name in asked)
            for judge in self._run.spec.judges
        }

    def _name(self, judge: Judge, seen: Observation, *, is_asked: bool) -> str:
        label = label_reading(judge, seen.reading(judge.name))
        return _NOT_JUDGED if label == MISSING and not is_asked else label


def _shorten(text: str) -> str:
    """Return how a text begins, on one line; a long one is not looked through."""
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN and len(text) <= 4 * _SHOWN else f"{line[:_SHOWN]}…"
