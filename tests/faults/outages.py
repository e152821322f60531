"""Outages: one of two models is down for 5 to 60 seconds, and what becomes of the run.

    outcome = perform_outage(OutageCampaign("529", seconds=20, concurrency=50), place)
    assert outcome.flaws == ()

It is in scaled time where it is not `real`: how long the outage lasts, what the provider asks to
wait, and how long a second is to a run that waits.

- Few holds: at most twice what may be in flight.
- It goes on by itself: one execution completes the work, or comes to its cap, and then at least
  0.97 of what the holds leave is spent.
- The other model goes on: while the one is down, the other one has answered nearly as often as in
  the same campaign without an outage.
- No hammering: apart from what was in flight when it was known, no call of the model that is down
  comes less than a second after another. It is known by its first failure, or by the third 429 in a
  row, for one may be a rate limit.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from runner.execution.scheduler import StopReason
from tests.faults.campaign import Campaign, Outcome, perform
from tests.faults.campaign_setup import DOWN, UP, Stage
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.bill import Bill, BilledCall
from tests.support.provider.outages import Outage, OutageKind

End = Literal["complete", "cap"]
ENDS: tuple[End, ...] = ("complete", "cap")
Wait = Literal["", "retry-after", "retry-after-ms"]
FORMS: tuple[tuple[OutageKind, Wait], ...] = (
    ("503", ""),
    ("503", "retry-after"),
    ("529", ""),
    ("529", "retry-after"),
    ("429", ""),
    ("429", "retry-after"),
    ("429", "retry-after-ms"),
    ("refused", ""),
)
SECONDS = (5, 20, 60)
CONCURRENCY = (1, 10, 50, 200)
LONGEST_ASKED = 20  # seconds that the provider asks to wait, at most
SPENT = 0.97  # of what holds leave of the cap
PACE = 0.7  # of the answers without an outage; what is left is how a machine's speed varies
SPACING = 0.95  # of a second: calls take some time to arrive, and not all of them as much
SOON = 0.4  # real seconds after the first failure, when the last of those in flight came
WORK, CAP = 40, 100  # jobs of each model, beside some for each request in flight
PER_REQUEST, LEAST_DELAY, MOST_DELAY = 0.002, 0.02, 0.1  # seconds, so that all is in flight
SCALES = {5: 0.1, 20: 0.05, 60: 0.04}  # real seconds, in the time of an outage of so many
_WAITING = 200  # seconds of a run that waits longest, beside the outage
_WORKING = 90.0  # real seconds that a run may work


@dataclass(frozen=True)
class OutageCampaign:
    """One of two models is down for a while.

    Attributes:
        kind: what its calls get.
        wait: the header that asks to wait.
        seconds: how long it is down.
        concurrency: requests in flight, at most.
        from_start: it begins with the model's first call, else when all is in flight.
        ends: with all work done, or at the cap.
        judge: it is the judge's model that is down, which no job can do without.
        real: in real time.
    """

    kind: OutageKind
    wait: Wait = ""
    seconds: float = 5
    concurrency: int = 10
    from_start: bool = False
    ends: End = "complete"
    judge: bool = False
    real: bool = False

    @property
    def name(self) -> str:
        """Return it in words."""
        told = f" with {self.wait}" if self.wait else ""
        first = ", from the first call on" if self.from_start else ""
        ends = ", at the cap" if self.ends == "cap" else ""
        judge = ", the judge" if self.judge else ""
        real = " of real time" if self.real else ""
        return (
            f"{self.kind}{told}, {self.seconds:g} s{real}, {self.concurrency}{first}{judge}{ends}"
        )

    @property
    def second(self) -> float:
        """Return how long a second is."""
        return 1.0 if self.real else SCALES.get(int(self.seconds), 0.05)

    @property
    def begins(self) -> int:
        """Return with which call of its model the outage begins."""
        return 1 if self.from_start else 10 + self.concurrency // 2

    @property
    def known(self) -> int:
        """Return after how many failures its model is known to be down; one 429 may be a limit."""
        return 3 if self.kind == "429" else 1

    @property
    def outage(self) -> Outage:
        """Return what the provider is told."""
        asked = min(self.seconds, LONGEST_ASKED) * self.second
        return Outage(
            self.kind,
            self.seconds * self.second,
            model=UP if self.judge else DOWN,
            begins=self.begins,
            retry_after=asked if self.wait == "retry-after" else None,
            retry_after_ms=1000 * asked if self.wait == "retry-after-ms" else None,
        )

    @property
    def campaign(self) -> Campaign:
        """Return the campaign, with its outage."""
        more, beside = self.concurrency, 2 * self.concurrency
        return Campaign(
            Behaviour(output_tokens=(1, 24), outages=(self.outage,)),
            concurrency=self.concurrency,
            jobs=CAP + 2 * beside if self.ends == "cap" else 4 * (WORK + more) * 2,
            queries=CAP + beside if self.ends == "cap" else (WORK + more) // 4,
            delay=min(max(LEAST_DELAY, PER_REQUEST * self.concurrency), MOST_DELAY),
            second="provider" if self.kind == "refused" else "model",
            scale=self.second,
            longest=_WORKING + (self.seconds + _WAITING) * self.second,
        )


EVERY = tuple(
    OutageCampaign(*form, seconds, concurrency, ends=ends)
    for ends in ENDS
    for form in FORMS
    for concurrency in CONCURRENCY
    for seconds in SECONDS
)


@dataclass(frozen=True)
class OutageOutcome:
    """What came of it.

    Attributes:
        outcome: of the campaign.
        asked: calls of the model that was down, while it was.
        spacing: seconds, of the outage's own, between two of them after those that were in flight;
            infinity where there are not two.
        pace: answers of the other model meanwhile / those without an outage.
        spent: of what holds leave of the cap.
        flaws: what does not hold, in words.
    """

    outcome: Outcome
    asked: int
    spacing: float
    pace: float
    spent: float
    flaws: tuple[str, ...]


def perform_outage(campaign: OutageCampaign, stage: Stage, *, paced: bool = True) -> OutageOutcome:
    """Perform a campaign; `paced` performs it once more, without the outage, to compare.

    How often the other model answers also depends on what else the machine does at that moment. One
    that is slowed is slowed again.
    """
    found = _perform_once(campaign, stage, paced=paced)
    slow = all(flaw.startswith("SLOWED") for flaw in found.flaws)
    return _perform_once(campaign, stage, paced=paced) if found.flaws and slow else found


def _perform_once(campaign: OutageCampaign, stage: Stage, *, paced: bool) -> OutageOutcome:
    outcome = perform(campaign.campaign, stage)
    bill = stage.provider.bill()
    pace = 1.0
    if paced and not campaign.judge:
        answers = _count_answers(bill, campaign, outcome.subjects)
        usual = _count_usual_answers(campaign, stage)
        pace = answers / usual if usual else 1.0
    left = outcome.cap.pico - outcome.held.pico
    struck = [call for call in bill.calls if call.fault == campaign.outage.fault]
    times = outcome.released if campaign.kind == "refused" else [call.came for call in struck]
    answered = _find_last_answer(bill, campaign, struck)
    spacing = find_spacing(times, campaign.concurrency, campaign.known, answered)
    spacing /= campaign.second
    found = OutageOutcome(
        outcome, len(times), spacing, pace, outcome.settled.pico / max(left, 1), ()
    )
    return replace(found, flaws=(*outcome.flaws, *find_flaws(campaign, found)))


def find_flaws(campaign: OutageCampaign, found: OutageOutcome) -> list[str]:
    """Return what does not hold of what an outage must leave alone."""
    outcome, most = found.outcome, 2 * campaign.concurrency
    flaws = []
    if outcome.holds > most:
        flaws.append(f"HOLDS: {outcome.holds} attempts are held, at most {most} may be")
    if [run.end for run in outcome.runs] != [campaign.ends]:
        flaws.append(f"END: {[(run.end, run.reason) for run in outcome.runs]}")
    if campaign.ends == StopReason.CAP and found.spent < SPENT:
        flaws.append(f"UNSPENT: {found.spent:.3f} of what holds leave is spent")
    if found.spacing < SPACING:
        flaws.append(f"HAMMERED: two calls came {found.spacing:.2f} s after one another")
    if found.pace < PACE:
        flaws.append(f"SLOWED: the other model answered {found.pace:.2f} times as often as else")
    return flaws


def _find_last_answer(bill: Bill, campaign: OutageCampaign, struck: Sequence[BilledCall]) -> float:
    """Return when the last answer went out that the model gave to calls of before its outage."""
    came = min((call.came for call in struck), default=0.0)
    return max(
        (
            call.came + (call.delivered - call.started)
            for call in bill.calls
            if call.model == campaign.outage.model and call.delivered and call.came <= came
        ),
        default=0.0,
    )


def find_spacing(
    times: Sequence[float], in_flight: int, known: int = 1, answered: float = -math.inf
) -> float:
    """Return the least time between calls, of which the first ones were in flight together.

    Those are no more than may be, and came soon; what came after them is compared with what came
    before it.

    Args:
        times: of the calls.
        in_flight: calls, at most.
        known: after how many failures in a row a model is known to be down.
        answered: when its last answer of before the outage came; failures of before are none of
            those in a row.
    """
    ordered = sorted(times)
    known += sum(time <= answered for time in ordered)
    down = ordered[known - 1] if len(ordered) >= known else float("inf")
    soon = sum(time <= down + SOON for time in ordered)
    later = range(max(1, min(in_flight + known - 1, soon)), len(ordered))
    return min((ordered[n] - ordered[n - 1] for n in later), default=float("inf"))


def _count_usual_answers(campaign: OutageCampaign, stage: Stage) -> int:
    """Count the other model's answers in the same time of a run without an outage."""
    usual = campaign.campaign
    stays_up = replace(usual, behaviour=replace(usual.behaviour, outages=()))
    outcome = perform(stays_up, stage)
    return _count_answers(stage.provider.bill(), campaign, outcome.subjects)


def _count_answers(bill: Bill, campaign: OutageCampaign, subjects: Collection[int]) -> int:
    """Count the other model's answers to subjects, from the call on with which it begins."""
    concerned = [call for call in bill.calls if call.model == DOWN]
    began = concerned[campaign.begins - 1].came
    ended = began + campaign.outage.seconds
    calls = (call for call in bill.calls if call.model == UP and call.n in subjects)
    return sum(began <= call.came < ended for call in calls)
