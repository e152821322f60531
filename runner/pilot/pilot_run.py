"""Running a pilot: an approved plan, a few queries of each stratum, each of them to its end.

It runs in the study's own folder, with its ledger and under its cap, so what it pays for is never
paid again. A pilot that was cut off is run again, and goes on with the block that it was in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path

from estimator.plan import Plan
from estimator.workload import StratumKey
from experiment.definition import SUBJECT
from pricing.money import Money
from runner.billing import WorstCaseCost
from runner.execution import EarlierAnswers, Progress, ResumeState
from runner.forecasting import find_terms
from runner.launch import OpenWork, RunOptions, execute_plan, find_open_cost
from runner.ledger import read_ledger
from runner.pilot.course import PilotCourse, PilotGoal
from runner.pilot.draw import PilotDraw, draw_queries
from runner.pilot.look import Look, keep_queries, look_at
from runner.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class PilotRun:
    """A pilot that has ended, or was cut off.

    Attributes:
        run_folder: of the study.
        progress: of the execution, which says how it ended, and why.
        asked: how many queries of each model and condition it has asked.
        looks: one after each block.
        reason: why it ended by its own rule; empty where it did not.
        has_ended: whether it asked some and ended by its own rule, so that it has seen to the end
            what it sent.
    """

    run_folder: RunFolder
    progress: Progress
    asked: int
    looks: tuple[Look, ...]
    reason: str
    has_ended: bool


def run_pilot(
    plan_path: Path,
    now: datetime,
    goal: PilotGoal,
    options: RunOptions,
    on_look: Callable[[Look], None] = lambda _: None,
) -> PilotRun:
    """Run the pilot of an approved plan, or go on with one.

    Args:
        plan_path: the plan file; its approval stands beside it.
        now: the time by which approval and prices are judged.
        goal: when there are enough answers.
        options: what the user chose.
        on_look: is called with each look.

    Raises:
        EstimatorError, RunnerError: before anything was sent.
    """
    courses: list[PilotCourse] = []

    def set_course(work: OpenWork) -> PilotCourse:
        courses.append(_set_course(work, goal, on_look))
        return courses[0]

    run_folder, progress = execute_plan(plan_path, now, replace(options, set_course=set_course))
    course = courses[0]
    has_ended = course.end is not None and course.asked > 0
    return PilotRun(
        run_folder, progress, course.asked, tuple(course.looks), course.reason, has_ended
    )


def _set_course(work: OpenWork, goal: PilotGoal, on_look: Callable[[Look], None]) -> PilotCourse:
    """Return the course of a pilot that begins, or goes on."""
    requests, models = work.requests, work.models
    resume = ResumeState.from_ledger(work.ledger)
    worst_case = WorstCaseCost(requests, models, resume.bound_excess, resume.repeats)
    answered = EarlierAnswers(work.ledger, requests)
    draw = draw_queries(requests, work.seed)

    @cache
    def price_job(place: int) -> Money | None:
        """Price a job as it was when the pilot began: none of a later block was begun since."""
        subject = requests.request_at(work.seed, place)
        with work.ledger.transaction(durable=False):  # in which no other thread writes
            return find_open_cost(requests, subject, answered, worst_case)

    look = partial(_look, work, draw)
    return PilotCourse(draw, goal, price_job, lambda: work.ledger.balance.free, look, on_look)


def _look(work: OpenWork, draw: PilotDraw, asked: int) -> Look:
    from runner.forecasting import read_own_calls  # noqa: PLC0415 - it loads numpy

    plan, experiment = work.plan, work.requests.experiment
    with read_ledger(work.run.ledger_location) as reader:
        own = read_own_calls(work.run, reader)
    drawn = _list_drawn(work, draw, asked)
    counted = {
        key: kept
        for key, calls in own.calls.items()
        if (kept := keep_queries(calls, drawn.get(key, frozenset()))) is not None
    }
    terms = find_terms(plan, experiment.spec)
    return look_at(asked, counted, terms, len(experiment.queries), own.paid)


def _list_drawn(work: OpenWork, draw: PilotDraw, asked: int) -> dict[StratumKey, frozenset[int]]:
    """Return the queries that were drawn for each stratum; a judge's are those of its answers."""
    requests = work.requests
    found: dict[StratumKey, set[int]] = {}
    for place in draw.list_places(0, asked):
        subject = requests.request_at(work.seed, place)
        for key in _list_strata(work.plan, subject.model, subject.condition):
            found.setdefault(key, set()).add(subject.query)
    return {key: frozenset(queries) for key, queries in found.items()}


def _list_strata(plan: Plan, model: str, condition: str) -> Iterator[StratumKey]:
    for stratum in plan.strata:
        is_own = stratum.stage != SUBJECT or stratum.model == model
        if stratum.condition == condition and is_own:
            yield stratum.key
