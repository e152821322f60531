"""Counting at the provider, through its own count endpoint: free, slow and rate-limited.

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

from estimator.counting.provider_endpoint.retry import CountTokensClient
from experiment.prompts import Message
from providers.apis import find_count_api
from providers.provider import Provider, find_api_key

if TYPE_CHECKING:
    import requests

_MAX_CONCURRENT, _MAX_PENDING = 8, 32  # requests in flight; prompts drawn and not yet counted

PromptMessages = tuple[Message, ...]


class CountEndpoint:
    """A provider's count endpoint for one model; free, slow and rate-limited.

    Args:
        provider: where it is; `find_count_api` must know how it counts.
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
        self._inquiry = CountTokensClient(provider, model_id, key, sleep=sleep, clock=clock)

    def count(self, messages: Sequence[Message]) -> int:
        """Count one prompt.

        Raises:
            CountFailed: names the provider, the model, what it said, and the next step.
        """
        with _open_sessions(1) as sessions:
            return self._inquiry.count_tokens(sessions.get(), messages)

    def count_all(
        self, prompts: Iterable[PromptMessages], on_count: Callable[[PromptMessages, int], None]
    ) -> None:
        """Count many prompts concurrently; a prompt given twice is sent twice.

        Args:
            prompts: drawn as they are needed, so they need not fit in memory.
            on_count: called from this thread for each as it comes in, in no certain order. Where
                one fails, it is still called for those that were answered meanwhile.

        Raises:
            CountFailed: the first one that was met; no further prompt is asked for.
        """
        pending: dict[Future[int], PromptMessages] = {}
        stop = Event()
        with (
            _open_sessions(_MAX_CONCURRENT) as sessions,
            ThreadPoolExecutor(_MAX_CONCURRENT) as pool,
        ):
            try:
                for prompt in prompts:
                    pending[pool.submit(self._count_in_thread, sessions, prompt, stop)] = prompt
                    if len(pending) == _MAX_PENDING:
                        _report_finished(pending, on_count)
                while pending:
                    _report_finished(pending, on_count)
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                _report_answered(pending, on_count)
                raise

    def _count_in_thread(
        self, sessions: LifoQueue[requests.Session], prompt: PromptMessages, stop: Event
    ) -> int:
        session = sessions.get()  # there is one for each thread
        try:
            return self._inquiry.count_tokens(session, prompt, stop.is_set)
        finally:
            sessions.put(session)


def make_count_endpoint(provider: Provider, model_id: str) -> CountEndpoint | None:
    """Return a model's count endpoint; None where none is known, or no API key is set.

    Raises:
        CountFailed: the key cannot be in a header.
    """
    key = find_api_key(provider)
    return CountEndpoint(provider, model_id, key) if key and find_count_api(provider) else None


@contextmanager
def _open_sessions(number: int) -> Iterator[LifoQueue[requests.Session]]:
    """Open sessions in a queue that hands out the most recently used one first."""
    import requests  # noqa: PLC0415 - only where something is counted elsewhere

    with ExitStack() as stack:
        queue: LifoQueue[requests.Session] = LifoQueue()
        for _ in range(number):
            queue.put(stack.enter_context(requests.Session()))
        yield queue


def _report_finished(
    pending: dict[Future[int], PromptMessages], on_count: Callable[[PromptMessages, int], None]
) -> None:
    """Wait until at least one prompt is counted, and report all that are."""
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        prompt = pending.pop(future)
        on_count(prompt, future.result())


def _report_answered(
    pending: dict[Future[int], PromptMessages], on_count: Callable[[PromptMessages, int], None]
) -> None:
    """Report the prompts that were counted before the failure."""
    for future, prompt in pending.items():
        if not future.cancelled() and not future.exception():
            on_count(prompt, future.result())
