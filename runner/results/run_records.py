"""Run records: all attempts in a run's ledger, and those that its plan counts."""

from __future__ import annotations

from dataclasses import dataclass

from runner.ledger import AttemptRecord, LedgerReader
from runner.results.current_verdicts import list_earlier_verdicts
from runner.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class RunRecords:
    """The attempts of a run.

    Attributes:
        everything: that is in the ledger, in the order in which it was reserved.
        current: what the run's plan counts, under the plan's own names of conditions and queries.
        earlier: what it does not count: of judges that earlier plans had.
    """

    everything: list[AttemptRecord]
    current: list[AttemptRecord]
    earlier: list[AttemptRecord]


def read_records(run_folder: RunFolder, reader: LedgerReader) -> RunRecords:
    """Read the attempts of a run from its ledger, open for reading."""
    ids = list_earlier_verdicts(run_folder, reader)
    everything = list(reader.attempts())
    return RunRecords(
        everything,
        current=[each for each in everything if each.attempt.id not in ids],
        earlier=[each for each in everything if each.attempt.id in ids],
    )
