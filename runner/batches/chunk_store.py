"""The chunk store: what a process knows of the chunks that are open, as its ledger has it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from providers.batches import ChunkToSend, RemoteBatch, name_chunk
from runner.batches.chunk_lines import ChunkLines
from runner.batches.cutting import Cut
from runner.batches.job_places import JobPlaces
from runner.batches.pending_work import PendingWork
from runner.ledger import ChunkNote, ChunkState, Ledger

_FOLDER = "batches"


class ChunkStore:
    """The chunks of a ledger that are open.

    Args:
        ledger: open for writing.
        pending: what is left of the plan.
        places: of its jobs.
        folder: of the run; files of chunks are kept in it as long as they are open.
        work: the digest of the plan's work.
        labels: what a batch says of itself at a provider that keeps that.

    Attributes:
        notes: what is known of each chunk, by its name, oldest first.
        away: ids of the requests that are in one.
        jobs_away: of the jobs that had any in one when this process began.
        queue_rooms: model -> the most tokens of its prompts that may wait at its provider, where
            that was exceeded before.
    """

    def __init__(  # noqa: PLR0913 - what a chunk is found by
        self,
        ledger: Ledger,
        pending: PendingWork,
        places: JobPlaces,
        folder: Path,
        work: str,
        labels: dict[str, str],
    ) -> None:
        self._ledger, self._pending, self._places = ledger, pending, places
        self._folder, self._work, self._labels = folder / _FOLDER, work, labels
        known = ledger.chunks()
        self.notes = {each.chunk: each for each in known if each.is_open}
        self._batches = {each.batch for each in known if each.batch}
        self._billed = {each.model for each in known if each.settled}
        self.queue_rooms: dict[str, int] = {}
        for each in known:
            self._learn(each)
        self.away, self.jobs_away = set[str](), set[str]()
        for note in self.notes.values():
            for open_one in self.open_lines(note).list_attempts():
                self.away.add(open_one.attempt.request)
                self.jobs_away.add(open_one.attempt.job)

    def has_bills(self, model: str) -> bool:
        """Return whether a batch of a model was billed, and nothing was wrong with that."""
        return model in self._billed

    def of_model(self, model: str) -> list[ChunkNote]:
        """Return the open chunks of a model."""
        return [each for each in self.notes.values() if each.model == model]

    def open_lines(self, note: ChunkNote) -> ChunkLines:
        """Return the lines of a chunk of which nothing is known yet."""
        return ChunkLines(note, self._ledger, self._pending, self._places)

    def reserve(
        self, cut: Cut, window: float | None, price: Mapping[str, Any] | None = None
    ) -> ChunkNote | None:
        """Reserve a chunk; None, with nothing changed, where the cap does not cover it.

        Args:
            cut: what it is made of.
            window: hours after which its provider has ended it; None where that is not known.
            price: of its requests, as of `write_price`.
        """
        # A number of the ledger's may be drawn again in one that was put back from a copy.
        name = name_chunk(f"{self._ledger.witness.identity} {secrets.token_hex(16)}", 0)
        note = ChunkNote(
            chunk=name,
            model=cut.kind.model,
            stage=cut.kind.stage,
            work=self._work,
            tokens=cut.tokens,
            window=window,
            price=price,
            intended_at=datetime.now(UTC).isoformat(),
        )
        reserved = self._ledger.reserve_chunk(note, cut.lines, cut.cover)
        if reserved is not None:
            self.notes[name] = reserved
            self.away.update(attempt.request for line in cut.lines for attempt, _ in line)
        return reserved

    def record(self, note: ChunkNote, **changes: Any) -> ChunkNote:  # noqa: ANN401 - its fields
        """Record what is known of a chunk from now on; nothing is written where it is the same."""
        changed = replace(note, **changes)
        if changed != note:
            self._ledger.record_chunk(changed)
        self._keep(changed)
        return changed

    def end(self, note: ChunkNote, **changes: Any) -> ChunkNote:  # noqa: ANN401 - its fields
        """Record that a chunk has ended: it is known what became of each of its attempts."""
        found = self._ledger.chunk_outcomes(note)
        counts = {
            "settled": found.get("settle", 0),
            "released": found.get("release", 0),
            "held": found.get("hold", 0),
        }
        return self.record(note, state=ChunkState.ENDED, price=None, **counts, **changes)

    def _keep(self, note: ChunkNote) -> None:
        if note.batch:
            self._batches.add(note.batch)
        if note.is_open:
            self.notes[note.chunk] = note
            return
        if note.settled:
            self._billed.add(note.model)
        self._learn(note)
        self.notes.pop(note.chunk, None)
        for path in self._folder.glob(f"{note.chunk}.*"):  # also what was fetched in part
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _learn(self, note: ChunkNote) -> None:
        """Have half of what was too much at a provider wait there from now on."""
        if note.is_queue_full:
            known = self.queue_rooms.get(note.model, note.tokens)
            self.queue_rooms[note.model] = max(min(known, note.tokens) // 2, 1)

    def describe(self, note: ChunkNote) -> ChunkToSend:
        """Return a chunk as it is sent, and looked for."""
        asked = datetime.fromisoformat(note.asked_at) if note.asked_at else None
        return ChunkToSend(
            id=note.chunk,
            path=self.lines_file(note),
            lines=note.lines,
            intended_at=datetime.fromisoformat(note.intended_at),
            sent_at=asked,
            file_id=note.file,
            key_mark=note.key_mark,
            labels=self._labels,
            other_batches=frozenset(self._batches - {note.batch}),
        )

    def find_mistake(self, note: ChunkNote, batch: RemoteBatch) -> str:
        """Return why what was told is of another batch than this chunk's; empty where it is not.

        Nothing of it is believed then: it may say of lines that they were never done.
        """
        is_known = batch.id in self._batches - {note.batch}
        if is_known or (note.batch and batch.id != note.batch):
            return f"its provider answered with another batch, {batch.id}"
        if batch.chunk not in ("", note.chunk):
            return f"its provider answered with the batch of another chunk, {batch.chunk}"
        return ""

    def lines_file(self, note: ChunkNote) -> Path:
        """Return where the lines of a chunk are written, as they are sent."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return self._folder / f"{note.chunk}.lines.jsonl"

    def results_file(self, note: ChunkNote) -> Path:
        """Return where what came back for a chunk is kept until it is settled."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return self._folder / f"{note.chunk}.results.jsonl"
