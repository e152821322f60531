"""Own money: what this process has allocated to jobs and reserved for attempts, in memory.

It is what the entries of this process say, so that the ledger is not asked at every step. What a
transaction changes is undone with it. Whether others may have moved that money meanwhile is for the
ledger to know: an attempt of a worker that was taken for dead is held.
"""

from __future__ import annotations


class OwnMoney:
    """The money of this process's open jobs and attempts, in pico-dollars.

    One transaction at a time changes it; any thread may read it.
    """

    def __init__(self) -> None:
        self._allocated: dict[str, int] = {}  # by job; none is 0
        self._reserved: dict[str, int] = {}  # by attempt, while its last entry is the reservation
        # Of the transaction that is open: what was changed, and what was there before.
        self._before: list[tuple[dict[str, int], str, int | None]] = []

    @property
    def allocated(self) -> int:
        """What is allocated to all jobs."""
        return sum(list(self._allocated.values()))

    def list_jobs(self) -> list[str]:
        """Return the jobs to which something is allocated."""
        return list(self._allocated)

    def allocated_to(self, job: str) -> int:
        """Return what is allocated to a job."""
        return self._allocated.get(job, 0)

    def reserved_for(self, attempt: str) -> int | None:
        """Return what is reserved for an attempt; None where this process knows of nothing."""
        return self._reserved.get(attempt)

    def allocate(self, job: str, change: int) -> None:
        """Add to what is allocated to a job."""
        self._change(self._allocated, job, self._allocated.get(job, 0) + change or None)

    def reserve(self, attempt: str, amount: int) -> None:
        """Note a reservation, which is the last entry of its attempt."""
        self._change(self._reserved, attempt, amount)

    def end(self, attempt: str) -> None:
        """Note that another entry followed an attempt's reservation, if there was one here."""
        if attempt in self._reserved:
            self._change(self._reserved, attempt, None)

    def keep(self) -> None:
        """Keep what the transaction changed: it is committed."""
        self._before.clear()

    def undo(self) -> None:
        """Undo what the transaction changed: it is rolled back."""
        while self._before:
            _set(*self._before.pop())

    def _change(self, amounts: dict[str, int], name: str, amount: int | None) -> None:
        self._before.append((amounts, name, amounts.get(name)))
        _set(amounts, name, amount)


def _set(amounts: dict[str, int], name: str, amount: int | None) -> None:
    if amount is None:
        amounts.pop(name, None)
    else:
        amounts[name] = amount
