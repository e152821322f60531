"""Turns: what processes of one machine write one after the other, each in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock


class Turn:
    """A lock that is waited for once, not each time, where another process keeps it.

    A process that is suspended while it has the lock keeps it until it is resumed; the others go
    on without what the lock is for.

    Args:
        lock: taken by each process for milliseconds.
        patience: seconds to wait for it.
    """

    def __init__(self, lock: FileLock, patience: float) -> None:
        self._lock = lock
        self._patience = patience
        self._is_kept = False  # by another process, when last tried

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold the lock in the context.

        Raises:
            Timeout: another process has it; it is an OSError.
        """
        wait = 0.0 if self._is_kept else self._patience
        self._is_kept = True
        with self._lock.acquire(timeout=wait):
            self._is_kept = False
            yield
