"""The live watch: follows the ledger of a run that goes on, and forecasts its end.

It reads what was written since it looked last, so that a look costs no more late in a run than
early. It sees the calls of all processes that share a ledger.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from estimator.wall_time import find_speeds
from estimator.workload import StratumKey
from experiment.definition import SUBJECT
from experiment.scoring import ERROR
from pricing.money import Money
from runner.control import open_notes, read_pauses
from runner.errors import LedgerError
from runner.forecasting.blank_prompts import BlankPrompts
from runner.forecasting.call_tokens import CallReader
from runner.forecasting.live_forecast import LiveForecast
from runner.forecasting.live_result import LiveResult
from runner.forecasting.live_strata import list_live_strata
from runner.forecasting.live_view import LiveView, view_result
from runner.forecasting.own_calls import OwnCalls, read_own_calls
from runner.forecasting.strata_terms import find_terms
from runner.ledger import Balance, ChunkNote, LedgerReader, Move, read_ledger
from runner.results import find_unplanned_batches
from runner.run_folder import RunFolder
from runner.sequential import RecordedLooks, find_looks, read_more_looks
from runner.timing import (
    RunPace,
    TimeLeft,
    find_batches_left,
    find_longer,
    find_rooms,
    find_time_left,
    find_times,
    list_away,
)

_MOST_BLANKS = 100  # prompts of a stratum that are counted while a run goes on


class LiveWatch:
    """Forecasts the end of a run from its ledger, again and again.

    Args:
        run_folder: of the run.
    """

    def __init__(self, run_folder: RunFolder) -> None:
        self._run, self._plan = run_folder, run_folder.plan
        requests = run_folder.request_builder()
        blanks = BlankPrompts(requests, self._plan.models, _MOST_BLANKS)
        self._reader = CallReader(run_folder.highest_cards(), blanks.count)
        self._terms = find_terms(self._plan, run_folder.spec)
        self._size = size = len(run_folder.queries)
        self._live = LiveForecast(list_live_strata(self._plan, self._terms, size, blanks))
        names = {written: str(each.name) for written, each in self._plan.models.items()}
        speeds = find_speeds(names.values())
        self._pace = RunPace({written: speeds[name] for written, name in names.items()})
        self._chunks: dict[str, ChunkNote] = {}  # all that the ledger has had
        self._reserved: list[tuple[int, int]] = []  # of each, the first and last entry that did it
        self._timed: list[tuple[str, float]] = []  # those that were collected
        self._paid = Money()
        self._seen: int | None = None
        self._looks: RecordedLooks | None = None  # up to an entry, `_looked`
        self._looked = 0

    def look(self, now: datetime, balance: Balance | None = None) -> LiveView:
        """Read what is new in the ledger, and return the forecast of the end.

        Args:
            now: the time.
            balance: of the ledger, where it is known; else it is read.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        was_checked = self._seen is not None
        with suppress(LedgerError), open_notes(self._run.ledger_location) as notes:
            self._pace.leave_out(read_pauses(notes))
        with read_ledger(self._run.ledger_location, was_checked=was_checked) as reader:
            self._follow(reader)
            looks = self._looks = self._read_looks(reader)
            balance = balance or reader.balance()
        self._live.stop_models(looks.shown if looks else ())
        result = self._live.forecast(now.timestamp(), self._paid.as_float)
        at = now.astimezone(UTC).isoformat(timespec="seconds")
        view = view_result(result, at, self._plan.total, balance, self._paid)
        return replace(
            view,
            next_look=looks.next_early_place if looks else None,
            time_left=self._find_time_left(result, now),
        )

    @property
    def is_cheaper(self) -> bool:
        """Whether requests that were planned as calls were asked in batches."""
        return bool(find_unplanned_batches(self._plan, self._chunks.values()))

    def _find_time_left(self, result: LiveResult, now: datetime) -> TimeLeft | None:
        """Return how long calls and batches still take, side by side."""
        batched = {name for name, model in self._plan.models.items() if model.offer.is_batch}
        batched |= {each.model for each in self._chunks.values()}
        left = list(self._list_left(result))
        calls = [each for each in left if each[0].model not in batched]
        of_calls = find_time_left(self._pace, calls, now.timestamp())
        if not batched:
            return of_calls
        open_chunks = (each for each in self._chunks.values() if each.is_open)
        of_batches = find_batches_left(
            list_away(self._plan, open_chunks, self._timed, now),
            {key: number for key, number, _ in left if key.model in batched},
            find_times(self._plan, self._timed),
            {each.model for each in self._chunks.values() if each.settled},
            find_rooms(self._plan, self._chunks.values()),
        )
        return find_longer(of_calls, of_batches)

    def _read_looks(self, reader: LedgerReader) -> RecordedLooks | None:
        """Return the looks of the run's test; of its ledger only what is new is read."""
        known, after = self._looks, self._looked
        self._looked = reader.last_seq()
        if known is not None:
            return read_more_looks(reader, known, after)
        return find_looks(reader, self._run.spec, self._size)

    def _list_left(self, result: LiveResult) -> Iterator[tuple[StratumKey, float, float]]:
        """Yield how many calls of each stratum are left, and how long its plan expects answers."""
        for key, left in result.rest.items():
            stratum = self._terms[key].stratum
            number = stratum.requests if stratum.expected is None else stratum.expected
            yield key, left, stratum.output.mean / number if number else 0.0

    def _follow(self, reader: LedgerReader) -> None:
        for note in reader.chunks_since(self._seen or 0):
            if note.chunk not in self._chunks:
                self._reserved.append((note.first, note.first + note.attempts - 1))
            self._chunks[note.chunk] = note
            if not note.is_open:
                self._timed = list(reader.chunk_times())
        if self._seen is None:
            self._begin(read_own_calls(self._run, reader))
            self._seen = reader.last_seq()
            return
        for move in reader.moves_since(self._seen):
            self._seen = move.seq
            self._add(move)

    def _begin(self, own: OwnCalls) -> None:
        """Take over what was settled before the first look."""
        self._paid = own.paid
        for key, calls in own.calls.items():
            if (terms := self._terms.get(key)) is not None:
                values = terms.prices.price(calls.output, calls.answer_input)
                self._live.add_earlier(key, calls.queries, values, own.answered[key])
        away = {each.model for each in self._chunks.values() if each.is_open}
        for call in own.in_flight:
            if call.stratum.model in away:
                self._live.begin_in_batch(call.attempt, call.stratum, call.query)
                continue
            self._live.begin(call.attempt, call.stratum, call.query, call.since.timestamp())
            self._pace.begin(call.attempt, call.since.timestamp())

    def _is_in_chunk(self, seq: int) -> bool:
        """Return whether an entry reserved an attempt that is sent in a batch."""
        number = bisect_right(self._reserved, (seq, sys.maxsize))
        return bool(number) and seq <= self._reserved[number - 1][1]

    def _add(self, move: Move) -> None:
        call, at = move.call, datetime.fromisoformat(move.at).timestamp()
        self._paid += Money(move.settled)
        key = StratumKey(call.stage, call.model, call.condition)
        if key not in self._terms:
            return
        if move.kind == "reserve" and self._is_in_chunk(move.seq):
            self._live.begin_in_batch(move.attempt, key, call.query)
        elif move.kind == "reserve":
            self._live.begin(move.attempt, key, call.query, at)
            self._pace.begin(move.attempt, at)
        elif move.kind == "settle" and call.finish != ERROR:
            tokens = self._reader.read(call)
            value = None if tokens is None else self._terms[key].prices.price(*tokens)
            is_further_turn = call.stage == SUBJECT and call.vote > 0
            self._live.finish(move.attempt, at, value, answers=not is_further_turn)
            self._pace.finish(move.attempt, at, key, call.output)
        else:
            self._live.finish(move.attempt, at, None, answers=False)
            self._pace.finish(move.attempt, at)
