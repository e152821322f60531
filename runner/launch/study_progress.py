"""Progress of a study: what of a plan its ledger has answers of, and what the rest may cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from estimator.forecast import CostRange, Forecast, Stratum, forecast_rest
from estimator.plan import Plan
from estimator.workload import PlannedModel, StratumKey, count_rest, make_request_builder
from experiment.definition import Experiment
from pricing.money import Money
from runner.ledger import (
    Balance,
    LedgerReader,
    Location,
    ledger_exists,
    read_ledger,
    refuse_other_work,
)
from runner.run_folder import (
    describe_work,
    locate_plan_ledger,
    match_ids_of_before,
    name_study,
    read_kept_work,
)


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """What of a plan is answered in its study's ledger.

    Attributes:
        study: its name.
        place: where the ledger is.
        balance: of the ledger, with the newest cap.
        stored: how many answers of subjects it has, whichever plan they are of.
        answered: stratum of the plan -> how many of its requests are answered.
        planned: the strata of the plan.
        rest: the forecast of the other requests.
    """

    study: str
    place: str
    balance: Balance
    stored: int
    answered: dict[StratumKey, int]
    planned: tuple[Stratum, ...]
    rest: Forecast

    @property
    def spent(self) -> Money:
        """What counts as spent: settled, held and reserved."""
        return self.balance.spent

    @property
    def answered_count(self) -> int:
        """How many requests of the plan are answered."""
        return sum(self.answered.values())

    @property
    def left_count(self) -> int:
        """How many requests of the plan are left; fewer, where judges are asked less."""
        return sum(stratum.requests for stratum in self.rest.strata)

    @property
    def cost(self) -> CostRange:
        """What these may cost."""
        return self.rest.total

    @property
    def chance_above_cap(self) -> float | None:
        """The probability that the plan would cost more than its study's newest cap.

        None where there is no cap yet.
        """
        return self.find_chance_above(self.balance.cap) if self.balance.cap else None

    def find_chance_above(self, cap: Money) -> float:
        """Return the probability that the plan would cost more than a cap of its study leaves."""
        return self.cost.chance_above((cap - self.spent).as_float)

    @property
    def is_unused(self) -> bool:
        """Whether the study has answers, and the plan uses none of them."""
        return self.stored > 0 and not self.answered_count

    def list_strata(self) -> list[tuple[Stratum, int, Stratum | None]]:
        """Return each stratum of the plan, how much of it is answered, and what is left of it."""
        left = {stratum.key: stratum for stratum in self.rest.strata}
        return [(each, self.answered.get(each.key, 0), left.get(each.key)) for each in self.planned]

    def to_json(self) -> dict[str, Any]:
        """Return the progress as JSON; money as decimal strings of US dollars."""
        return {
            "study": self.study,
            "ledger": self.place,
            "cap_usd": self.balance.cap.to_decimal_string(),
            "chance_above_cap": self.chance_above_cap and round(self.chance_above_cap, 4),
            "spent_usd": self.spent.to_decimal_string(),
            "answered": self.answered_count,
            "requests": self.left_count,
            "input_tokens": sum(stratum.input_tokens for stratum in self.rest.strata),
            "cost_usd": self.cost.to_json(),
        }


def find_study_progress(
    plan: Plan, experiment: Experiment, models: dict[str, PlannedModel], folder: Path
) -> StudyProgress | None:
    """Return what of a plan is answered; None where its study has no ledger yet.

    Args:
        plan: to look at; it need not be saved.
        experiment: that it plans.
        models: the plan's, with the prices that the rest may cost.
        folder: of the study's runs.

    Raises:
        LedgerError: the ledger cannot be read.
        BadRun: it is for another study.
    """
    location = locate_plan_ledger(folder, plan)
    if not ledger_exists(location):
        return None
    with read_ledger(location) as reader:
        return _read_progress(reader, plan, experiment, models, folder, location)


def _read_progress(  # noqa: PLR0913 - what is read, and of what
    reader: LedgerReader,
    plan: Plan,
    experiment: Experiment,
    models: dict[str, PlannedModel],
    folder: Path,
    location: Location,
) -> StudyProgress:
    refuse_other_work(reader.work(read_kept_work(folder)), describe_work(plan))
    requests = make_request_builder(experiment, models)
    match_ids_of_before(folder, requests, reader.jobs_of_before())
    from runner.execution import EarlierAnswers  # noqa: PLC0415 - a first plan has no ledger to read

    rest = count_rest(requests, models, EarlierAnswers(reader, requests))
    return StudyProgress(
        study=name_study(plan),
        place=str(location),
        balance=reader.balance(),
        stored=reader.count_subject_answers(),
        answered=dict(rest.answered),
        planned=plan.strata,
        rest=forecast_rest(experiment, models, plan.strata, rest, plan.total),
    )
