"""Tools that make a result of a call that was refused, or hide it, and how that is told.

As tried with promptfoo 0.121.20, lm-eval 0.4.13 and Inspect 0.3.285.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

_OF_INSPECT = "x-irid"  # a header of its clients' calls
_NAMES = {
    "promptfoo": "promptfoo",
    "lm_eval": "lm-eval",
    "lm-eval": "lm-eval",
    "inspect": "inspect",
}
# What a word of a command is beside a tool's name: `promptfoo@latest`, `lm_eval.exe`.
_AROUND = re.compile(r"@.*|\.(exe|cmd|py|js)$")
_SHELLS = ("sh", "bash", "zsh", "dash", "fish")
_FIRST_WORDS = 6  # of a command, among which the tool is: `uv run --no-sync lm_eval --model ...`

TOOLS = {
    "promptfoo": "promptfoo counts an answer whose grader was refused as a failure with score 0: "
    "leave the cases of these calls out. Once the cap is higher, promptfoo eval --filter-failing "
    "RESULTS.json asks for what failed again",
    "lm-eval": "lm-eval asks for a refused call three times, and ends without results. With "
    "--use_cache FILE the next start pays only for what was not answered",
    "inspect": "Inspect ends with exit code 0 though its status is error. With --no-fail-on-error "
    "it leaves such samples out; inspect eval-retry completes them, once the cap is higher",
}


def find_tool(command: Sequence[str]) -> str:
    """Return the tool that a command runs; empty where it is none that is known."""
    is_shell = bool(command) and Path(command[0]).name in _SHELLS
    given = " ".join(command).split() if is_shell else command  # its line is one argument
    words = (_AROUND.sub("", Path(word).name) for word in given[:_FIRST_WORDS])
    return next((_NAMES[word] for word in words if word in _NAMES), "")


def find_tool_of_call(headers: Mapping[str, str]) -> str:
    """Return the tool that made a call; empty where its headers do not tell."""
    agent = headers.get("User-Agent", "").lower()
    if _OF_INSPECT in headers:
        return "inspect"
    return next((name for word, name in _NAMES.items() if agent.startswith(f"{word}/")), "")
