"""Job places: where in the order of work the jobs of a ledger's attempts are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from experiment.prompts import RequestBuilder
from runner.ledger import Ledger


class JobPlaces:
    """Finds the places of jobs, and remembers them.

    Args:
        requests: of the plan.
        seed: of the order of work.
        ledger: with the jobs.
    """

    def __init__(self, requests: RequestBuilder, seed: str, ledger: Ledger) -> None:
        self._requests, self._seed, self._ledger = requests, seed, ledger
        self._cells = {(model, each.name): n for n, (model, each) in enumerate(requests.cells)}
        self._of_all: dict[str, int] | None = None

    def find(self, jobs: Collection[str], done: Sequence[int] = b"") -> dict[str, int]:
        """Return the places of jobs; one that the plan does not have is left out.

        Args:
            jobs: their ids.
            done: by place, what is not 0 where a job is left out too; empty for none.
        """
        found: dict[str, int] = {}
        jobs = set(jobs)
        for job, model, condition, query, sample in self._ledger.subject_labels(jobs):
            place = self._find_place(model, condition, query, sample)
            if place is not None and done and done[place]:
                jobs.discard(job)
            elif place is not None and self._requests.request_at(self._seed, place).id == job:
                found[job] = place
        for job in jobs:  # its plan had other labels for it
            if job not in found and (place := self._search().get(job)) is not None:
                found[job] = place
        return found

    def _find_place(self, model: str, condition: str, query: int, sample: int) -> int | None:
        cell = self._cells.get((model, condition))
        if cell is None:
            return None
        return self._requests.find_place(self._seed, cell, query, sample)

    def _search(self) -> dict[str, int]:
        if self._of_all is None:
            all_of_them = enumerate(self._requests.in_work_order(self._seed))
            self._of_all = {request.id: place for place, request in all_of_them}
        return self._of_all
