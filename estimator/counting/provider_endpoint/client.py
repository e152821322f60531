"""Counting at the provider: its own count endpoint, free, slow and limited in rate.

Several threads ask at once, and no more prompts are in memory than are being asked for. This does
not remember counts: whoever asks keeps them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from queue import LifoQueue
from threading import Event
from typing import TYPE_CHECKING

from estimator.counting.provider_endpoint.retry import Inquiry
from experiment.prompts.request import Message
from providers.apis.count_tokens import dialect_of
from providers.provider import Provider, api_key

if TYPE_CHECKING:
    import requests

_AT_ONCE, _PENDING = 8, 32  # requests in flight; prompts drawn and not yet counted

Prompt = tuple[Message, ...]


class CountEndpoint:
    """A provider's count endpoint for one model. Free, slow and limited in rate.

    Args:
        provider: where it is; `dialect_of` must know how it counts.
        model_id: what the provider calls the model.
        key: the provider's key. It is in the headers and nowhere else.
        sleep, clock: seconds.

    Raises:
        CountFailed: the provider has no count endpoint, or the key cannot be in a header.
    """

    def __init__(
        self,
        provider: Provider,
        model_id: str,
        key: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inquiry = Inquiry(provider, model_id, key, sleep=sleep, clock=clock)

    def count(self, messages: Sequence[Message]) -> int:
        """Count one prompt.

        Raises:
            CountFailed: names the provider, the model, what it said, and the next step.
        """
        with _sessions(1) as sessions:
            return self._inquiry.ask(sessions.get(), messages)

    def count_all(self, prompts: Iterable[Prompt], counted: Callable[[Prompt, int], None]) -> None:
        """Count many prompts, several at once; each is asked for as often as it is given.

        Args:
            prompts: drawn as they are needed, so they need not fit in memory.
            counted: called from this thread for each as it comes in, in no certain order. Where
                one fails, it is still called for those that were answered meanwhile.

        Raises:
            CountFailed: the first one that was met; no further prompt is asked for.
        """
        pending: dict[Future[int], Prompt] = {}
        stop = Event()
        with _sessions(_AT_ONCE) as sessions, ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                for prompt in prompts:
                    pending[pool.submit(self._count, sessions, prompt, stop)] = prompt
                    if len(pending) == _PENDING:
                        _hand_over(pending, counted)
                while pending:
                    _hand_over(pending, counted)
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                _hand_over_answered(pending, counted)
                raise

    def _count(self, sessions: LifoQueue[requests.Session], prompt: Prompt, stop: Event) -> int:
        session = sessions.get()  # there is one for each thread
        try:
            return self._inquiry.ask(session, prompt, stop.is_set)
        finally:
            sessions.put(session)


def endpoint_of(provider: Provider, model_id: str) -> CountEndpoint | None:
    """Give a model's count endpoint; None where none is known, or the environment has no key.

    Raises:
        CountFailed: the key cannot be in a header.
    """
    key = api_key(provider)
    return CountEndpoint(provider, model_id, key) if key and dialect_of(provider) else None


@contextmanager
def _sessions(number: int) -> Iterator[LifoQueue[requests.Session]]:
    """Open sessions; the last one put back, whose connection is freshest, is the next one taken."""
    import requests  # noqa: PLC0415 - only where something is counted elsewhere

    with ExitStack() as stack:
        queue: LifoQueue[requests.Session] = LifoQueue()
        for _ in range(number):
            queue.put(stack.enter_context(requests.Session()))
        yield queue


def _hand_over(pending: dict[Future[int], Prompt], counted: Callable[[Prompt, int], None]) -> None:
    """Wait until at least one prompt is done, and report all that are."""
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        prompt = pending.pop(future)
        counted(prompt, future.result())


def _hand_over_answered(
    pending: dict[Future[int], Prompt], counted: Callable[[Prompt, int], None]
) -> None:
    """Report what was answered, after all has ended."""
    for future, prompt in pending.items():
        if not future.cancelled() and not future.exception():
            counted(prompt, future.result())
