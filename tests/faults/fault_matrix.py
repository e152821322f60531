"""The table's cells: each fault alone and all together, crossed with concurrency and with crashes.

A cap holds a hundred jobs at their dearest and more, so that what is left when no other job fits is
less than a hundredth of it. There is always more to ask than the cap can pay. Answers are drawn
evenly from 1 to `max_tokens`, which is 24 for a subject, where a row does not say otherwise, and 8
for its judge. Each fault strikes one call in twenty, or so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.faults.campaign import Campaign, Kill
from tests.support.provider.behaviour import Behaviour, Fault

CONCURRENCY = (1, 10, 50, 200)
CALLS = 2.53  # that a job at its dearest pays for, measured with answers from 1 to 24 tokens
FEW, SOME, MANY = 0.02, 0.05, 0.1
TIMEOUT = 0.6  # seconds, where answers come too late; the slow ones take three times as long


@dataclass(frozen=True)
class Row:
    """A fault as it stands in the table.

    Attributes:
        name: in words.
        faults: what the provider does, beside answering.
        reasoning: hidden tokens of an answer; `hides`: only the total tells of them.
        begins: after this share of the calls that the cap pays for, the faults begin.
        max_tokens: of a subject's answer.
        late: the client's timeout matters.
        holds: it leaves money held, also where nothing is killed.
        lies: usage is below what is billed, or `max_tokens` is broken.
        inflates: usage is above what is billed, or not believed and booked as all that was allowed,
            so the bill stays below what is counted.
        stops: the run stops at once, by design, and is not continued.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    reasoning: int = 0
    hides: bool = False
    begins: float = 0.0
    max_tokens: int = 24
    late: bool = False
    holds: bool = False
    lies: bool = False
    inflates: bool = False
    stops: bool = False

    @property
    def spends(self) -> bool:
        """Whether the true bill must come to 0.97 of the cap where nothing was killed."""
        return not (self.holds or self.inflates or self.stops)


def _all(kind: str, **changes: object) -> tuple[Fault, ...]:
    return (Fault(kind, probability=1.0, **changes),)


def _some(kind: str, probability: float = SOME, **changes: object) -> tuple[Fault, ...]:
    return (Fault(kind, probability=probability, **changes),)


ROWS = (
    Row("none"),
    Row("429 with Retry-After", _some("429", MANY, retry_after=0.01)),
    Row("402", (Fault("402", calls=(60, 140)),)),
    Row("500 before billing", _some("500_before"), holds=True),
    Row("500 after billing", _some("500_after"), holds=True),
    Row("connections refused for a while", _some("refused", FEW, seconds=0.03), holds=True),
    Row("cut before billing", _some("cut_before"), holds=True),
    Row("cut after billing", _some("cut_after"), holds=True),
    Row("cut in the middle of a body", _some("cut_body"), holds=True),
    Row("cut in the middle of a stream", _some("cut_stream"), holds=True),
    Row("answers slower than the timeout", _some("slow", FEW, seconds=3 * TIMEOUT), late=True,
        holds=True),
    Row("answers that never come", _some("stall", FEW), late=True, holds=True),
    Row("malformed JSON", _some("malformed"), holds=True),
    Row("no usage", _some("no_usage"), holds=True),
    Row("usage says zero", _all("zero_usage"), lies=True, inflates=True),
    Row("usage says half", _all("halved_usage"), lies=True, inflates=True),
    Row("usage says half, longer answers", _all("halved_usage"), lies=True, inflates=True,
        max_tokens=200),
    Row("usage says twice the output", _all("inflated_output"), inflates=True),
    Row("usage says twice the prompt", _all("inflated_prompt"), begins=0.5, inflates=True,
        stops=True),
    Row("output beyond `max_tokens`", _all("over_max"), begins=0.95, lies=True, stops=True),
    Row("hidden reasoning", reasoning=6),
    Row("hidden reasoning, only in the total", reasoning=6, hides=True),
    Row(
        "all that holds or refuses, at once",
        tuple(
            Fault(kind, probability=0.01, retry_after=0.01, seconds=0.03)
            for kind in (
                "429", "500_before", "500_after", "refused", "cut_before", "cut_after", "cut_body",
                "cut_stream", "malformed", "no_usage",
            )
        ),
        holds=True,
    ),
)  # fmt: skip


def campaign(row: Row, concurrency: int, *, killed: bool, seed: int = 0) -> Campaign:
    """Return the campaign of a cell."""
    jobs = 100 + 2 * concurrency
    after = int(row.begins * CALLS * jobs)
    behaviour = Behaviour(
        output_tokens=(1, row.max_tokens),
        reasoning_tokens=row.reasoning,
        hides_reasoning=row.hides,
        faults=tuple(replace(fault, after=after) for fault in row.faults),
        seed=seed,
    )
    return Campaign(
        behaviour,
        concurrency=concurrency,
        jobs=jobs,
        max_tokens=row.max_tokens,
        kills=(Kill(70), Kill(50, 0.01)) if killed else (),
        timeout=TIMEOUT if row.late else 30.0,
    )
