"""Lessons: what a run's bills say of the counts, kept for later estimates."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from estimator.counting import calibration
from estimator.counting.calibration import Lesson
from estimator.counting.tokenizer import identity
from estimator.plan.plan import Plan
from providers.provider import Provider
from runner.ledger.location import Location
from runner.ledger.open import read_ledger

_BILLED = """
SELECT attempt.model AS written, counted, input + cache_read + cache_write AS billed
FROM attempt JOIN answer ON answer.attempt = attempt.id
"""


def learn(plan: Plan, ledger: Location, known: dict[str, Provider], day: date) -> dict[str, Lesson]:
    """Compare every model's bills with its counts, and keep what they teach.

    Args:
        plan: what was run.
        ledger: of the run.
        known: every provider by name.
        day: the day of the bills.

    Returns:
        What was learned, by provider and model. Models that their provider counts are left out.
    """
    pairs: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with read_ledger(ledger) as connection:
        for row in connection.execute(_BILLED):
            offset = plan.models[row["written"]].counting.offset or 0
            pairs[row["written"]].append((row["counted"] - offset, row["billed"]))
    learned = {}
    for written, found in pairs.items():
        model = plan.models[written]
        if model.counting.endpoint:
            continue
        tokenizer = identity(model.name.id, model.counting)
        lesson = calibration.compare(tokenizer, found, day, exact=model.own_vocabulary)
        if lesson is not None:
            name = calibration.known_as(known[model.name.provider], model.name.id)
            learned[name] = lesson
    calibration.keep(calibration.place(), learned)
    return learned
