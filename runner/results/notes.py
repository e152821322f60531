"""Notes of a ledger: why money was released, held, or booked otherwise than by the usage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from experiment.scoring import AnswerKind
from runner.ledger import Entry, NotedEntry, StoredAnswer

_RESTORE_HASHES = re.compile(r" \([0-9a-f:, ]+\)$")  # for the ledger, not for a reader
_NUMBER = re.compile(r"(?<!HTTP )(?<!\d)\d+")
_FILTERED = "content_filter"  # how answers end that a filter kept back


def count_notes(entries: Iterable[NotedEntry]) -> dict[str, int]:
    """Count notes; those that differ only in numbers, but in no status, count as one."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for entry, answer in entries:
        note = _RESTORE_HASHES.sub("", entry.note) if entry.kind == "restore" else entry.note
        text = f"{_name_effect(entry, answer)}: {note}"
        if entry.kind == "import":
            text = f"imported from {note.rpartition(':')[0]}"
        counts[first.setdefault(_NUMBER.sub("#", text), text)] += 1
    return dict(counts)


def _name_effect(entry: Entry, answer: StoredAnswer | None) -> str:
    """Return what an entry did: its kind, or what the answer that it settled is."""
    if entry.kind != "settle":
        return entry.kind
    held = ", held" if entry.held else ""
    if answer is not None and answer.has_failed:
        return f"{AnswerKind.FAILED}{held}"
    if answer is not None and answer.finish == _FILTERED and not answer.prompt_tokens:
        return f"{AnswerKind.FILTERED}{held}"
    return "booked above usage"
