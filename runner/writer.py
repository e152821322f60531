"""The writer: tasks of an event loop write to the ledger together.

What is asked for while a transaction is being made durable goes into the next one, all of it at
once, so a run with many requests in flight does not wait for the disk once for each. Transactions
are made in a thread, and the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from runner.ledger import Ledger

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
            LedgerError: nothing of the transaction was written.
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
            try:
                results = await asyncio.to_thread(self._together, asked)
            except BaseException as error:  # noqa: BLE001 - everyone who asked is told
                for _, _, done in asked:
                    done.set_exception(error)
            else:
                for (_, _, done), result in zip(asked, results, strict=True):
                    done.set_result(result)
        self._writing = None

    def _together(self, asked: list[_Asked]) -> list[Any]:
        with self._ledger.together(durable=any(durable for _, durable, _ in asked)):
            return [act() for act, _, _ in asked]
