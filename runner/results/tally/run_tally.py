"""Run tallies: what the report says of all attempts of a run, added up in one pass, job by job."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from estimator.counting import Exactness
from experiment.analysis import Observation
from experiment.definition import SUBJECT
from experiment.scoring import VerdictFault
from pricing.money import Money
from runner.ledger import IMPORTED, Attempt, AttemptRecord
from runner.reproduction import ModelTally
from runner.results.figures import StrataTally, TalliedSums, find_in_flight
from runner.results.tally.observations import ObservationReader
from runner.results.tally.price_check import PriceCheck, PriceTally
from runner.results.tally.run_records import JobRecords
from runner.run_folder import RunFolder

_LAST_ENTRY_KINDS = {
    "settled": "settle",
    "held": "hold",
    "released": "release",
    "resolved": "resolve",
}


@dataclass(frozen=True, slots=True)
class CountCheck:
    """A model's billed prompt tokens minus our counts, over its answered calls."""

    calls: int
    equal: int
    least: int
    most: int


class TallyPart(NamedTuple):
    """What some jobs come to, in a form that is soon sent to another process.

    Attributes:
        observations: their columns; none where there are no observations.
        faults, sums, reported, fingerprints, checks: as the tallies have them.
        differences: model -> billed minus counted prompt tokens -> of how many calls.
        last_kinds: kind of an attempt's last entry -> of how many.
        held_requests, held: as of `RunTally`.
    """

    observations: tuple[Sequence[Any], ...]
    faults: Mapping[str, Counter[VerdictFault | None]]
    sums: Mapping[tuple[str, str, str], TalliedSums]
    reported: Mapping[str, Counter[str]]
    fingerprints: Mapping[str, Counter[str]]
    checks: Mapping[str, PriceCheck]
    differences: Mapping[str, Counter[int]]
    last_kinds: Counter[str]
    held_requests: int
    held: int


class RunTally:
    """Adds up a run, job by job.

    Args:
        run_folder: of the run.
        is_running: whether an execution goes on.
        has_crashed: whether the last one ended unexpectedly.
        shifts: as of `find_count_shifts`.

    Attributes:
        observations: the subjects' answers, in the order in which they were asked for.
        verdicts: what was read of them, with how many verdicts there are.
        strata: what each stratum came to.
        prices: how costs that providers stated compare with the pinned prices.
        models: what models the answers say that they come from.
        held_requests: how many sent requests money is held for, also of earlier plans.
        held: how much, in pico-dollars.
    """

    def __init__(
        self,
        run_folder: RunFolder,
        *,
        is_running: bool,
        has_crashed: bool,
        shifts: Mapping[str, Mapping[str, int]] = {},
    ) -> None:
        self.observations: list[Observation] = []
        self.verdicts = ObservationReader(run_folder)
        self.strata, self.models = StrataTally(), ModelTally()
        self.prices = PriceTally(run_folder)
        self.held_requests, self.held = 0, 0
        self._shifts = shifts
        self._is_running, self._has_crashed = is_running, has_crashed
        self._names = {key: str(each.name) for key, each in run_folder.plan.models.items()}
        self._last_kinds: Counter[str] = Counter()
        self._earlier: dict[bool, _EarlierSum] = {False: _EarlierSum(), True: _EarlierSum()}
        self._differences: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def add(self, job: JobRecords) -> None:
        """Add a job's attempts."""
        records = job.current
        in_flight = find_in_flight(
            records, is_running=self._is_running, has_crashed=self._has_crashed
        )
        if (found := self.verdicts.read(records, in_flight)) is not None:
            self.observations.append(found)
        self.strata.add(records, in_flight)
        self.models.add(records)
        self.prices.add(records)
        self._compare_counts(records)
        self._add_states(records)
        self._add_states(job.earlier)
        for record in job.earlier:
            self._earlier[record.attempt.stage == SUBJECT].add(record)

    def take_part(self) -> TallyPart:
        """Return what was added so far, and begin again; none of it may be of earlier plans."""
        part = TallyPart(
            tuple(zip(*self.observations, strict=True)),
            self.verdicts.take_faults(),
            self.strata.take_sums(),
            *self.models.take_counts(),
            self.prices.take_checks(),
            self._differences,
            self._last_kinds,
            self.held_requests,
            self.held,
        )
        self.observations, self._differences = [], defaultdict(Counter)
        self._last_kinds, self.held_requests, self.held = Counter(), 0, 0
        return part

    def add_part(self, part: TallyPart) -> None:
        """Add what another process took of jobs that come after all that were added."""
        self.observations += map(Observation._make, zip(*part.observations, strict=True))
        self.verdicts.add_faults(part.faults)
        self.strata.add_sums(part.sums)
        self.models.add_counts(part.reported, part.fingerprints)
        self.prices.add_checks(part.checks)
        for model, found in part.differences.items():
            self._differences[model].update(found)
        self._last_kinds.update(part.last_kinds)
        self.held_requests += part.held_requests
        self.held += part.held

    def count_attempts(self) -> dict[str, int]:
        """Return how many attempts were settled, held and released, also those of earlier plans."""
        return {name: self._last_kinds[kind] for name, kind in _LAST_ENTRY_KINDS.items()}

    def check_counts(self) -> dict[str, CountCheck]:
        """Return how the billed prompts compare with what was counted, by the model's name."""
        return {
            self._names[model]: CountCheck(found.total(), found[0], min(found), max(found))
            for model, found in self._differences.items()
        }

    def describe_earlier(self) -> dict[str, int]:
        """Return what earlier plans asked that this one does not, with how many requests it was."""
        named = {"verdicts of earlier judges": False, "answers of earlier plans": True}
        sums = {what: self._earlier[is_subject] for what, is_subject in named.items()}
        return {
            f"{what}, not in the result: {Money(each.settled)} billed": each.attempts
            for what, each in sums.items()
            if each.attempts
        }

    def _add_states(self, records: Iterable[AttemptRecord]) -> None:
        for record in records:
            self._last_kinds[record.last_kind] += 1
            if record.held:
                self.held_requests += 1
                self.held += record.held.pico

    def _compare_counts(self, records: Iterable[AttemptRecord]) -> None:
        for attempt, answer, *_ in records:
            if answer is None or answer.has_failed or attempt.exactness == IMPORTED:
                continue  # it was not counted here
            if prompt := answer.prompt_tokens:  # a filter that refused it may have told none
                shift = self._find_shift(attempt) if self._shifts else 0
                self._differences[attempt.model][prompt - attempt.counted - shift] += 1

    def _find_shift(self, attempt: Attempt) -> int:
        """Return how many tokens more the run's plan counts; none where the provider counted."""
        shifts = self._shifts.get(attempt.model)
        if not shifts or attempt.exactness == Exactness.PROVIDER:
            return 0
        return shifts.get(attempt.id, 0)


@dataclass(slots=True)
class _EarlierSum:
    """Attempts of earlier plans: how many, and what they were settled at, in pico-dollars."""

    attempts: int = 0
    settled: int = 0

    def add(self, record: AttemptRecord) -> None:
        self.attempts += 1
        self.settled += record.settled.pico
