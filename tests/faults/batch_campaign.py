"""Campaigns of batches: a run is killed at a step, for many steps, under one fault.

What is killed is the process as its ledger and its provider see it: from a step on, nothing reaches
either of them.
"""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.runner.batches.served_batches import (
    UNTOLD,
    UNTOLD_BY_FORM,
    Outcome,
    Served,
    kill_served,
)
from tests.support.provider.batches.served_forms import FORMS

MOST_STEPS = 2_000
# Of forms that share most of an API with another one.
SOME_FAULTS = (
    "none", "create_lost", "expired", "cancelled", "all_failed", "missing", "unsorted",
    "duplicated", "poll_500",
)  # fmt: skip


@dataclass(frozen=True)
class BatchCampaign:
    """What came of the runs of one form under one fault.

    Attributes:
        share: the largest true bill, of the cap.
        runs: how many were begun; all but the last one were killed, each at another step.
        lost: the most answers that any of them did not have in the end.
        paid_twice: the most requests that any of them was billed more than once.
        flaws: what was wrong, in words; empty where all promises were kept.
    """

    share: float
    runs: int
    lost: int
    paid_twice: int
    flaws: tuple[str, ...]


def has_fault(form: str, fault: str) -> bool:
    """Return whether a fault can be at a form: one of uploads is where there are any."""
    return FORMS[form].takes_file or not fault.startswith("upload_")


def is_untold(form: str, fault: str) -> bool:
    """Return whether a provider does lines under a fault that it never tells of."""
    return fault in UNTOLD or (form, fault) in UNTOLD_BY_FORM


def perform(served: Served, folder: Path, fault: str, stride: int = 1) -> BatchCampaign:
    """Kill a run at every so many steps, until one comes to its end."""
    outcomes: list[Outcome] = []
    flaws: list[str] = []
    for step in itertools.count(1, stride):
        if step > MOST_STEPS:
            flaws.append(f"it does not end within {MOST_STEPS:,} steps")
            break
        try:
            outcome = kill_served(served, folder / f"{step}", fault, step)
        except Exception as error:  # noqa: BLE001 - it is told with its step, and the next is tried
            flaws.append(f"step {step}: {type(error).__name__}: {error}")
            continue
        outcomes.append(outcome)
        flaws += [f"step {step}: {each}" for each in _find_flaws(outcome, served.form, fault)]
        shutil.rmtree(folder / f"{step}")
        if not outcome.was_killed:
            break
    return BatchCampaign(
        max((each.share for each in outcomes), default=0.0),
        len(outcomes),
        max((each.lost for each in outcomes), default=0),
        max((each.paid_twice for each in outcomes), default=0),
        tuple(flaws),
    )


def _find_flaws(outcome: Outcome, form: str, fault: str) -> list[str]:
    flaws = []
    if outcome.share > 1:
        flaws.append(f"the bill was {outcome.share:.3f} of the cap")
    if outcome.lost:
        flaws.append(f"{outcome.lost} answers were lost; {outcome.end}: {outcome.reason}")
    if outcome.paid_twice and not is_untold(form, fault):
        flaws.append(f"{outcome.paid_twice} requests were paid twice")
    return flaws
