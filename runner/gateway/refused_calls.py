"""Calls that were refused at a cap: what the cases are found by that a program's scores leave out.

Prompts are not kept. Of such a call its last message's first and last words are, in a line of
`refused.jsonl` beside the ledger, because nothing else tells its user which case it was:

at          when it was refused, in UTC
model       as `provider/model`
label       of the call, `call` where it had none
cap         the option that could not pay for it
begins      the first characters of its last message
ends        its last characters, where it is longer
sha256      of that message, in UTF-8
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from estimator.safe_text import dump_json
from experiment.prompts import Request
from providers.secrets import redact_secrets

REFUSED_FILE = "refused.jsonl"
_SHOWN = 5  # of which the end of a start tells
_MOST = 100_000  # that are written
_LENGTH = 60  # characters


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was refused at a cap; its fields are those of its line."""

    at: str
    model: str
    label: str
    cap: str
    begins: str
    ends: str
    sha256: str


class RefusedCalls:
    """Writes them down as they come.

    Args:
        folder: of the program; what an earlier start left there is removed.
        note: is told where they cannot be written.

    Attributes:
        path: of the file, which is there once a call was refused.
        first: the first of them, each once, however often its program asked again.
        times: how often each of these was refused.
    """

    def __init__(self, folder: Path, note: Callable[[str], None] = lambda _: None) -> None:
        self.path = folder / REFUSED_FILE
        self.first: list[RefusedCall] = []
        self.times: list[int] = []
        self._note = note
        self._count = 0
        self.path.unlink(missing_ok=True)

    def add(self, request: Request, option: str) -> None:
        """Add a call.

        Args:
            request: the call.
            option: of the cap that could not pay for it.
        """
        call = _describe(request, option)
        self._count += 1
        self._show(call)
        if self._count > _MOST:
            return
        try:
            line = dump_json(asdict(call)) + "\n"
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with os.fdopen(os.open(self.path, flags, 0o600), "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            self._count = _MOST  # once is enough
            self._note(f"cannot write {self.path}: {error.strerror}")

    def _show(self, call: RefusedCall) -> None:
        """Have a call among the first, where it is one of them."""
        for number, each in enumerate(self.first):
            if replace(call, at=each.at) == each:
                self.times[number] += 1
                return
        if len(self.first) < _SHOWN:
            self.first.append(call)
            self.times.append(1)


def count_refused(folder: Path) -> int:
    """Return how many calls of the last start a cap refused, as far as they were written."""
    try:
        with (folder / REFUSED_FILE).open("rb") as file:
            return sum(1 for _ in file)
    except FileNotFoundError:
        return 0


def _describe(request: Request, option: str) -> RefusedCall:
    text = request.messages[-1].content if request.messages else ""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    shown = " ".join(redact_secrets(text).split())
    rest = shown[_LENGTH:]
    return RefusedCall(
        datetime.now(UTC).isoformat(timespec="milliseconds"),
        request.model,
        request.stage,
        option,
        shown[:_LENGTH],
        rest[-_LENGTH:],
        digest,
    )
