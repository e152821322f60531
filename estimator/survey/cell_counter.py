"""Count the requests of one cell, a model in a condition, for a block of queries.

What all requests of a cell have in common is found once: who reads the answers, what the fields
add to a prompt, how long an answer may be in a judge's vocabulary. The figures are those of
`count_job`, which counts one request after another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from estimator.counting import Exactness, TokenCount, adds_to_prompt, prepare_count
from estimator.workload import (
    PlannedModel,
    StratumKey,
    StratumTally,
    answer_bound,
    turn_growth,
)
from experiment.definition import SUBJECT, Condition, Judge
from experiment.prompts import Message, RequestBuilder, name_subject

_MAX_KEPT = 4096  # prefills that were looked at


class NeedsOrderError(Exception):
    """These requests must be counted one after another: one may be refused, and is to be named."""


@dataclass(frozen=True, slots=True)
class _Stratum:
    """What all requests of a stratum have in common.

    Attributes:
        key: of the stratum.
        model: that is asked.
        count: counts one of its prompts.
        max_tokens: of each answer.
        adds_fields: whether its fields may add to a prompt.
    """

    key: StratumKey
    model: PlannedModel
    count: Callable[[Sequence[Message]], TokenCount]
    max_tokens: int
    adds_fields: bool


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
    stratum: _Stratum
    occurrences: tuple[int, int]
    billed: int
    joint: int


@dataclass(slots=True)
class _Numbers:
    """What is added up of a stratum: the tokens of its prompts, and a bound of each."""

    tokens: int = 0
    bounds: list[int] = field(default_factory=list)
    depending: int = 0
    is_approximate: bool = False

    def add(self, count: TokenCount, more: int = 0) -> None:
        """Add a prompt that may have so many tokens more."""
        self.tokens += count.tokens
        self.bounds.append(count.bound + more)
        if count.exactness is Exactness.APPROXIMATE:
            self.is_approximate = True


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
        self._blanks = blanks
        self._requests, self._spec = requests, requests.experiment.spec
        self._condition = condition
        self._subject = self._describe(SUBJECT, written, models)
        self._readers = {
            judge.name: self._describe_reader(judge, models, occurrences[judge.name])
            for judge in self._spec.judges
            if judge.name in occurrences
        }
        self._draws = draws_answers(self._spec.judges)
        self._of_all = [] if self._draws else self._find_readers("")
        self._groups: dict[str, int | None] = {}
        self._answer_bounds: dict[tuple[str, str], int] = {}

    def count(self, start: int, stop: int) -> tuple[bytes, dict[StratumKey, StratumTally]]:
        """Count the requests of the queries from `start` to before `stop`.

        Returns:
            the digests of what the subjects send, one after the other; the tallies of the strata.

        Raises:
            NeedsOrderError: one of them may be refused.
        """
        contents, subject, verdicts = bytearray(), _Numbers(), dict[str, _Numbers]()
        model, condition = self._subject.key.model, self._condition
        for query in range(start, stop):
            messages, content = self._requests.render_subject(model, condition, query)
            contents += bytes.fromhex(content)
            prefill = messages[-1].content if messages[-1].role == "assistant" else ""
            self._check_prefill(prefill, self._subject.model)
            subject.add(self._subject.count(messages))
            for readers in self._list_readings(content):
                self._add_verdicts(verdicts, readers, query, prefill)
        tallies = {self._subject.key: self._tally_subjects(subject)}
        for name, numbers in verdicts.items():
            reader = self._readers[name]
            tallies[reader.stratum.key] = self._tally_verdicts(reader, numbers)
        return bytes(contents), tallies

    def _describe(self, stage: str, written: str, models: Mapping[str, PlannedModel]) -> _Stratum:
        key = StratumKey(stage, written, self._condition.name)
        sampling, model = self._requests.find_kind(*key).sampling, models[written]
        count = prepare_count(model.tokenizer, sampling)
        return _Stratum(key, model, count, int(sampling["max_tokens"]), adds_to_prompt(sampling))

    def _describe_reader(
        self, judge: Judge, models: Mapping[str, PlannedModel], occurrences: tuple[int, int]
    ) -> _Reader:
        stratum = self._describe(judge.name, judge.model, models)
        together = self._requests.find_kind(*stratum.key).choices
        billed = -(-judge.samples // together)
        return _Reader(judge, stratum, occurrences, billed, judge.samples - billed)

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

    def _add_verdicts(
        self,
        verdicts: dict[str, _Numbers],
        readers: Iterable[tuple[_Reader, bool]],
        query: int,
        prefill: str,
    ) -> None:
        for reader, depends in readers:
            name = reader.judge.name
            numbers = verdicts.get(name)
            if numbers is None:
                numbers = verdicts[name] = _Numbers()
            numbers.depending += depends
            blank = self._count_blank(reader, query)
            numbers.add(blank, self._bound_answer(reader, prefill))

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
            self._check_prefill(messages[-1].content, reader.stratum.model)
        count = reader.stratum.count(messages)
        if group is not None:
            self._blanks[group, query] = count
        return count

    def _check_prefill(self, prefill: str, model: PlannedModel) -> None:
        """Check that a prefill does not end with white space that may be refused."""
        if prefill[-1:].isspace() and not (model.takes is None or model.takes.prefill_space):
            raise NeedsOrderError

    def _bound_answer(self, reader: _Reader, prefill: str) -> int:
        """Return how many tokens an answer adds to a judge's prompt at most."""
        key = (reader.judge.name, prefill)
        if key not in self._answer_bounds:
            if len(self._answer_bounds) >= _MAX_KEPT:
                self._answer_bounds.clear()
            self._answer_bounds[key] = answer_bound(
                max(reader.occurrences),
                reader.stratum.model,
                self._subject.model,
                self._subject.max_tokens * self._spec.answer.turns,
                prefill,
            )
        return self._answer_bounds[key]

    def _tally_subjects(self, numbers: _Numbers) -> StratumTally:
        stratum, turns, samples = self._subject, self._spec.answer.turns, self._spec.samples
        bounds = numbers.bounds
        if turns > 1:
            each = turn_growth(stratum.max_tokens, stratum.model, self._spec.answer)
            bounds = [bound + turn * each for bound in bounds for turn in range(turns)]
        _check_window(stratum, bounds)
        return StratumTally(
            requests=len(numbers.bounds) * samples,
            input_tokens=numbers.tokens * samples,
            max_tokens=stratum.max_tokens,
            bounds=_count_times(bounds, samples),
            adds_fields=numbers.is_approximate and stratum.adds_fields,
        )

    def _tally_verdicts(self, reader: _Reader, numbers: _Numbers) -> StratumTally:
        _check_window(reader.stratum, numbers.bounds)
        times = 1 if self._draws else self._spec.samples
        billed, votes = reader.billed * times, reader.judge.samples * times
        return StratumTally(
            requests=len(numbers.bounds) * votes,
            input_tokens=numbers.tokens * billed,
            max_tokens=reader.stratum.max_tokens,
            bounds=_count_times(numbers.bounds, billed),
            judged_answers={self._subject.key: len(numbers.bounds) * billed},
            answer_occurrences=reader.occurrences,
            adds_fields=numbers.is_approximate and reader.stratum.adds_fields,
            depending=numbers.depending * votes,
            joint_bounds=_count_times(numbers.bounds, reader.joint * times),
        )


def draws_answers(judges: Iterable[Judge]) -> bool:
    """Return whether a judge reads some answers by chance, which their ids decide."""
    return any(getattr(judge.when, "rest", None) is not None for judge in judges)


def _count_times(bounds: Sequence[int], times: int) -> Counter[int]:
    counted = Counter(bounds) if times else Counter[int]()
    return counted if times <= 1 else Counter({n: many * times for n, many in counted.items()})


def _check_window(stratum: _Stratum, bounds: Sequence[int]) -> None:
    window = stratum.model.window
    if window is not None and max(bounds) + stratum.max_tokens > window:
        raise NeedsOrderError
