"""Line budget: what becomes of the money of many lines, written in few transactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from runner.execution import Budget
from runner.ledger import Attempt, Ledger, SpooledAnswer


class LineBudget(Budget):
    """Gathers what is to be written of lines, until `write_all` writes it.

    Attributes:
        settled, released, held: how many attempts were, since it was made.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._gathered: list[Callable[[], None]] = []
        self.settled = self.released = self.held = 0

    async def settle(
        self, answers: Sequence[SpooledAnswer], unanswered: Sequence[Attempt] = ()
    ) -> None:
        """Have answered attempts settled."""
        self.settled += len(answers)
        self.released += len(unanswered)
        self._gathered.append(partial(self._settle_now, answers, unanswered))

    async def release(self, attempts: Sequence[Attempt], note: str) -> None:
        """Have the money of attempts freed."""
        self.released += len(attempts)
        free = partial(self._ledger.release, to_job=False)
        self._gathered.append(partial(self._for_each, free, attempts, note))

    async def hold(self, attempts: Sequence[Attempt], note: str) -> None:
        """Have the money of attempts held."""
        self.held += len(attempts)
        self._gathered.append(partial(self._for_each, self._ledger.hold, attempts, note))

    def write_all(self) -> None:
        """Write what was gathered, in one transaction.

        Raises:
            LedgerError: the ledger takes nothing more; what the provider has is collected later.
        """
        with self._ledger.transaction():
            self._ledger.refuse_evicted()
            for write in self._gathered:
                write()
        self._gathered.clear()
