"""Nesting: a transaction within another is a part of it, at hardly any cost.

Each write of a ledger is a transaction by itself, so a batch of them nests a few for each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Nesting(Generic[T]):
    """Opens one transaction at a time, for several threads.

    Args:
        begin: returns a context in which a transaction is open; called with whether it is durable.

    Attributes:
        current: the transaction that is open; None where none is.
    """

    def __init__(self, begin: Callable[[bool], AbstractContextManager[T]]) -> None:
        self.lock = threading.RLock()
        self.begin = begin
        self.current: T | None = None

    def open(self, *, durable: bool) -> AbstractContextManager[T]:
        """Return a context in the transaction that this thread has open, or in a new one."""
        return _Part(self, durable=durable)


class _Part(AbstractContextManager[T]):
    """A transaction, or a part of one."""

    __slots__ = ("_durable", "_nesting", "_outermost")

    def __init__(self, nesting: Nesting[T], *, durable: bool) -> None:
        self._nesting = nesting
        self._durable = durable
        self._outermost: AbstractContextManager[T] | None = None

    def __enter__(self) -> T:
        nesting = self._nesting
        nesting.lock.acquire()
        if nesting.current is not None:
            return nesting.current
        try:
            self._outermost = nesting.begin(self._durable)
            return self._outermost.__enter__()
        except BaseException:
            nesting.lock.release()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            return None if self._outermost is None else self._outermost.__exit__(kind, error, trace)
        finally:
            self._nesting.lock.release()
