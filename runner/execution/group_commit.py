"""Group commit: concurrent tasks of an event loop share ledger transactions.

What is asked for while a transaction is being made durable goes into the next one, all of it at
once, so a run with many requests in flight does not wait for the disk once for each. Where one of
them fails, the others are written all the same, each by itself. Transactions
are made in a thread of the writer's own, and the loop goes on meanwhile.

A transaction costs about half a millisecond of a processor beside what is written in it, so with
many requests in flight the next one may begin a little later (`pace`), with more in it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from runner.errors import LedgerInterrupted
from runner.ledger import Ledger

T = TypeVar("T")
_REPEATS = 3  # of a transaction that a lost connection undid


class _Written(asyncio.Future[T]):
    """What came of a write; who waits for it is cancelled only when it is there."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - as of `Future`
        """Return False: it cannot be cancelled, so the task is once it goes on."""
        return False


class _Asked(NamedTuple):
    """A write that is asked for."""

    action: Callable[[], Any]
    durable: bool
    done: _Written[Any]


class _Result(NamedTuple):
    """What came of a write: a value, or an error."""

    done: _Written[Any]
    value: Any
    error: BaseException | None = None

    def tell(self) -> None:
        """Tell it to who asked."""
        if self.error is None:
            self.done.set_result(self.value)
        else:
            self.done.set_exception(self.error)
            self.done.exception()  # who was cancelled looks at none


class GroupCommitWriter:
    """Writes to a ledger in group commits, for the tasks of one event loop.

    Args:
        ledger: open for writing.
        pace: seconds, at least, from the beginning of a transaction to that of the next one.
    """

    def __init__(self, ledger: Ledger, pace: float = 0.0) -> None:
        self._ledger = ledger
        self._pace = pace
        self._earliest = -math.inf  # on the loop's clock, when the next transaction begins
        self._pending: list[_Asked] = []
        self._is_writing = False
        # Its thread is started by the first write, and ends with the writer.
        self._thread = ThreadPoolExecutor(1, "afcost-ledger")

    def write(self, action: Callable[[], T], *, durable: bool = True) -> asyncio.Future[T]:
        """Run an action on the ledger; return a future of its result, which is there once written.

        Who waits for it and is cancelled meanwhile learns of that only then: what was asked for is
        written anyway. It is a `LedgerError` where it was not written.

        Args:
            action: is called in another thread, in one transaction with what others ask for.
            durable: whether it must survive a power cut.
        """
        loop = asyncio.get_running_loop()
        done: _Written[T] = _Written(loop=loop)
        self._pending.append(_Asked(action, durable, done))
        if not self._is_writing:
            self._is_writing = True
            self._write_soon(loop)
        return done

    def _write_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin a transaction as soon as one may, with all that is asked for until then."""
        if self._earliest > loop.time():
            loop.call_at(self._earliest, self._write_batch, loop)
        else:
            loop.call_soon(self._write_batch, loop)  # with what others ask for in this turn

    def _write_batch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to write all that is asked for; what comes meanwhile follows."""
        asked, self._pending = self._pending, []
        self._earliest = loop.time() + self._pace
        writing = loop.run_in_executor(self._thread, self._commit_batch, asked)
        writing.add_done_callback(self._tell)

    def _tell(self, writing: asyncio.Future[list[_Result]]) -> None:
        """Tell what came of a batch, and write the next one."""
        for result in writing.result():
            result.tell()
        if self._pending:
            self._write_soon(writing.get_loop())
        else:
            self._is_writing = False

    def _commit_batch(self, asked: list[_Asked], repeats: int = _REPEATS) -> list[_Result]:
        """Commit in one transaction or, where one action fails, each in its own.

        Args:
            asked: what to commit.
            repeats: how often to do it again where a lost connection undid it.
        """
        try:
            with self._ledger.transaction(durable=any(each.durable for each in asked)):
                return [_Result(each.done, each.action()) for each in asked]
        except BaseException as error:  # noqa: BLE001 - everyone who asked is told
            if isinstance(error, LedgerInterrupted) and repeats:
                return self._commit_batch(asked, repeats - 1)
            if len(asked) == 1:
                return [_Result(asked[0].done, None, error)]
        return [result for one in asked for result in self._commit_batch([one])]
