"""Killing a run with batches at one step, and what must hold after it was run again."""

from dataclasses import dataclass
from pathlib import Path

from pricing.money import Money
from runner.execution import StopReason
from tests.runner.batches.fake_batches import Crash, FakeBatches, Faults, Killer, Run
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import MODEL, FakeProvider, Lab, always, ledger_of

_MOST_RUNS = 12


@dataclass
class Outcome:
    """What came of a run that was killed, and of those after it.

    Attributes:
        was_killed: whether it came as far as the step.
        share: what was billed of the cap.
        paid_twice: requests that the provider billed more than once.
        lost: requests without an answer in the end.
        held: what is held in the end.
    """

    was_killed: bool
    share: float
    paid_twice: int
    lost: int
    held: Money


def kill_at(
    lab: Lab,
    folder: Path,
    cap: Money,
    faults: Faults,
    step: int,
    batched: frozenset[str] = frozenset({MODEL}),
) -> Outcome:
    """Kill a run at a step, run it until it is done, and check its books after each run."""
    folder.mkdir()
    batches, calls = FakeBatches(lab, faults), FakeProvider(lab, always())
    run = Run(lab, folder / "ledger.sqlite", cap, batches, calls, batched)
    killer = Killer(step)
    batches.step = run.kill = killer.step
    was_killed = True
    try:
        run.go()
        was_killed = False
    except* Crash:
        pass
    batches.step = run.kill = lambda: None
    for _ in range(_MOST_RUNS):
        check_books(run)
        progress, _ = run.go()
        if progress.end is StopReason.COMPLETE:
            break
    check_books(run)
    with ledger_of(run.path) as ledger:
        answered = answered_texts(ledger)
        assert ledger.open_chunks() == []
        assert ledger.balance.reserved == ledger.balance.aside == Money()
        held = ledger.balance.held
    twice = sum(times > 1 for times in batches.answers.values())
    wanted = 2 * len(lab.subjects())
    return Outcome(was_killed, run.billed.pico / cap.pico, twice, wanted - len(answered), held)


def check_books(run: Run) -> None:
    """Check that whatever was billed is accounted for, within the cap."""
    with ledger_of(run.path, run.cap) as ledger:
        now = ledger.balance
        assert run.billed <= now.settled + now.held + now.reserved <= run.cap
