"""Error bodies of providers: shortened for display, with API keys removed."""

from __future__ import annotations

import json
from typing import Any

from providers.secrets import redact_message, remember_secret, shorten

_MAX_READ, _MAX_CHARS = 20_000, 300  # characters, before and after keys are removed
# A provider's own spend limit does not go away by asking again.
_SPEND_LIMIT_MARKERS = (
    b"insufficient_quota",
    b"project_spend_limit_exceeded",
    b"organization_spend_limit_exceeded",
    b"billing_hard_limit_reached",
)
# A prompt that a filter refuses may be billed all the same.
_FILTER_MARKERS = (b"content_filter", b"ResponsibleAIPolicyViolation")
_FLAG_MARKERS = (b"flagged_input", b"input was flagged")  # OpenRouter's, with a 403


def extract_error_message(body: bytes, api_key: str | None) -> str:
    """Return the provider's error message on one line, shortened, with the key removed."""
    said: Any = body.decode("utf-8", "replace")
    try:
        error = json.loads(body)["error"]
        said = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    remember_secret(api_key)
    return put_on_one_line(said if isinstance(said, str) else repr(said))


def put_on_one_line(said: str, max_chars: int = _MAX_CHARS) -> str:
    """Return what a server or a library said on one line, shortened, with keys removed."""
    said = redact_message(said[:_MAX_READ])
    plain = "".join(c if c.isprintable() else " " for c in said)  # no escape sequences
    return shorten(" ".join(plain.split()), max_chars)


def is_spend_limit(body: bytes) -> bool:
    """Return whether an error means that the provider's spend limit is reached."""
    return any(limit in body for limit in _SPEND_LIMIT_MARKERS)


def is_filtered(body: bytes) -> bool:
    """Return whether an error means that a filter refused this prompt, which may be billed."""
    return any(word in body for word in _FILTER_MARKERS)


def is_flagged(body: bytes) -> bool:
    """Return whether an error concerns this prompt alone, whatever its status."""
    return any(word in body for word in _FLAG_MARKERS)
