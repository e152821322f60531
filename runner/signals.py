"""Signals to this process: Ctrl-C and SIGTERM, which end it, and others."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

_ENDING = ("SIGINT", "SIGTERM")


@contextmanager
def receive_signals(
    receive: Callable[[signal.Signals], object], names: Sequence[str]
) -> Iterator[None]:
    """Call a function with each signal to this process, for the duration of the context.

    What is ignored stays so, here and in programs that are started: `nohup` and a shell's `&` have
    it that way. What was done at a signal before is done again afterwards, but for a handler that
    the loop had. Only a process's main thread can receive any; elsewhere nothing is called.

    Args:
        receive: is called in the event loop.
        names: of the signals; those that this system does not have are left out.
    """
    loop, caught = asyncio.get_running_loop(), {}
    for name in names:
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) == signal.SIG_IGN:
            continue
        with suppress(NotImplementedError, ValueError, RuntimeError):  # not the main thread
            before = signal.getsignal(number)
            loop.add_signal_handler(number, receive, number)
            caught[number] = before
    try:
        yield
    finally:
        for number, before in caught.items():
            loop.remove_signal_handler(number)
            signal.signal(number, before)


@contextmanager
def call_at_signals(handle: Callable[[], object]) -> Iterator[None]:
    """Call a function at Ctrl-C and SIGTERM, as `receive_signals` does."""
    with receive_signals(lambda _: handle(), _ENDING):
        yield
