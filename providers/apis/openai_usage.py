"""Usage as OpenAI writes it in both its APIs, which give the same figures different names.

Chat completions name them `prompt_tokens` and `completion_tokens`, Responses `input_tokens` and
`output_tokens`. In both, the prompt includes cached tokens, and the output the reasoning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pricing.usage import Usage
from providers.reply import read_count
from providers.usage_fields import UsageFields


@dataclass(frozen=True, slots=True)
class UsageNames:
    """What an API calls the two sides of a usage."""

    prompt: str
    output: str


CHAT_NAMES = UsageNames("prompt", "completion")
RESPONSES_NAMES = UsageNames("input", "output")
_BESIDE = (  # counts that may be left out of the output, beside the reasoning
    *("audio_tokens", "image_tokens"),
    *("accepted_prediction_tokens", "rejected_prediction_tokens"),
)


def parse_openai_usage(usage: dict[str, Any], found: UsageFields, names: UsageNames) -> Usage:
    """Read the billed tokens; where figures contradict each other, the larger ones.

    Args:
        usage: as it came.
        found: what else it says.
        names: of the API that it came from; the other API's names are read too.

    Raises:
        MalformedResponse: a figure is missing, or is no number of tokens.
    """
    details = usage.get(f"{names.prompt}_tokens_details") or {}
    read = read_count(details, "cached_tokens")
    stored = read_count(details, "cache_write_tokens")
    other = RESPONSES_NAMES if names is CHAT_NAMES else CHAT_NAMES
    prompt = max(
        read_count(usage, f"{names.prompt}_tokens", required=True),
        read_count(usage, f"{other.prompt}_tokens"),
    )
    # Some providers count cached tokens beside the prompt.
    fresh = prompt - read - stored if read + stored <= prompt else prompt
    written = usage.get(f"{names.output}_tokens_details") or {}
    stated = max(
        read_count(usage, f"{names.output}_tokens", required=True),
        read_count(usage, f"{other.output}_tokens"),
    )
    reasoning = max(
        found.reasoning,
        read_count(usage, "reasoning_tokens"),
        read_count(written, "reasoning_tokens"),
    )
    total = read_count(usage, "total_tokens") - (fresh + read + stored)
    output = max(stated + _count_beside(written, stated, reasoning), total)
    return Usage(fresh, output, read, stored, min(reasoning, output))


def _count_beside(written: dict[str, Any], stated: int, reasoning: int) -> int:
    """Return the generated tokens that the stated output leaves out.

    Some providers leave hidden reasoning out of it, but not out of the total. What is more than
    the whole cannot be a part of it, and is billed beside it.
    """
    parts = reasoning + sum([read_count(written, name) for name in _BESIDE])
    return parts if parts > stated else 0
