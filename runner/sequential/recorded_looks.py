"""Recorded looks: each is an entry of the ledger, so that none is ever taken twice.

An entry holds the design of the test beside the looks. Those of another design, of an earlier plan
of the study, are no part of the test; they are counted, because its bounds do not allow for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiment.analysis.sequential import Look, SequentialDesign
from experiment.definition import ExperimentSpec
from pricing.money import Money
from runner.ledger import Ledger, LedgerReader


@dataclass(frozen=True, slots=True)
class RecordedLooks:
    """The looks of a sequential test so far.

    Attributes:
        design: of the test.
        models: the experiment's, as written; each has a test.
        looks: those that were taken, oldest first.
        others: how many were taken in the study by tests of other designs.
    """

    design: SequentialDesign
    models: tuple[str, ...]
    looks: tuple[Look, ...] = ()
    others: int = 0

    @property
    def done(self) -> int:
        """How many looks are done; each covers all models whose tests go on."""
        return max((each.number for each in self.looks), default=0)

    @property
    def shown(self) -> dict[str, Look]:
        """Model -> the look at which its gap was shown."""
        return {each.model: each for each in self.looks if each.is_shown}

    @property
    def open_models(self) -> tuple[str, ...]:
        """The models whose tests go on."""
        return tuple(model for model in self.models if model not in self.shown)

    @property
    def stopped_early(self) -> tuple[Look, ...]:
        """The looks, before the last, at which a model's gap was shown."""
        return tuple(each for each in self.shown.values() if each.number < self.design.looks)

    @property
    def next_place(self) -> int | None:
        """After how many queries the next look is; None where there is none."""
        if self.done == self.design.looks or not self.open_models:
            return None
        return self.design.places[self.done]

    @property
    def next_early_place(self) -> int | None:
        """After how many queries the next look is that may end a test early; None without one."""
        return self.next_place if self.done < self.design.looks - 1 else None

    def describe_stops(self) -> list[str]:
        """Return a sentence for each model that was stopped early."""
        return [_describe_stop(self.design, each) for each in self.stopped_early]


@dataclass(frozen=True, slots=True)
class SequentialResult:
    """What a run's sequential test says.

    Attributes:
        recorded: its looks.
        saved: about what the requests would have cost that an early stop left unsent.
        spent: what the study came to.
    """

    recorded: RecordedLooks
    saved: Money
    spent: Money

    def describe_saving(self) -> str:
        """Return what an early stop left unspent; empty where nothing was stopped early."""
        if not self.recorded.stopped_early:
            return ""
        return f"about {self.saved} of {self.spent + self.saved} was not spent"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money as decimal strings of US dollars."""
        recorded = self.recorded
        return {
            "design": recorded.design.to_json()
            | {"bounds": list(recorded.design.bounds), "places": list(recorded.design.places)},
            "looks": [each.to_json() for each in recorded.looks],
            "stopped_early": [each.model for each in recorded.stopped_early],
            "next_look_at": recorded.next_place,
            "looks_of_other_designs": recorded.others,
            "saved_usd": self.saved.to_decimal_string(),
        }


def record_looks(ledger: Ledger, design: SequentialDesign, looks: Sequence[Look]) -> None:
    """Record looks that were taken together, in one entry.

    Raises:
        LedgerError: it cannot be written.
    """
    first, shown = looks[0], sum(each.is_shown for each in looks)
    words = (
        f"look {first.number} of {design.looks}, after {first.queries:,} queries: {shown} shown "
    )
    stored = {"design": design.to_json(), "looks": [each.to_json() for each in looks]}
    ledger.record_look(words + json.dumps(stored))


def find_looks(
    reader: Ledger | LedgerReader, spec: ExperimentSpec, queries: int
) -> RecordedLooks | None:
    """Return the looks of an experiment's sequential test so far; None where it has none.

    Args:
        reader: of the ledger.
        spec: of the experiment.
        queries: how many it has.
    """
    design = SequentialDesign.of_experiment(spec, queries)
    return read_looks(reader, design, spec.models) if design else None


def read_more_looks(reader: LedgerReader, known: RecordedLooks, after: int) -> RecordedLooks:
    """Return what is known of a test with the looks that were taken since.

    Args:
        reader: of the ledger.
        known: of the test.
        after: the newest entry when that was read.
    """
    more = read_looks(reader, known.design, known.models, after)
    return replace(known, looks=known.looks + more.looks, others=known.others + more.others)


def read_looks(
    reader: Ledger | LedgerReader, design: SequentialDesign, models: Iterable[str], after: int = 0
) -> RecordedLooks:
    """Read the looks of a test after an entry, and how many others there were."""
    own: list[Look] = []
    others = 0
    for text in reader.looks(after):
        note = json.loads(text[text.index("{") :])  # words for people come before it
        if note["design"] == json.loads(json.dumps(design.to_json())):
            own += map(Look.from_json, note["looks"])
        else:
            others += 1
    return RecordedLooks(design, tuple(models), tuple(own), others)


def _describe_stop(design: SequentialDesign, look: Look) -> str:
    first, second = design.between
    return (
        f"{look.model}: the gap between {first} and {second} was shown at look {look.number} of "
        f"{design.looks}, after {look.queries:,} of {design.queries:,} queries: "
        f"t = {look.t:.2f}, bound {look.bound:.2f}"
    )
