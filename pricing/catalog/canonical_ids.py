"""Canonical ids: what is left of a model's id when its host's additions are taken away.

Hosts put makers, regions and paths before an id and versions, dates of serving and variants after
it. Rules about a model itself (how it counts, what it takes) match the canonical id, so that one
model is one family at every provider.
"""

from __future__ import annotations

import re

_MAKERS = re.compile(r"^(?:(?:us|us-gov|eu|apac|au|jp|ca|global)\.)?(?:[a-z][a-z0-9-]*\.)(?=[a-z])")
_BEDROCK_TAIL = re.compile(r"-v\d+(:\d+)?$")
_OLLAMA_SIZE = re.compile(r":(e?\d+(?:\.\d+)?[bm])\b")


def canonical_id(model_id: str) -> str:
    """Return a model's id in lower case, without paths, regions, makers, versions and variants.

    `us.anthropic.claude-sonnet-4-5-20250929-v1:0` gives `claude-sonnet-4-5-20250929`,
    `ft:gpt-4o-mini-2024-07-18:org::id` gives `gpt-4o-mini-2024-07-18`, `llama3.1:8b` gives
    `llama3.1-8b`, `google/gemma-3-27b-it:free` gives `gemma-3-27b-it`.
    """
    bare = model_id.lower().strip().rpartition("/")[2]
    bare = bare.removeprefix("ft:")
    bare = _BEDROCK_TAIL.sub("", _MAKERS.sub("", bare))
    return _OLLAMA_SIZE.sub(r"-\1", bare).partition(":")[0].replace("@", "-")
