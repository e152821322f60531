"""A proposal to judge a run's answers again: its plan, and what it would cost. Nothing is sent."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from estimator.plan import Estimate, EstimateOptions, estimate_experiment, save_plan
from estimator.workload import make_request_builder
from experiment.definition import SUBJECT, ExperimentSpec, Overrides
from pricing.errors import Unpriced
from pricing.money import Money
from pricing.sources import PRICE_FILE
from runner.errors import BadRun
from runner.execution import EarlierAnswers, ResumeState
from runner.ledger import Balance, LedgerReader, read_ledger
from runner.rejudge.judge_file import JudgeFile, read_judge_file
from runner.rejudge.judged_experiment import write_judged_experiment
from runner.rejudge.measured_lengths import measure_answers
from runner.rejudge.open_verdicts import StoredAnswers, count_open_verdicts
from runner.run_folder import RunFolder, match_ids_of_before

_PLAN = "plan.json"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What judging a run again would be.

    Attributes:
        estimate: of the run's experiment with the new judges.
        plan_path: where its plan is saved.
        stored: the answers that are there, and what is left to ask about them.
        place: where the study's ledger is.
        balance: of that ledger.
        names: of the judges that were added or replaced.
        warnings: of the plan, without those that the run's plan had.
        away: how many requests are in batches that are away.
    """

    estimate: Estimate
    plan_path: Path
    stored: StoredAnswers
    place: str
    balance: Balance
    names: tuple[str, ...]
    warnings: tuple[str, ...]
    away: int = 0

    @property
    def spent(self) -> Money:
        """What the study has spent already: settled, held and reserved."""
        return self.balance.spent

    @property
    def needed(self) -> Money:
        """The cap of the whole study that pays for all of it, whatever the judges write."""
        return self.spent + self.stored.ceiling


def propose_judges(
    run: RunFolder,
    judge_path: Path,
    day: date,
    output: Path | None = None,
    *,
    batch: bool | None = None,
) -> Proposal:
    """Plan a run with other judges, and count what asking them about its answers would cost.

    Args:
        run: whose answers are judged.
        judge_path: of the judge file.
        day: today, whose prices count.
        output: where the plan is saved; None for beside its experiment, in the run's folder.
        batch: whether judges are asked in batches where their price is known; None for what the
            run and the judge file say.

    Raises:
        BadRun, BadExperiment, PricingError, EstimatorError: nothing is sent or spent.
    """
    judges = read_judge_file(judge_path)
    source = write_judged_experiment(run, judges, batch=batch)
    overrides = _repeat_overrides(run, judges)
    options = EstimateOptions(study=run.plan.study or None)
    with read_ledger(run.ledger_location) as reader:
        lengths = measure_answers(run, reader)
    try:
        estimate = estimate_experiment(str(source), day, overrides, options, history=lengths)
    except Unpriced as error:  # the experiment's own price file is not that of the judge
        place = f"{PRICE_FILE} beside {judge_path}, or in the working folder"
        raise error.at(place) from error
    if batch:
        _refuse_unpriced(estimate)
    plan_path = output or source.parent / _PLAN
    save_plan(estimate.plan, plan_path)
    requests = make_request_builder(estimate.experiment, estimate.plan.models)
    with read_ledger(run.ledger_location) as reader:
        match_ids_of_before(run.path, requests, reader.jobs_of_before())
        resume, balance = ResumeState.from_ledger(reader), reader.balance()
        answered, planned = EarlierAnswers(reader, requests), estimate.plan
        away = find_requests_away(reader)
        stored = count_open_verdicts(
            requests, planned.models, planned.strata, answered, resume, away
        )
        _refuse_other_ids(run, stored, answered)
    warnings = tuple(each for each in estimate.plan.warnings if each not in run.plan.warnings)
    return Proposal(
        estimate,
        plan_path,
        stored,
        str(run.ledger_location),
        balance,
        judges.names,
        warnings,
        len(away),
    )


def find_requests_away(reader: LedgerReader) -> set[str]:
    """Return the ids of the requests that are in a batch that is away."""
    away = set[str]()
    for note in reader.open_chunks():
        for entries in reader.open_lines(note).values():
            away.update(each.attempt.request for each in reader.chunk_attempts(entries))
    return away


def _refuse_unpriced(estimate: Estimate) -> None:
    """Refuse to plan batches where no judge's model has a known price in them.

    Raises:
        BadRun: none has.
    """
    models = {
        judge.model: estimate.plan.models[judge.model] for judge in estimate.experiment.spec.judges
    }
    if not any(model.offer.is_batch for model in models.values()):
        names = ", ".join(str(model.name) for model in models.values())
        raise BadRun(
            f"--batch: no price in batches is known for {names}; nothing was sent. Leave --batch "
            f"out, or set the price that the provider names in {PRICE_FILE}"
        )


def _refuse_other_ids(run: RunFolder, stored: StoredAnswers, answered: Container[str]) -> None:
    """Refuse a run some of whose answers would not be found under the new plan.

    Raises:
        BadRun: this version would send its models something else.
    """
    known = sum(each.id in answered for each in run.request_builder().all_subject_requests())
    if stored.answered < known:
        raise BadRun(
            f"{run.path}: {known - stored.answered:,} of its {known:,} answers were asked for in "
            "another way than this version of afcost would ask: what it knows of the models has "
            "changed, so they would not be found; nothing was sent. Judge them with the version "
            "that made the run"
        )


def _repeat_overrides(run: RunFolder, judges: JudgeFile) -> Overrides:
    """Return what the run's command line had said of prices and tokenizers.

    What it changed in the experiment is in the fields that the run keeps.
    """
    changes, beside = run.plan.changes, judges.path.parent / PRICE_FILE
    spec = judges.add_to(run.spec.to_stored())
    files = [*changes.price_files, *([str(beside.resolve())] if beside.is_file() else ())]
    return Overrides(
        tokenizers=tuple(_list_tokenizer_folders(run)),
        prices=tuple(each for each in changes.prices if _prices_a_model(each, run, spec)),
        price_files=tuple(each for each in dict.fromkeys(files) if Path(each).is_file()),
    )


def _list_tokenizer_folders(run: RunFolder) -> Iterator[str]:
    """Yield each tokenizer folder of the experiment, with its absolute path."""
    for written, source in run.spec.tokenizer.items():
        if not source.startswith("hf:"):
            path = (Path(run.plan.source).parent / source).resolve()
            yield str(path) if written == SUBJECT else f"{written}={path}"


def _prices_a_model(flag: str, run: RunFolder, spec: ExperimentSpec) -> bool:
    """Return whether a `--price` is of a model that is still there."""
    written = {*spec.models, *(judge.model for judge in spec.judges)}
    planned = [run.plan.models[each].name for each in written if each in run.plan.models]
    keys = written.union(*(name.price_keys for name in planned))
    return flag.rpartition("=")[0] in keys
