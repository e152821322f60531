"""Reading a failure: its status, its headers and its body, by one table for all providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from providers.error_body import (
    extract_error_message,
    holds_generation,
    is_filtered,
    is_flagged,
    is_key_refused,
    is_spend_limit,
)
from providers.failures.failure import Billed, Failure, FailureMeaning, FailureScope
from providers.provider import Provider
from providers.rate_limits import parse_retry_after

_STOP_STATUSES = {
    401: FailureMeaning.BAD_KEY,
    402: FailureMeaning.OUT_OF_MONEY,
    403: FailureMeaning.FORBIDDEN,
    404: FailureMeaning.UNKNOWN_MODEL,
    407: FailureMeaning.FORBIDDEN,
}
_RETRY_STATUSES = {409, 425, 429}
_AMBIGUOUS_STATUS = 408


def read_failure(
    provider: Provider, status: int, headers: Mapping[str, str], body: bytes, api_key: str | None
) -> Failure:
    """Read what a response means that is no answer; also one of status 200 that holds an error.

    Args:
        provider: that sent it.
        status: of HTTP.
        headers: of the response.
        body: as it came; it need not be JSON.
        api_key: that was sent, to be kept out of the message.
    """
    message = f"HTTP {status} from {provider.name}: {extract_error_message(body, api_key)}"
    found = _read_by_status(status, headers, body, message)
    if holds_generation(body):  # whatever the status: the model ran, and may be billed
        shown = f"{message} (with generated text or usage)"
        return replace(found, message=shown, billed=Billed.MAYBE, source="")
    return found


def _read_by_status(  # noqa: PLR0911 - one for each kind of status
    status: int, headers: Mapping[str, str], body: bytes, message: str
) -> Failure:
    if is_spend_limit(body):
        return Failure(message, FailureMeaning.SPEND_LIMIT, FailureScope.ACCOUNT, Billed.NO)
    if is_key_refused(body):
        return Failure(message, FailureMeaning.BAD_KEY, FailureScope.PROVIDER, Billed.NO)
    if is_flagged(body):
        return Failure(message, FailureMeaning.FILTERED, FailureScope.REQUEST, Billed.NO)
    if is_filtered(body):
        return Failure(message, FailureMeaning.FILTERED, FailureScope.REQUEST, Billed.MAYBE)
    if status in _RETRY_STATUSES:
        wait = parse_retry_after(headers)
        return Failure(
            message, FailureMeaning.RATE_LIMIT, FailureScope.MODEL, Billed.NO, wait, retries=True
        )
    if status == _AMBIGUOUS_STATUS or status >= 500 or 200 <= status < 300:  # noqa: PLR2004 - HTTP
        wait = parse_retry_after(headers)
        return Failure(
            message, FailureMeaning.SERVER, FailureScope.REQUEST, Billed.MAYBE, wait, retries=True
        )
    if meaning := _STOP_STATUSES.get(status):
        scope = (
            FailureScope.ACCOUNT if meaning is FailureMeaning.OUT_OF_MONEY else FailureScope.MODEL
        )
        return Failure(message, meaning, scope, Billed.NO)
    return Failure(message, FailureMeaning.REFUSED, FailureScope.REQUEST, Billed.NO)
