"""Signals: what ends a process that waits from outside, at Ctrl-C and SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def call_at_signals(handle: Callable[[], None]) -> Iterator[None]:
    """Call a function at each of these signals, for the duration of the context.

    Only a process's main thread can do so; elsewhere nothing is called.
    """
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError, ValueError, RuntimeError):  # not the main thread
        for number in _SIGNALS:
            loop.add_signal_handler(number, handle)
    try:
        yield
    finally:
        with suppress(NotImplementedError, ValueError, RuntimeError):
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
