"""The outline of a pilot: what it will send, and what that costs, before it is approved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from estimator.plan import Plan, VerifiedPlan
from experiment.definition import SUBJECT
from pricing.money import Money, money_from_float
from runner.pilot.course import LEAST_QUERIES, PilotGoal


@dataclass(frozen=True, slots=True)
class PilotSize:
    """A pilot of so many queries of each model and condition.

    Attributes:
        queries: of each.
        answers: of subject models.
        calls: these, and the requests to their judges, at most.
        likely: what all of it costs, by the plan's forecast.
        ceiling: what it costs at most.
    """

    queries: int
    answers: int
    calls: int
    likely: Money
    ceiling: Money

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money as decimal strings of US dollars."""
        return {
            "queries": self.queries,
            "answers": self.answers,
            "calls": self.calls,
            "likely_usd": self.likely.to_decimal_string(),
            "ceiling_usd": self.ceiling.to_decimal_string(),
        }


@dataclass(frozen=True, slots=True)
class PilotOutline:
    """What a pilot sends: at least, before its first look, and at most.

    Attributes:
        strata: how many cells it has, each a model in a condition.
        least: the smallest.
        most: the largest.
    """

    strata: int
    least: PilotSize
    most: PilotSize


def outline_pilot(plan: Plan, verified: VerifiedPlan, goal: PilotGoal) -> PilotOutline:
    """Return what the pilot of a plan would send.

    Args:
        plan: whose pilot it is.
        verified: the same, checked against today's files and prices.
        goal: when there are enough answers.
    """
    most = min(goal.most, len(verified.experiment.queries))
    least = min(LEAST_QUERIES, most)
    cells = sum(stratum.stage == SUBJECT for stratum in plan.strata)
    return PilotOutline(cells, _measure(plan, verified, least), _measure(plan, verified, most))


def _measure(plan: Plan, verified: VerifiedPlan, queries: int) -> PilotSize:
    spec = verified.experiment.spec
    whole = len(verified.experiment.queries) * spec.samples  # of each cell
    calls = sum(-(-stratum.requests * queries // whole) for stratum in plan.strata)
    answers = sum(queries for stratum in plan.strata if stratum.stage == SUBJECT)
    likely = money_from_float(plan.total.mean * queries / whole)
    return PilotSize(
        queries, answers, calls, likely, Money(-(-verified.ceiling.pico * queries // whole))
    )
