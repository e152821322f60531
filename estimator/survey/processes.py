"""Processes that count blocks beside this one.

Each is a fresh Python that is told what is counted, then gives back one block after another over
its pipes. None of them is waited for: what one has not given back in the end is counted here, so a
process that dies, hangs or never starts costs time and nothing else.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from estimator.cores import count_cores
from estimator.count_cache import default_cache, flush_default_cache
from estimator.survey.block_counter import CountedBlock, Survey
from estimator.survey.cell_stratum import NeedsOrderError
from estimator.workload import PlannedModel
from experiment.definition import Experiment

# What pays for the second that another process takes to start.
_REQUESTS_PER_PROCESS, _CHARACTERS_PER_PROCESS = 100_000, 50_000_000
_MAX_PROCESSES = 8  # each takes about 100 MB
_MAX_AHEAD = 64  # blocks that are kept because an earlier one is still being counted
_SECONDS_TO_ANSWER = 0.2  # in the end, for a block that was counted here meanwhile
_SECONDS_TO_END = 5  # to write the counts of long texts into the cache
_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from estimator.survey.process_main import main; main()"
)
Block = tuple[int, int]


def choose_process_count(experiment: Experiment, models: Iterable[PlannedModel]) -> int:
    """Return how many processes count an experiment: one, unless there is much to count.

    One too where a tokenizer is the user's own, which takes long to load, or a provider counted.
    """
    if any(model.counting.source or model.counting.endpoint for model in models):
        return 1
    spec, queries = experiment.spec, experiment.queries
    cells = sum(1 for _ in experiment.conditions()) * len(spec.models)
    jobs = cells * spec.samples * (1 + sum(judge.samples for judge in spec.judges))
    requests, characters = jobs * len(queries), cells * sum(map(len, queries))
    paid = max(requests // _REQUESTS_PER_PROCESS, characters // _CHARACTERS_PER_PROCESS)
    return max(1, min(paid, count_cores(), _MAX_PROCESSES))


class BlockProcesses:
    """Processes that count blocks beside this one; close it in the end.

    Args:
        survey: what is counted.
        blocks: all that are to be counted.
        number: of processes to start; none for 0.
    """

    def __init__(self, survey: Survey, blocks: Sequence[Block], number: int) -> None:
        self._blocks = blocks
        self._lock = threading.Lock()
        self._waiting = list(range(len(blocks)))[::-1]
        self._next = 0
        self._found: dict[int, CountedBlock | None] = {}  # None: they must be counted in order
        self._asked: list[tuple[subprocess.Popen[bytes], threading.Thread]] = []
        if number > 0:
            flush_default_cache()
            given = _pickle((survey, default_cache().bypassed))
            for _ in range(min(number, len(blocks) - 1)):
                self._start(given)

    def count_all(self, count: Callable[[int, int], CountedBlock]) -> Iterator[CountedBlock]:
        """Yield all blocks in order, counted here or by another process.

        Args:
            count: counts one of them here.

        Raises:
            NeedsOrderError: as `BlockCounter.count`, from wherever it was found.
        """
        for number in range(len(self._blocks)):
            while number not in self._found:
                mine = self._take_waiting() if len(self._found) < _MAX_AHEAD else None
                # Where none waits, another process has this one, and all this time.
                place = number if mine is None else mine
                self._put_found(place, count(*self._blocks[place]))
            with self._lock:
                found = self._found.pop(number)
                self._next = number + 1
            if found is None:
                raise NeedsOrderError
            yield found

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._waiting.clear()
        for process, thread in self._asked:
            thread.join(_SECONDS_TO_ANSWER)
            if thread.is_alive():
                process.kill()
                thread.join()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr] # both are pipes
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, given: bytes) -> None:
        command = [sys.executable, "-P", "-c", _START, str(Path(__file__).parents[2])]
        # Ctrl-C is for this process, which ends the others.
        apart: dict[str, Any] = (
            {"process_group": 0}
            if os.name == "posix"
            else {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        )
        pipe = subprocess.PIPE
        with suppress(OSError):
            process = subprocess.Popen(  # noqa: S603 - this Python, with a text of ours
                command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, **apart
            )
            thread = threading.Thread(target=self._ask, args=(process, given), daemon=True)
            self._asked.append((process, thread))
            thread.start()

    def _ask(self, process: subprocess.Popen[bytes], given: bytes) -> None:
        """Let a process count blocks until none waits, or it fails."""
        told, said = process.stdin, process.stdout
        assert told is not None  # noqa: S101 - both are pipes
        assert said is not None  # noqa: S101
        number: int | None = None
        try:
            told.write(given)
            while (number := self._take_waiting()) is not None:
                pickle.dump(self._blocks[number], told)
                told.flush()
                self._put_found(number, pickle.load(said))  # noqa: S301 - of our own process
        except (OSError, EOFError, ValueError, pickle.PickleError):
            with self._lock:
                if number is not None:
                    self._waiting.append(number)

    def _take_waiting(self) -> int | None:
        """Return the first block that is given to no process; None where there is none."""
        with self._lock:
            while self._waiting:
                number = self._waiting.pop()
                if number >= self._next and number not in self._found:
                    return number
        return None

    def _put_found(self, number: int, block: CountedBlock | None) -> None:
        """Keep what was counted of a block, unless it is known."""
        with self._lock:
            if number >= self._next:
                self._found.setdefault(number, block)


def _pickle(given: object) -> bytes:
    """Return what a process is given; a read-only mapping, which python does not pickle, too."""
    written = io.BytesIO()
    pickler = pickle.Pickler(written)
    pickler.dispatch_table = copyreg.dispatch_table | {MappingProxyType: _reduce_mapping}
    pickler.dump(given)
    return written.getvalue()


def _reduce_mapping(mapping: MappingProxyType[Any, Any]) -> tuple[Any, tuple[dict[Any, Any]]]:
    return _make_read_only, (dict(mapping),)


def _make_read_only(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)
