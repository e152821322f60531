"""The options that Inspect is started with: the user's, and those that a cap needs.

With Inspect's own defaults, the first call that is refused ends all of an evaluation, and calls
that fail are sent again without an end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import BadRun

_COMMAND = ("afcost", "inspect", "run")
_MAX_RETRIES = "10"  # of one call; rate limits of a provider are over by then
_TAG = "afcost"
# Option -> why it is not passed on.
_REFUSED = {
    "--batch": "a batch is billed when its calls are no longer seen",
    "--model-base-url": "the calls would go past the cap; give the address to --upstream",
    "--log-dir": "logs are in the run folder, so that the same command goes on; use --run-dir",
    "--detach": "the cap holds while afcost runs; put afcost itself into the background",
    "--fail-on-error": "the first sample that the cap refuses would end all others",
    "--score-on-error": "what the cap left out would be scored",
    "--no-log-samples": "without samples in the log nothing can be completed later",
}
_OF_RETRY = {  # options of `inspect eval` that `inspect eval-retry` takes too, with a value
    *("--max-samples", "--max-tasks", "--max-connections", "--adaptive-connections"),
    *("--display", "--log-level", "--timeout", "--attempt-timeout", "--max-sandboxes"),
}


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """What an evaluation is started with.

    Attributes:
        arguments: of `inspect eval`, the task first, as the user gave them.
        python: the interpreter that has inspect_ai.
        allow_sandbox: whether a task may have one.
    """

    arguments: tuple[str, ...]
    python: str
    allow_sandbox: bool = False

    @property
    def command(self) -> tuple[str, ...]:
        """The command line of an evaluation as a user writes it, without what is about money."""
        sandbox = ("--allow-sandbox",) if self.allow_sandbox else ()
        python = ("--python", self.python) if self.python != sys.executable else ()
        return (*_COMMAND, *self.arguments, *sandbox, *python)

    def check(self) -> None:
        """Refuse what would let calls past the cap, or count what it left out.

        Raises:
            BadRun: an argument of this kind.
        """
        for word in self.arguments:
            name = word.partition("=")[0]
            if reason := _REFUSED.get(name):
                raise BadRun(f"{name} cannot be used under a cap: {reason}")
            if name == "--sandbox" and not self.allow_sandbox:
                raise BadRun("--sandbox: the sandbox would start; allow it with --allow-sandbox")

    def list_eval_options(self, log_dir: Path) -> list[str]:
        """Return the options that are added to the user's."""
        return [*self._list_common(log_dir), "--tags", self._write_tags()]

    def list_retry_options(self, log_dir: Path) -> list[str]:
        """Return the options of `inspect eval-retry`; all else is in the log."""
        return [*self._list_common(log_dir), *self._pick_of_retry()]

    def _list_common(self, log_dir: Path) -> list[str]:
        own = [] if self._has("--max-retries") else ["--max-retries", _MAX_RETRIES]
        return ["--no-fail-on-error", "--log-dir", str(log_dir), *own]

    def _write_tags(self) -> str:
        given = [value for name, value in self._pairs() if name == "--tags"]
        return ",".join([*given, _TAG])

    def _pick_of_retry(self) -> Iterator[str]:
        for name, value in self._pairs():
            if name in _OF_RETRY or name == "--max-retries":
                yield from (name, value)

    def _has(self, option: str) -> bool:
        return any(word.partition("=")[0] == option for word in self.arguments)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        words: Sequence[str] = self.arguments
        for number, word in enumerate(words):
            name, equals, value = word.partition("=")
            if equals and name.startswith("--"):
                yield name, value
            elif number + 1 < len(words):
                yield word, words[number + 1]


def find_evaluation(command: Sequence[str]) -> tuple[str, ...] | None:
    """Return the words of an evaluation behind `afcost inspect run`; None of another program."""
    is_one = tuple(command[: len(_COMMAND)]) == _COMMAND
    return tuple(command[len(_COMMAND) :]) if is_one else None
