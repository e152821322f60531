"""Variables of a chat template that a request sets, and how much text they may add."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from experiment.prompts import Message

# These switch between texts of the template, and hold none themselves.
TEMPLATE_SWITCHES = frozenset({"enable_thinking", "thinking", "preserve_thinking"})
_SWITCHED_TOKENS = 256  # of a text that a switch adds, such as a system prompt about thinking
_SWITCHED_PER_MESSAGE = 8  # GLM writes /nothink after every message of the user's
_REPEATED = 4  # how often a template may print a variable


def template_margin(
    count_text: Callable[[str], int], messages: Sequence[Message], template: Mapping[str, object]
) -> int:
    """Return by how many tokens variables may lengthen a prompt whose template is not known."""
    printed = count_text(json.dumps(dict(template), default=str))
    return _SWITCHED_TOKENS + _SWITCHED_PER_MESSAGE * len(messages) + _REPEATED * printed
