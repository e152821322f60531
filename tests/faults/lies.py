"""Campaigns of lies: two runs at a provider that says one thing of its usage and bills another.

What the first run learns from its bills is known when the second is planned, as with a user who
runs two experiments after one another.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from estimator.plan import plan_file as plans
from estimator.plan.planner import estimate_experiment
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import save_approval
from runner.ledger.location import FileLocation
from runner.ledger.open import read_ledger
from tests.faults.audit import bill_of
from tests.faults.campaign_setup import Stage
from tests.faults.launcher import Ended, Job
from tests.runner import sample_experiment as lab
from tests.support.provider.answers import words
from tests.support.provider.behaviour import Behaviour

RUNS, JOBS, QUERIES = 2, 6, 8
MAX_TOKENS, REASONING = 24, 9
LONG = words(400)  # a prompt that most of could be understated
_numbers = itertools.count()


@dataclass(frozen=True)
class Told:
    """One run: the true bill and what the ledger counts, both as a share of the cap."""

    of_cap: float
    booked: float
    end: Ended
    calls: int


def perform_lie(stage: Stage, api: str, lie: str, *, hides: bool, seed: int = 0) -> list[Told]:
    """Perform the runs of a lie, with reasoning that is not shown or without."""
    folder = stage.folder / f"lie-{next(_numbers)}"
    behaviour = Behaviour(
        wordy=True,
        input_tokens="counted",
        output_tokens=(1, MAX_TOKENS),
        reasoning_tokens=REASONING if hides else 0,
        lie=lie,
        seed=seed,
    )
    with mock.patch.dict(os.environ, AFCOST_HOME=str(folder / "home")):
        return [_run(stage, folder, api, behaviour, number) for number in range(RUNS)]


def _run(stage: Stage, folder: Path, api: str, behaviour: Behaviour, number: int) -> Told:
    path, cap = _approve(stage, folder / str(number), api, queries=QUERIES + number)
    stage.provider.reset(behaviour)
    run_dir = path.parent / "run"
    stage.launch.start(Job(str(path), str(run_dir), str(folder / "home"), 4, 30.0))
    ended = stage.launch.ended(within=60)
    assert ended is not None, "stuck"
    bill = stage.provider.bill()
    with read_ledger(FileLocation(run_dir / "ledger.sqlite")) as reader:
        balance = reader.balance()
    booked = balance.settled + balance.held
    return Told(bill_of(bill).pico / cap.pico, booked.pico / cap.pico, ended, len(bill.calls))


def _approve(stage: Stage, folder: Path, api: str, *, queries: int) -> tuple[Path, Money]:
    """Plan an experiment, and approve what a few of its jobs cost at most."""
    source = lab.write(
        folder / "e",
        queries=queries,
        votes=0,
        sampling={"max_tokens": MAX_TOKENS},
        messages=[
            {"role": "user", "content": f"{LONG} {{{{ tier }}}} {{{{ how }}}} {{{{ query }}}}"}
        ],
        providers={"my-lab": {"kind": api, "base_url": f"{stage.provider.url}/v1"}},
    )
    path = folder / "plan.json"
    plan = estimate_experiment(str(source), lab.DAY).plan
    plans.save_plan(plan, path)
    cap = Money(plan.total.ceiling.pico * JOBS // (4 * queries))
    save_approval(Approval(plan.digest, cap, "a tester", lab.NOW), path)
    return path, cap
