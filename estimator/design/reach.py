"""Reach: how many queries a cap below the likely cost pays for, and the gap that they can show.

Work is done in rounds: a query, drawn at random, once in all cells of all models; a second sample
only after every query had its first. A sequential test asks all samples of one query, then the
next. So money that ends early leaves complete queries, but for those in flight. A run ends when its
money does not cover the next job's worst case, so that much of a cap is not spent.
"""

from __future__ import annotations

from dataclasses import dataclass

from estimator.design.outcomes import ASSUMED
from estimator.design.power import LEAST_SAMPLES_FOR_THESE, find_detectable_gap
from estimator.forecast import Stratum
from estimator.plan import Plan
from experiment.analysis import list_pairs
from experiment.definition import SUBJECT, Experiment, Target, cross_factors
from pricing.money import Money


@dataclass(frozen=True, slots=True)
class Reach:
    """What a cap likely pays for.

    Attributes:
        queries: how many are complete.
        samples: of each of them.
        of_queries: how many the plan has.
        of_samples: and of each.
        gap: that they show with 80 % power; None where nothing is compared, or too little is paid.
        whole_gap: that the whole plan shows; None as well.
        target: what the result is about.
    """

    queries: int
    samples: int
    of_queries: int
    of_samples: int
    gap: float | None
    whole_gap: float | None
    target: Target


def find_reach(
    plan: Plan, experiment: Experiment, left: Money, likely: float, answered: float = 0.0
) -> Reach | None:
    """Return what is likely complete when a cap is spent; None where it likely covers everything.

    Args:
        plan: to approve.
        experiment: that it plans.
        left: of the cap.
        likely: what the rest of the plan costs on average, in US dollars.
        answered: the share of the plan that is answered.
    """
    if left.as_float >= likely:
        return None
    spec = experiment.spec
    queries, samples = len(experiment.queries), spec.samples
    spent = max(left.as_float - _find_worst_job(plan.strata), 0.0)
    rounds = int(queries * samples * (answered + (1 - answered) * spent / likely) + 1e-9)
    if spec.sequential:  # which asks every sample of a query before the next query
        reached = (rounds // samples, samples)
    else:
        reached = (rounds, 1) if rounds < queries else (queries, rounds // queries)
    return Reach(
        *reached,
        queries,
        samples,
        _find_gap(experiment, *reached),
        _find_gap(experiment, queries, samples),
        spec.target,
    )


def _find_worst_job(strata: tuple[Stratum, ...]) -> float:
    """Return what an answer with its judges costs at most, in US dollars, where that is most."""
    subjects = [each for each in strata if each.stage == SUBJECT]
    judges = [each for each in strata if each.stage != SUBJECT]
    answers = {each.condition: 0 for each in subjects}
    for each in subjects:
        answers[each.condition] += each.requests

    def judge(condition: str) -> float:
        ceilings = (each.cost.ceiling.as_float for each in judges if each.condition == condition)
        return sum(ceilings) / answers[condition]

    return max(s.cost.ceiling.as_float / s.requests + judge(s.condition) for s in subjects)


def _find_gap(experiment: Experiment, queries: int, samples: int) -> float | None:
    """Return the gap that so much shows in each cell; None where nothing is compared or tested."""
    spec = experiment.spec
    compared = spec.compared
    pairs = list_pairs(tuple(spec.factors[compared])) if compared else []
    least = LEAST_SAMPLES_FOR_THESE if spec.target is Target.THESE else 1
    if not pairs or queries < 2 or samples < least:  # noqa: PLR2004 - a spread takes two
        return None
    cells = len(list(cross_factors(spec))) // len(spec.factors[compared or ""])
    gaps = len(spec.models) * cells * len(pairs)
    return find_detectable_gap(ASSUMED.variance, queries, (samples, samples), spec.target, gaps)
