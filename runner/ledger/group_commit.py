"""The writer: tasks of an event loop write to the ledger together.

What is asked for while a transaction is being made durable goes into the next one, all of it at
once, so a run with many requests in flight does not wait for the disk once for each. Where one of
them fails, the others are written all the same, each by itself. Transactions
are made in a thread, and the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from runner.ledger.ledger import Ledger

T = TypeVar("T")
_Asked = tuple[Callable[[], Any], bool, asyncio.Future[Any]]


class Writer:
    """Writes to a ledger, for tasks of one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._asked: list[_Asked] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, act: Callable[[], T], *, durable: bool = True) -> T:
        """Do something with the ledger, and give what it gives once it is written.

        Who is cancelled meanwhile learns of it only then: what was asked for is written anyway.

        Args:
            act: is called in another thread, in one transaction with what others ask for.
            durable: whether it must survive a power cut.

        Raises:
            LedgerError: it was not written.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.append((act, durable, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait({done})
            raise

    async def _write(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            for tell in await asyncio.to_thread(self._together, asked):
                tell()
        self._writing = None

    def _together(self, asked: list[_Asked]) -> list[Callable[[], None]]:
        """Write in one transaction, or, where one of them fails, each in its own.

        Returns:
            What tells each who asked what came of it.
        """
        try:
            with self._ledger.together(durable=any(durable for _, durable, _ in asked)):
                return [partial(done.set_result, act()) for act, _, done in asked]
        except BaseException as error:  # noqa: BLE001 - everyone who asked is told
            if len(asked) == 1:
                return [partial(asked[0][2].set_exception, error)]
        return [tell for one in asked for tell in self._together([one])]
