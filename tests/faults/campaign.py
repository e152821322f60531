"""A campaign: one approved plan, run against a provider that misbehaves, killed, and run again.

    with stage() as place:
        outcome = perform(Campaign(Behaviour(faults=(Fault("500_after", probability=0.1),))), place)
        assert outcome.flaws == ()

Runs are processes of their own and are killed with SIGKILL. A run that ended where a user would
call the command again (killed, out of credit, the provider away, requests failed) is continued;
others are the end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field, replace
from typing import Literal

from pricing.money import Money
from runner.execution.scheduler import StopReason
from runner.ledger import FileLocation, ledger_exists
from tests.faults.audit import Books, allowance, audit, bill_of, vanished
from tests.faults.campaign_setup import Planned, Stage
from tests.faults.launcher import Ended, Job
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.bill import Bill

MOST_RUNS = 12
OFTEN = 3  # how many times a run may stop or fail until its user has seen enough
PER_REQUEST = 0.001  # seconds of afcost's own work; an answer takes as long as keeps all in flight
LOOK = 0.05  # seconds between two looks whether a run still goes on
STUCK = 60.0  # seconds, after which a run is taken to be stuck


@dataclass(frozen=True)
class Kill:
    """When a run is killed: once it made so many calls, and some seconds later."""

    calls: int
    delay: float = 0.0


@dataclass(frozen=True)
class Campaign:
    """What is run, and what happens to it.

    Attributes:
        behaviour: of the provider; its prompts and texts are as long as it bills them.
        concurrency: of each run.
        jobs: what the cap holds at their dearest; at 100, one of them is a hundredth of it.
        queries: of each condition; None for more than the cap can pay.
        kills: of the first run, the second one and so on.
        votes: of the judge, 0 for none.
        max_tokens: of a subject's answer; a judge's has 8.
        timeout: seconds a request may take.
        delay: seconds until an answer; None for as many as keep all in flight.
        second: whether there is a second model, of the same provider or of another one.
        selecting: whether there are judges that wait for others, or read only some answers.
        joint: whether a judge's votes are asked for in one request.
        scale: how long a second is to a run that waits; 0 for as short as in most campaigns.
        longest: seconds, after which a run is taken to be stuck.
    """

    behaviour: Behaviour = field(default_factory=Behaviour)
    concurrency: int = 10
    jobs: int = 100
    queries: int | None = None
    kills: tuple[Kill, ...] = ()
    votes: int = 1
    max_tokens: int = 24
    timeout: float = 30.0
    delay: float | None = None
    second: Literal["", "model", "provider"] = ""
    selecting: bool = False
    joint: bool = False
    scale: float = 0.0
    longest: float = STUCK


@dataclass(frozen=True)
class Outcome:
    """What came of a campaign.

    Attributes:
        cap: as approved.
        bill: what the provider really charged.
        allowed: by how much that may be above the cap, see `audit.allowance`.
        settled, held: what the ledger says.
        runs: how each of them ended.
        busiest: how many calls the provider had at once, at most.
        calls: how many it had in all.
        answers: how many of them are stored.
        holds: how many attempts' money is held.
        released: when each attempt was reserved whose money was released, in seconds.
        subjects: the numbers of the calls whose answers are not judges'.
        flaws: every promise that was broken, in words.
    """

    cap: Money
    bill: Money
    allowed: Money
    settled: Money
    held: Money
    runs: tuple[Ended, ...]
    busiest: int
    calls: int
    answers: int
    holds: int
    released: tuple[float, ...]
    subjects: frozenset[int]
    flaws: tuple[str, ...]

    @property
    def end(self) -> str:
        """How the last run ended."""
        return self.runs[-1].end

    @property
    def of_cap(self) -> float:
        """True bill / cap."""
        return self.bill.pico / self.cap.pico

    @property
    def bound(self) -> float:
        """What true bill / cap may be."""
        return 1 + self.allowed.pico / self.cap.pico

    @property
    def used(self) -> float:
        """What the ledger counts against the cap / cap."""
        return (self.settled.pico + self.held.pico) / self.cap.pico


def perform(campaign: Campaign, stage: Stage) -> Outcome:
    """Perform a campaign to its end, and audit it."""
    planned = stage.plan(
        jobs=campaign.jobs,
        queries=campaign.queries or max(1, campaign.jobs),
        votes=campaign.votes,
        max_tokens=campaign.max_tokens,
        second=campaign.second,
        selecting=campaign.selecting,
        joint=campaign.joint,
    )
    delay = campaign.delay
    if delay is None:
        delay = PER_REQUEST * (campaign.concurrency - 1)
    behaviour = replace(campaign.behaviour, wordy=True, input_tokens="counted", delay=delay)
    stage.provider.reset(behaviour)
    runs, lost = _runs(campaign, stage, planned)
    bill = _final_bill(stage)
    books = Books.read(planned.ledger)
    flaws = lost + audit(planned, bill, books, runs)
    allowed = allowance(bill)
    # A process that was killed may not have read the answer that would have stopped it.
    in_flight = campaign.concurrency * len(runs)
    if sum(call.fault == "over_max" for call in bill.calls) > in_flight:
        flaws.append("RAMP: more calls broke their max_tokens than can be in flight at once")
    return Outcome(
        cap=planned.cap,
        bill=bill_of(bill),
        allowed=allowed,
        settled=books.settled,
        held=books.held,
        runs=tuple(runs),
        busiest=bill.max_concurrent,
        calls=len(bill.calls),
        answers=len(books.texts),
        holds=books.holds,
        released=books.released,
        subjects=books.subjects,
        flaws=tuple(flaws),
    )


def _runs(campaign: Campaign, stage: Stage, planned: Planned) -> tuple[list[Ended], list[str]]:
    """Run until nothing is left to do; also name the answers that vanished in between."""
    runs: list[Ended] = []
    lost: list[str] = []
    kills, before = iter(campaign.kills), None
    job = Job(
        plan=str(planned.path),
        folder=str(planned.ledger.parent),
        home=str(planned.folder / "home"),
        concurrency=campaign.concurrency,
        timeout=campaign.timeout,
        scale=campaign.scale,
        longest=2 * campaign.longest,
    )
    while len(runs) < MOST_RUNS and (not runs or _goes_on(runs)):
        runs.append(_run(stage, job, next(kills, None), campaign.longest))
        if ledger_exists(FileLocation(planned.ledger)):
            after = Books.read(planned.ledger)
            lost += vanished(before, after) if before else []
            before = after
    return runs, lost


def _goes_on(runs: list[Ended]) -> bool:
    """Return whether a user would call the command again."""
    last = runs[-1]
    match last.end:
        case "killed":
            return True
        case "CannotSend":  # the provider is away; a user looks again a little later
            time.sleep(LOOK)
            return True
        case StopReason.STOPPED | StopReason.FAILED if not last.reason.startswith("BREACH"):
            return [run.end for run in runs].count(last.end) < OFTEN
    return False


def _run(stage: Stage, job: Job, kill: Kill | None, longest: float) -> Ended:
    """Run once, and kill it when it is time, or when it is stuck."""
    before = stage.provider.arrived(0, 0)
    pid = stage.launch.start(job)
    try:
        ended = _killed_in_time(stage, before, kill) if kill else stage.launch.ended(within=longest)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    if ended is None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself just now
            os.kill(pid, signal.SIGKILL)
        ended = stage.launch.ended(within=STUCK)
        return ended if kill and ended else Ended("stuck")
    return ended


def _killed_in_time(stage: Stage, before: int, kill: Kill) -> Ended | None:
    """Wait until it is time to kill a run; it may end before."""
    while stage.provider.arrived(before + kill.calls, LOOK) < before + kill.calls:
        if ended := stage.launch.ended(within=0):
            return ended
    return stage.launch.ended(within=kill.delay)


def _final_bill(stage: Stage) -> Bill:
    """Give the account once no call runs any more: a client that was killed leaves some behind."""
    deadline = time.monotonic() + STUCK
    while time.monotonic() < deadline:
        bill = stage.provider.bill()
        if all(call.ended for call in bill.calls):
            return bill
        time.sleep(0.01)
    raise TimeoutError("a call went on after its client had left")
