"""What a provider says when it refuses: made fit to be shown, and never with a key in it."""

from __future__ import annotations

import json
from typing import Any

_EXCERPT = 300
# A provider's own spend limit does not go away by asking again.
_SPEND_LIMITS = (
    b"insufficient_quota",
    b"project_spend_limit_exceeded",
    b"organization_spend_limit_exceeded",
    b"billing_hard_limit_reached",
)


# A prompt that a filter refuses may be billed all the same.
_FILTERED = (b"content_filter", b"ResponsibleAIPolicyViolation")
_FLAGGED = (b"flagged_input", b"input was flagged")  # OpenRouter's, with a 403


def excerpt(text: bytes, key: str | None) -> str:
    """Give what a provider says of an error, without the key, shortened and on one line."""
    said: Any = text.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        said = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    if key:
        said = str(said).replace(key, "[key]")
    plain = "".join(c if c.isprintable() else " " for c in str(said))  # no escape sequences
    return " ".join(plain.split())[:_EXCERPT]


def is_spend_limit(text: bytes) -> bool:
    """Whether an error says that the money at the provider is used up."""
    return any(limit in text for limit in _SPEND_LIMITS)


def is_filtered(text: bytes) -> bool:
    """Whether an error says that a filter refused this prompt, which may be billed."""
    return any(word in text for word in _FILTERED)


def is_flagged(text: bytes) -> bool:
    """Whether an error speaks of this prompt alone, whatever its status."""
    return any(word in text for word in _FLAGGED)
