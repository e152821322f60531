"""The report: planned against actual cost, and the result of the experiment."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from estimator.forecast import RangeOutcome, Stratum, compare_with_range, join_bases
from estimator.plan import list_unreasoned_conflicts
from experiment.analysis import (
    Analysis,
    JudgeRates,
    Observation,
    analyse_compliance,
    rate_judges,
)
from experiment.definition import SUBJECT, Target
from pricing.catalog import is_same_model
from pricing.money import Money
from runner.ledger import ChunkCost, ExecutionEnd, LedgerReader, is_running, read_ledger
from runner.reproduction import Provenance, read_provenance
from runner.results.count_shifts import find_count_shifts
from runner.results.figures import (
    Lengths,
    PartRun,
    Spending,
    StratumActual,
    compare_part,
    read_spending,
)
from runner.results.notes import count_notes
from runner.results.report_json import describe_report
from runner.results.run_state import RunState, find_unplanned_batches
from runner.results.tally import CountCheck, PriceCheck, VerdictCount, tally_run
from runner.run_folder import RunFolder
from runner.sequential import RecordedLooks, SequentialResult, find_looks

if TYPE_CHECKING:
    from experiment.analysis.validation import JudgesCompared, LabelSet

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Report(RunState):
    """A run's state, and all that its answers say.

    Attributes:
        approval: the newest one, as JSON; None before the first execution.
        attempts: how many were settled, held and released.
        counts: how the billed prompts compare with what was counted, by model.
        prices: how costs that providers stated compare with the pinned prices, by model.
        verdicts: how many verdicts of each judge there are, and why some are no votes.
        judges: what each judge says of each model in each condition.
        conflicts: which conditions reason although they are named otherwise, by model.
        notes: why money was released, held, or booked above usage; alike ones counted together.
        analysis: what the answers say.
        validation: how far the judges agree with each other, and with labels.
        sequential: the looks of its sequential test; None where it has none.
        provenance: the versions, digests and models that the answers come from.
        lengths: how long the answers of each stratum are, in the order of `strata`.
        spending: how the ledger's accounts stood over time; None of an empty one.
        batches: what became of each batch of its ledger.
        observations: what each answer is and what is said of it, without texts; not in the JSON.
    """

    approval: dict[str, Any] | None
    attempts: dict[str, int]
    counts: dict[str, CountCheck]
    prices: dict[str, PriceCheck]
    verdicts: dict[str, VerdictCount]
    judges: dict[str, JudgeRates]
    conflicts: tuple[str, ...]
    notes: dict[str, int]
    analysis: Analysis
    validation: JudgesCompared
    sequential: SequentialResult | None
    provenance: Provenance
    lengths: tuple[Lengths | None, ...]
    spending: Spending | None
    batches: tuple[ChunkCost, ...]
    observations: Sequence[Observation] = field(repr=False)

    @property
    def counted_cost(self) -> Money:
        """What the answers that the plan counts came to; without those of earlier plans alone."""
        return sum((actual.cost for _, actual in self.strata), Money())

    @property
    def is_comparable(self) -> bool:
        """Whether all of the plan was asked, at the prices of its forecast."""
        notes = [each.note for each in self.batches]
        unplanned = find_unplanned_batches(self.run_folder.plan, notes)
        return self.outcome == "complete" and not unplanned

    @property
    def total_outcome(self) -> RangeOutcome | None:
        """The forecast of the total beside what it came to; None where they do not compare."""
        if not self.is_comparable:
            return None
        basis = join_bases({planned.basis for planned, _ in self.strata})
        return compare_with_range(self.run_folder.plan.total, self.counted_cost, basis)

    @property
    def part_run(self) -> PartRun:
        """What of the plan was run, with what that was forecast to cost."""
        is_complete = self.outcome == "complete"
        return compare_part(self.run_folder.plan, self.strata, is_complete=is_complete)

    @property
    def inside(self) -> bool | None:
        """Whether the cost is within the forecast's 90 % range; None where it is another's."""
        return self.total_outcome.is_inside(90) if self.total_outcome else None

    @property
    def stratum_outcomes(self) -> list[tuple[Stratum, RangeOutcome]]:
        """The forecast of each stratum beside what it came to; none where they do not compare."""
        if not self.is_comparable:
            return []
        return [
            (planned, compare_with_range(planned.cost, actual.cost, planned.basis))
            for planned, actual in self.strata
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the report as stable JSON; money as decimal strings of US dollars."""
        return describe_report(self)


def build_report(
    run_folder: RunFolder,
    *,
    compare: str | None = None,
    measure: str | None = None,
    target: Target | None = None,
    labels: LabelSet | None = None,
) -> Report:
    """Build the report from a run's ledger, even while it is running.

    Args:
        run_folder: of the run.
        compare: the factor whose levels are compared; by default the experiment's own.
        measure: the judge that measures, or `proxy`; by default the experiment's own.
        target: what its gaps are about; by default what the experiment says.
        labels: what persons say of its answers; None without any.

    Raises:
        LedgerError: the ledger cannot be read.
        BadLabels: labels are of other answers, or contradict each other.
    """
    with _collecting_no_garbage():
        return _build_report(run_folder, compare, measure, target, labels)


@contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """Look for no circles of objects meanwhile: records are many, and in none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _build_report(
    run_folder: RunFolder,
    compare: str | None,
    measure: str | None,
    target: Target | None,
    labels: LabelSet | None,
) -> Report:
    from experiment.analysis.validation import compare_judges  # noqa: PLC0415 - it loads numpy

    with read_ledger(run_folder.ledger_location) as reader:
        is_busy = is_running(run_folder.ledger_location)
        outcome, end = judge_outcome(reader, is_running=is_busy)
        away = tuple(reader.open_chunks())
        crashed = outcome == "partial" and (not end.how or bool(away))
        shifts = find_count_shifts(run_folder, reader)
        tally = tally_run(
            run_folder, reader, is_running=is_busy, has_crashed=crashed, shifts=shifts
        )
        money, approvals = reader.balance(), reader.approvals()
        notes = count_notes(reader.noted_entries()) | tally.describe_earlier()
        plan_file = reader.plan_file()
        looks = find_looks(reader, run_folder.spec, _count_queries(run_folder))
        provenance = read_provenance(run_folder, tally.models, reader)
        spending, batches = read_spending(reader), tuple(reader.chunk_costs())
    analysis = analyse_compliance(
        run_folder.spec,
        tally.observations,
        compare=compare,
        measure=measure,
        target=target,
        is_model=lambda written, name: is_same_model(run_folder.plan.models[written].name, name),
    )
    strata = tuple(tally.strata.match(run_folder.plan.strata))
    return Report(
        run_folder=run_folder,
        outcome=outcome,
        end=end.how,
        reason=end.reason,
        balance=money,
        held_requests=tally.held_requests,
        held_for_requests=Money(tally.held),
        approval=approvals[-1].to_json() if approvals else None,
        attempts=tally.count_attempts(),
        strata=strata,
        counts=_in_plan_order(run_folder, tally.check_counts()),
        prices=_in_plan_order(run_folder, tally.prices.checks),
        verdicts=tally.verdicts.count_verdicts(),
        judges=rate_judges(run_folder.spec, tally.observations),
        conflicts=tuple(list_unreasoned_conflicts(run_folder.spec, run_folder.plan.models)),
        notes=notes,
        analysis=analysis,
        validation=compare_judges(
            run_folder.spec,
            tally.observations,
            measure=analysis.measure,
            compared=analysis.compared,
            labels=labels,
        ),
        plan_file=Path(plan_file) if plan_file else None,
        open_chunks=away,
        sequential=SequentialResult(looks, _estimate_saved(looks, strata), money.settled)
        if looks
        else None,
        provenance=provenance,
        lengths=tuple(tally.strata.measure_lengths(run_folder.plan.strata)),
        spending=spending,
        batches=batches,
        observations=tally.observations,
    )


def _count_queries(run_folder: RunFolder) -> int:
    strata = run_folder.plan.strata
    subjects = [each.requests for each in strata if each.stage == SUBJECT]
    return max(subjects, default=0) // run_folder.spec.samples


def _estimate_saved(looks: RecordedLooks, strata: Sequence[tuple[Stratum, StratumActual]]) -> Money:
    """Return about what an early stop left unspent: the rest at what the answers cost so far.

    Judges of several models share a stratum, of which the models that go on ask the rest.
    """
    stopped = {each.model for each in looks.stopped_early}
    saved = 0
    for planned, actual in strata:
        is_subject, left = planned.stage == SUBJECT, planned.requests - actual.requests
        if stopped and actual.requests and (not is_subject or planned.model in stopped):
            part = 1.0 if is_subject else len(stopped) / len(looks.models)
            saved += round(actual.cost.pico / actual.requests * min(left, planned.requests * part))
    return Money(max(saved, 0))


def judge_outcome(reader: LedgerReader, *, is_running: bool) -> tuple[str, ExecutionEnd]:
    """Return whether a run is running, complete or partial, and how its last execution ended.

    Args:
        reader: of its ledger.
        is_running: whether an execution goes on.
    """
    end = _find_end(reader.end(), reader.stop_reason(), running=is_running)
    if is_running:
        return "running", end
    return ("complete" if end.how == "complete" else "partial"), end


def _find_end(recorded: ExecutionEnd, stopping: str, *, running: bool) -> ExecutionEnd:
    """Return how the last execution ended; of one that goes on, only why it is to stop."""
    if running:
        return ExecutionEnd(reason=stopping)
    # Workers that were told to stop, and that all died before they recorded an end.
    return ExecutionEnd("stopped", stopping) if stopping and not recorded.how else recorded


def _in_plan_order(run_folder: RunFolder, by_model: Mapping[str, T]) -> dict[str, T]:
    """Return what is known of models in the plan's order, not in that of their answers."""
    written = dict.fromkeys(stratum.model for stratum in run_folder.plan.strata)
    names = [str(run_folder.plan.models[each].name) for each in written]
    return {name: by_model[name] for name in names if name in by_model}
