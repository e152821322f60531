"""Sending a request once, and what became of its money."""

from runner.transport.connection import Connector, describe_unsent_request, require_proxy
from runner.transport.json_body import write_json
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown
from runner.transport.sender import (
    REQUEST_TIMEOUT,
    UNSENT,
    BodyTooLargeError,
    HttpTransport,
    classify_body,
    clean_outcome,
    max_body_bytes,
    read_body,
    require_api_key,
)
from runner.transport.time_limit import TimeLimit

__all__ = [
    "REQUEST_TIMEOUT",
    "UNSENT",
    "Answered",
    "BodyTooLargeError",
    "Connector",
    "HttpTransport",
    "NotBilled",
    "Outcome",
    "TimeLimit",
    "Unknown",
    "classify_body",
    "clean_outcome",
    "describe_unsent_request",
    "max_body_bytes",
    "read_body",
    "require_api_key",
    "require_proxy",
    "write_json",
]
