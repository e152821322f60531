"""Error bodies of providers: shortened for display, with API keys removed."""

from __future__ import annotations

import json
from typing import Any

_MAX_CHARS = 300
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
    if api_key:
        said = str(said).replace(api_key, "[key]")
    plain = "".join(c if c.isprintable() else " " for c in str(said))  # no escape sequences
    return " ".join(plain.split())[:_MAX_CHARS]


def is_spend_limit(body: bytes) -> bool:
    """Return whether an error means that the provider's spend limit is reached."""
    return any(limit in body for limit in _SPEND_LIMIT_MARKERS)


def is_filtered(body: bytes) -> bool:
    """Return whether an error means that a filter refused this prompt, which may be billed."""
    return any(word in body for word in _FILTER_MARKERS)


def is_flagged(body: bytes) -> bool:
    """Return whether an error concerns this prompt alone, whatever its status."""
    return any(word in body for word in _FLAG_MARKERS)
