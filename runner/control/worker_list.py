"""The workers of a shared ledger: who is at it, where, and what each has done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from runner.control.notes import open_notes
from runner.control.worker_states import StatedWait, WorkerState, read_left_states
from runner.ledger import Location, PostgresLocation, WorkerRow, open_shared_tables, read_workers


@dataclass(frozen=True, slots=True)
class ListedWorker:
    """A worker of a shared ledger.

    Attributes:
        name: under which it writes.
        host, process: where it runs; empty and 0 where it left nothing of itself.
        state: `working`; `silent` where its lease expired and its jobs have not gone to others yet;
            `ended`.
        seen_at: when it left something of itself last, as ISO 8601 in UTC; empty where it did not.
        jobs_done, jobs_open: of the newest plan's.
        waits: the models that it asks nothing now.
    """

    name: str
    host: str
    process: int
    state: str
    seen_at: str
    jobs_done: int
    jobs_open: int
    waits: tuple[StatedWait, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self) | {"waits": [asdict(each) for each in self.waits]}


def list_workers(location: Location) -> list[ListedWorker]:
    """Return the workers of a shared ledger, those that work first; none of a ledger file.

    Raises:
        LedgerError: the database cannot be reached.
    """
    if not isinstance(location, PostgresLocation):
        return []
    with open_notes(location) as notes, open_shared_tables(location) as database:
        left, rows = read_left_states(notes), read_workers(database)
    listed = [_list(row, left.get(row.name)) for row in rows]
    return sorted(listed, key=lambda each: (each.state == "ended", each.host, each.name))


def _list(row: WorkerRow, left: WorkerState | None) -> ListedWorker:
    state = "ended" if row.has_ended else "working" if row.is_living else "silent"
    return ListedWorker(
        name=row.name,
        host=left.host if left else "",
        process=left.process if left else 0,
        state=state,
        seen_at=left.at if left else "",
        jobs_done=row.done,
        jobs_open=row.taken,
        waits=left.waits if left and row.is_living else (),
    )
