"""One inquiry at a count endpoint, repeated until there is a count or no sense in asking again.

Asking costs nothing, so whatever may succeed later is asked again: too many requests, an overloaded
or failing server, a broken connection. Any other refusal, or a reply that states no count, is final
and told in the provider's own words. `dialects` says what is asked, `pace` when.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from estimator.counting.provider_endpoint.rate_limiter import Pace
from estimator.errors import CountFailed
from experiment.prompts.request import Message
from providers.apis.count_tokens import dialect_of, read_count
from providers.error_body import excerpt, is_spend_limit
from providers.provider import Provider
from providers.rate_limits import asked_wait, stated_limit

if TYPE_CHECKING:
    import requests

_TIMEOUTS = (10.0, 60.0)  # seconds to connect, and between two pieces of a reply
_LARGEST_REPLY = 2**20
_LONGEST_BACKOFF, _LONGEST_WAIT = 60.0, 300.0
_OK, _TOO_MANY, _FORBIDDEN, _FAILING = 200, 429, {401, 403}, 500
_REFUSED_FOR_NOW = {429, 503, 529}  # 529 is Anthropic's for being overloaded
_ASKED_AGAIN = {408, 409, 425}
_TRIES_REFUSED, _TRIES_FAILED = 10, 4


class Inquiry:
    """Asks a provider for counts of one model; it may be used by several threads.

    Args:
        provider: where the endpoint is; `dialect_of` must know how it counts.
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
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._provider, self._model, self._key = provider, provider.wire_model(model_id), key
        dialect = dialect_of(provider)
        if dialect is None:
            raise self._failed("no count endpoint is known")
        if not (key.isascii() and key.isprintable()):
            raise self._failed(
                "its key contains characters that are not allowed in a header", key_wrong=True
            )
        self._dialect = dialect
        self._pace = Pace(dialect.per_minute, sleep=sleep, clock=clock)

    def ask(
        self,
        session: requests.Session,
        messages: Sequence[Message],
        stopped: Callable[[], bool] = lambda: False,
    ) -> int:
        """Give the count of a prompt.

        Raises:
            CountFailed: names the provider, the model, what it said, and the next step; or it was
                stopped.
        """
        body = self._dialect.body(self._model, messages)
        for attempt in itertools.count(1):
            sent_at = self._pace.take(stopped)
            if sent_at is None:
                break
            try:
                return self._ask_once(session, body)
            except _NotNowError as error:
                if attempt >= error.tries:
                    raise self._failed(f"{error} ({attempt} times)") from error
                self._pace.pause(max(_backoff(attempt), error.asked))
                if error.too_many:
                    self._pace.slow_down(sent_at)
        raise self._failed("counting was stopped")

    def _ask_once(self, session: requests.Session, body: dict[str, Any]) -> int:
        try:
            with session.post(
                self._dialect.url(self._provider.base_url, self._model),
                json=body,
                headers=self._dialect.headers(self._key),
                auth=_as_it_is,
                timeout=_TIMEOUTS,
                allow_redirects=False,
                stream=True,
            ) as response:
                text = _content(response)
        except ValueError as error:
            reason = f"{self._provider.base_url} is not a valid URL: {self._told(error)}"
            raise self._failed(reason) from error
        except OSError as error:  # all that requests raises is one
            raise _NotNowError(f"no response: {self._told(_root(error))}") from error
        if limit := stated_limit(response.headers):
            self._pace.limit(limit)
        if response.status_code == _OK:
            return self._read_count(text)
        raise self._refusal(response, text)

    def _read_count(self, text: bytes) -> int:
        if len(text) > _LARGEST_REPLY:
            raise self._failed(f"its reply is larger than {_LARGEST_REPLY >> 10} KiB")
        try:
            return read_count(self._dialect, text)
        except ValueError as error:
            raise self._failed(f"unreadable reply: {self._told(error)}") from error

    def _refusal(self, response: requests.Response, text: bytes) -> Exception:
        """Tell a refusal for now, to be asked again, from one that is final."""
        status, asked = response.status_code, asked_wait(response.headers) or 0.0
        reason = f"HTTP {status}: {excerpt(text or str(response.reason).encode(), self._key)}"
        if asked > _LONGEST_WAIT:
            return self._failed(f"{reason}; it asks for a wait of {asked:.0f} s")
        if status in _REFUSED_FOR_NOW and not is_spend_limit(text):
            return _NotNowError(reason, _TRIES_REFUSED, asked, too_many=status == _TOO_MANY)
        if status >= _FAILING or status in _ASKED_AGAIN:
            return _NotNowError(reason, asked=asked)
        # Google answers 400 to a wrong key.
        return self._failed(reason, key_wrong=status in _FORBIDDEN or "api key" in reason.lower())

    def _told(self, error: BaseException) -> str:
        return excerpt(str(error).encode() or type(error).__name__.encode(), self._key)

    def _failed(self, reason: str, *, key_wrong: bool = False) -> CountFailed:
        own = f"check {' or '.join(self._provider.api_key_env)}, or " if key_wrong else ""
        return CountFailed(
            f"{self._provider.name}/{self._model}: {self._provider.name} gave no count: {reason}; "
            f"{own}count locally with `--count local`"
        )


class _NotNowError(Exception):
    """No count this time; asking again may give one."""

    def __init__(
        self, reason: str, tries: int = _TRIES_FAILED, asked: float = 0.0, *, too_many: bool = False
    ) -> None:
        super().__init__(reason)
        self.tries, self.asked, self.too_many = tries, asked, too_many


def _content(response: requests.Response) -> bytes:
    """Read a reply, or as much of it as shows that it is too large."""
    text = b""
    for chunk in response.iter_content(2**16):
        text += chunk
        if len(text) > _LARGEST_REPLY:
            break
    return text


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the headers alone: without this, a .netrc would replace the key in them."""
    return request


def _root(error: BaseException) -> BaseException:
    while error.__context__ is not None:
        error = error.__context__
    return error


def _backoff(attempt: int) -> float:
    longest = min(2.0 ** (attempt - 1), _LONGEST_BACKOFF)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
