"""Count many prompts at a provider's endpoint: free, slow and rate-limited.

Several threads send requests at once, and prompts are drawn only as they are sent, so that few are
in memory. Counts are not cached here; the caller does that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from queue import LifoQueue
from threading import Event
from typing import TYPE_CHECKING

from estimator.counting.provider_endpoint.count_client import CountTokensClient
from experiment.prompts import Message
from providers.apis import find_count_api
from providers.provider import Provider, find_api_key

if TYPE_CHECKING:
    import requests

_MAX_CONCURRENT, _MAX_PENDING = 8, 32  # requests in flight; prompts drawn but not yet counted

PromptMessages = tuple[Message, ...]


class CountEndpoint:
    """A provider's count endpoint for one model.

    Args:
        client: counts one prompt; all threads share it.
    """

    def __init__(self, client: CountTokensClient) -> None:
        self._client = client

    def count(self, messages: Sequence[Message]) -> int:
        """Count one prompt.

        Raises:
            CountFailed: names the provider, the model, the reason and the next step.
        """
        with _open_sessions(1) as sessions:
            return self._client.count_tokens(sessions.get(), messages)

    def count_all(
        self, prompts: Iterable[PromptMessages], on_count: Callable[[PromptMessages, int], None]
    ) -> None:
        """Count many prompts concurrently; a prompt given twice is sent twice.

        Args:
            prompts: drawn as they are needed, so they need not fit in memory.
            on_count: called from this thread with each count as it arrives, in any order. If one
                fails, it is still called for those that were counted meanwhile.

        Raises:
            CountFailed: the first failure; no further prompt is sent.
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
        session = sessions.get()  # there are as many as threads
        try:
            return self._client.count_tokens(session, prompt, stop.is_set)
        finally:
            sessions.put(session)


def make_count_endpoint(provider: Provider, model_id: str) -> CountEndpoint | None:
    """Return a model's count endpoint; None if none is known, or no API key is set.

    Raises:
        CountFailed: the key contains characters that a header cannot have.
    """
    key = find_api_key(provider)
    if not key or find_count_api(provider) is None:
        return None
    return CountEndpoint(CountTokensClient(provider, model_id, key))


@contextmanager
def _open_sessions(number: int) -> Iterator[LifoQueue[requests.Session]]:
    """Open sessions in a queue that hands out the most recently used one first."""
    import requests  # noqa: PLC0415 - only needed to count at a provider

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
