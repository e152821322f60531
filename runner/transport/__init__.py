"""Sending a request once, and what became of its money."""

from runner.transport.connection import Connector, require_proxy
from runner.transport.json_body import write_json
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown
from runner.transport.routes import Routes, require_api_key
from runner.transport.sender import (
    REQUEST_TIMEOUT,
    SENDING_ERRORS,
    BodyTooLargeError,
    HttpTransport,
    classify_body,
    clean_outcome,
    explain_failed_sending,
    max_body_bytes,
    read_body,
    shorten_failure,
)
from runner.transport.time_limit import TimeLimit

__all__ = [
    "REQUEST_TIMEOUT",
    "SENDING_ERRORS",
    "Answered",
    "BodyTooLargeError",
    "Connector",
    "HttpTransport",
    "NotBilled",
    "Outcome",
    "Routes",
    "TimeLimit",
    "Unknown",
    "classify_body",
    "clean_outcome",
    "explain_failed_sending",
    "max_body_bytes",
    "read_body",
    "require_api_key",
    "require_proxy",
    "shorten_failure",
    "write_json",
]
