"""Group commit: concurrent tasks of an event loop share ledger transactions.

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

from runner.errors import LedgerInterrupted
from runner.ledger import Ledger

T = TypeVar("T")
_REPEATS = 3  # of a transaction that a lost connection undid
_PendingWrite = tuple[Callable[[], Any], bool, asyncio.Future[Any]]


class GroupCommitWriter:
    """Writes to a ledger in group commits, for the tasks of one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pending: list[_PendingWrite] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, action: Callable[[], T], *, durable: bool = True) -> T:
        """Run an action on the ledger, and return its result once it is written.

        Who is cancelled meanwhile learns of it only then: what was asked for is written anyway.

        Args:
            action: is called in another thread, in one transaction with what others ask for.
            durable: whether it must survive a power cut.

        Raises:
            LedgerError: it was not written.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending.append((action, durable, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_batches())
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait({done})
            raise

    async def _write_batches(self) -> None:
        while self._pending:
            asked, self._pending = self._pending, []
            for tell in await asyncio.to_thread(self._commit_batch, asked):
                tell()
        self._writing = None

    def _commit_batch(
        self, pending: list[_PendingWrite], repeats: int = _REPEATS
    ) -> list[Callable[[], None]]:
        """Commit in one transaction or, where one action fails, each in its own.

        Args:
            pending: what to commit.
            repeats: how often to do it again where a lost connection undid it.

        Returns:
            What tells each who asked what came of it.
        """
        try:
            with self._ledger.transaction(durable=any(durable for _, durable, _ in pending)):
                return [partial(done.set_result, act()) for act, _, done in pending]
        except BaseException as error:  # noqa: BLE001 - everyone who asked is told
            if isinstance(error, LedgerInterrupted) and repeats:
                return self._commit_batch(pending, repeats - 1)
            if len(pending) == 1:
                return [partial(pending[0][2].set_exception, error)]
        return [tell for one in pending for tell in self._commit_batch([one])]
