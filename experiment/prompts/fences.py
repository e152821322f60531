"""Fences: how a judge's prompt holds what a stranger wrote, so that it stays a text in a place.

A template puts `{{ fence }}` into the tags around an answer. The answer cannot close them: its
fence is a number that its own text decides and does not contain.

    <answer-{{ fence }}>
    {{ output }}
    </answer-{{ fence }}>
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from itertools import count

# Vocabularies split digits one by one, or in threes from the left, so that every number of nine
# digits has as many tokens as any other: a prompt is counted before its answer is known.
_DIGITS = 9
_DIGIT = re.compile(r"\d")
# What servers may read as a token that begins or ends a turn, wherever it stands in a text.
_CONTROL_TOKEN = re.compile(
    r"""(?P<first>[<\[\]])(?P<rest>
        [|｜][^\s<>\[\]]{1,60}[>\]]           # <|eot_id|>, <｜User｜>, <|turn>, [|user|]
      | [^\s<>|｜]{1,60}[|｜]>                # <turn|>
      | /?(?:s|bos|eos|pad|unk|mask|cls|sep|sop|eop)>
      | (?:start|end)_of_(?:turn|image|text|audio)>
      | /?seed:[a-z_]{1,40}>
      | </?SYS>>
      | /?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS|CALL_ID
          |MODEL_SETTINGS|IMG|IMG_END|IMG_BREAK|PREFIX|MIDDLE|SUFFIX|gMASK)\]
      | ~!?b[\]\[] | e~\[
    )""",
    re.VERBOSE,
)


def make_fence(texts: Sequence[str]) -> str:
    """Return a number of nine digits that a digest of texts decides, and that is in none of them.

    It is not in them in other digits either, nor with other characters between its own.
    """
    within = " ".join(map(_read_digits, texts))
    joined = "\0".join(texts).encode("utf-8", "surrogatepass")
    start = hashlib.sha256(joined).hexdigest()
    for turn in count():
        digest = hashlib.sha256(f"{turn}:{start}".encode()).hexdigest()
        fence = f"{int(digest, 16) % 10**_DIGITS:0{_DIGITS}d}"
        if fence not in within:
            return fence
    raise AssertionError  # no text holds every number


def disarm_text(text: str) -> str:
    """Return a text in which a space parts the control tokens of models, as in `< |eot_id|>`.

    Many servers read such a token in a message as what it is, so that an answer could end its
    judge's turn and begin another.
    """
    return text and _CONTROL_TOKEN.sub(r"\g<first> \g<rest>", text)


def _read_digits(text: str) -> str:
    """Return the digits of a text, of any script, as 0 to 9."""
    found = _DIGIT.findall(text) if text else []
    return "".join(each if each.isascii() else str(unicodedata.digit(each)) for each in found)
