"""Sending a request once, and what became of its money."""

from runner.transport.connection import require_proxy
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown
from runner.transport.sender import (
    REQUEST_TIMEOUT,
    HttpTransport,
    read_body,
    require_api_key,
)

__all__ = [
    "REQUEST_TIMEOUT",
    "Answered",
    "HttpTransport",
    "NotBilled",
    "Outcome",
    "Unknown",
    "read_body",
    "require_api_key",
    "require_proxy",
]
