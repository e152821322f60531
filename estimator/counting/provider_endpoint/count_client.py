"""One request to a count endpoint, retried until it returns a count or fails for good.

Counting is free, so whatever may succeed later is retried: too many requests, an overloaded or
failing server, a broken connection. Any other refusal, or a reply that states no count, is final
and reported in the provider's own words. `providers.apis` says what is asked, `rate_limiter` when.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from estimator.counting.provider_endpoint.rate_limiter import ThreadRateLimiter
from estimator.errors import CountFailed
from experiment.prompts import Message
from providers.apis import find_count_api, parse_token_count
from providers.error_body import extract_error_message
from providers.errors import BadProxy, MalformedResponse
from providers.failures import Failure, FailureMeaning, read_failure
from providers.provider import Provider
from providers.proxies import find_proxy
from providers.rate_limits import parse_request_limit

if TYPE_CHECKING:
    import requests

_TIMEOUTS = (10.0, 60.0)  # seconds to connect, and between two pieces of a reply
_MAX_REPLY_BYTES = 2**20
_MAX_BACKOFF, _MAX_WAIT = 60.0, 300.0
_OK = 200
_LATER = {FailureMeaning.RATE_LIMIT, FailureMeaning.OVERLOADED}
_KEY_REFUSED = {FailureMeaning.BAD_KEY, FailureMeaning.FORBIDDEN}
_MAX_TRIES_OVERLOADED, _MAX_TRIES_FAILED = 10, 4


class CountTokensClient:
    """Requests the counts of one model from its provider; several threads may share it.

    Args:
        provider: where the endpoint is; `find_count_api` must know how it counts.
        model_id: what the provider calls the model.
        key: the provider's key. It is in the headers and nowhere else.
        sleep, clock: in seconds.

    Raises:
        CountFailed: the provider has no count endpoint, the key contains characters that a header
            cannot have, or the environment names a proxy that cannot be used.
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
        self._provider, self._model, self._key = provider, provider.wire_model(model_id), key
        api = find_count_api(provider)
        if api is None:
            raise self._make_failure("no count endpoint is known")
        if not (key.isascii() and key.isprintable()):
            raise self._make_failure(
                "its key contains characters that are not allowed in a header", key_wrong=True
            )
        self._api = api
        self._proxies = self._find_proxies()
        self._pace = ThreadRateLimiter(api.requests_per_minute, sleep=sleep, clock=clock)

    def count_tokens(
        self,
        session: requests.Session,
        messages: Sequence[Message],
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> int:
        """Return the token count of a prompt.

        Raises:
            CountFailed: names the provider, the model, the reason and the next step; or counting
                was stopped.
        """
        body = self._api.body(self._model, messages)
        for attempt in itertools.count(1):
            sent_at = self._pace.acquire(is_stopped)
            if sent_at is None:
                break
            try:
                return self._post_once(session, body)
            except _RetryableError as error:
                if attempt >= error.max_tries:
                    raise self._make_failure(f"{error} ({attempt} times)") from error
                self._pace.pause(max(_backoff_delay(attempt), error.retry_after))
                if error.rate_limited:
                    self._pace.slow_down(sent_at)
        raise self._make_failure("counting was stopped")

    def _find_proxies(self) -> dict[str, str | None]:
        """Return the proxy as requests takes it: None keeps it from finding one by itself."""
        try:
            proxy = find_proxy(self._provider.base_url)
        except BadProxy as error:
            raise self._make_failure(str(error)) from error
        return dict.fromkeys(("http", "https", "all"), proxy.url if proxy else None)

    def _post_once(self, session: requests.Session, body: dict[str, Any]) -> int:
        try:
            with session.post(
                self._api.url(self._provider.base_url, self._model),
                json=body,
                headers=self._api.headers(self._key),
                auth=_keep_headers,
                timeout=_TIMEOUTS,
                proxies=self._proxies,  # type: ignore[arg-type]
                allow_redirects=False,
                stream=True,
            ) as response:
                text = _read_body(response)
        except ValueError as error:
            reason = f"{self._provider.base_url} is not a valid URL: {self._describe_error(error)}"
            raise self._make_failure(reason) from error
        except OSError as error:  # as are all errors of requests
            raise _RetryableError(
                f"no response: {self._describe_error(_root_cause(error))}"
            ) from error
        if limit := parse_request_limit(response.headers):
            self._pace.set_limit(limit)
        if response.status_code == _OK:
            return self._parse_reply(text)
        raise self._classify_refusal(response, text)

    def _parse_reply(self, text: bytes) -> int:
        if len(text) > _MAX_REPLY_BYTES:
            raise self._make_failure(f"its reply is larger than {_MAX_REPLY_BYTES >> 10} KiB")
        try:
            return parse_token_count(self._api, text)
        except MalformedResponse as error:
            raise self._make_failure(f"unreadable reply: {self._describe_error(error)}") from error

    def _classify_refusal(self, response: requests.Response, text: bytes) -> Exception:
        """Return a retryable error or a final one, whichever a refusal means."""
        status = response.status_code
        said = extract_error_message(text or str(response.reason).encode(), self._key)
        reason = f"HTTP {status}: {said}"
        failure = read_failure(self._provider, status, response.headers, text, self._key)
        asked = failure.wait or 0.0
        if asked > _MAX_WAIT:
            return self._make_failure(f"{reason}; it asks for a wait of {asked:.0f} s")
        if failure.retries and failure.meaning in _LATER:
            limited = failure.meaning is FailureMeaning.RATE_LIMIT
            return _RetryableError(reason, _MAX_TRIES_OVERLOADED, asked, rate_limited=limited)
        if failure.retries:
            return _RetryableError(reason, retry_after=asked)
        return self._make_failure(reason, key_wrong=_blames_key(failure))

    def _describe_error(self, error: BaseException) -> str:
        return extract_error_message(
            str(error).encode() or type(error).__name__.encode(), self._key
        )

    def _make_failure(self, reason: str, *, key_wrong: bool = False) -> CountFailed:
        own = f"check {' or '.join(self._provider.api_key_env)}, or " if key_wrong else ""
        return CountFailed(
            f"{self._provider.name}/{self._model}: {self._provider.name} gave no count: {reason}; "
            f"{own}count locally with `--count local`"
        )


def _blames_key(failure: Failure) -> bool:
    return failure.meaning in _KEY_REFUSED or "api key" in failure.message.lower()


class _RetryableError(Exception):
    """This try returned no count; a retry may succeed."""

    def __init__(
        self,
        reason: str,
        max_tries: int = _MAX_TRIES_FAILED,
        retry_after: float = 0.0,
        *,
        rate_limited: bool = False,
    ) -> None:
        super().__init__(reason)
        self.max_tries, self.retry_after, self.rate_limited = max_tries, retry_after, rate_limited


def _read_body(response: requests.Response) -> bytes:
    """Read a reply, stopping as soon as it is known to be too large."""
    text = b""
    for chunk in response.iter_content(2**16):
        text += chunk
        if len(text) > _MAX_REPLY_BYTES:
            break
    return text


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request unchanged: otherwise a .netrc would replace the key in its headers."""
    return request


def _root_cause(error: BaseException) -> BaseException:
    while error.__context__ is not None:
        error = error.__context__
    return error


def _backoff_delay(attempt: int) -> float:
    longest = min(2.0 ** (attempt - 1), _MAX_BACKOFF)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
