"""Rehearsing a program: it is run twice, with short answers and with long ones, and sends nothing.

A prompt that holds an earlier answer is longer in the second run, which tells how prompts grow with
answers. The program is started as one under the cap is, without real keys.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import IO

from estimator.recorded import RecordedCall, Recording
from providers.registry import builtin_providers
from providers.secrets import redact_secrets, remember_secret
from runner.gateway import PricedModels
from runner.gateway.door import Door
from runner.gateway.program import (
    DUMMY_KEY,
    ProgramEnd,
    end_family,
    find_keys,
    guarded_environment,
    run_program,
)
from runner.rehearsal.kept_bodies import KeptBodies
from runner.rehearsal.options import RehearsalOptions
from runner.rehearsal.stand_in import StandIn

REHEARSAL_VARIABLE = "AFCOST_REHEARSAL"  # 1 in a program that is rehearsed
_NOT_STARTED = (126, 127)
_STDERR = 2
_LAST_BYTES, _LAST_CHARACTERS = 4096, 200  # of what a program wrote before it failed
_PATIENCE = 10.0  # seconds that a program has to end once it was told to
_START = "rehearsing: calls are answered here, with placeholders, and none is sent on. The program "
_ONCE, _TWICE = "really runs", "runs twice, so what it writes it writes twice"


@dataclass(frozen=True, slots=True)
class _Rehearsal:
    """What both runs are made with, as of `rehearse`."""

    command: Sequence[str]
    options: RehearsalOptions
    environment: Mapping[str, str]
    models: PricedModels
    bodies: KeptBodies


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run came to.

    Attributes:
        calls: that were answered.
        problems: why some may be missing.
        is_last: another run would tell nothing more.
        is_interrupted: by Ctrl-C.
    """

    calls: tuple[RecordedCall, ...]
    problems: tuple[str, ...]
    is_last: bool
    is_interrupted: bool


def rehearse(
    command: Sequence[str], options: RehearsalOptions, environment: Mapping[str, str]
) -> Recording:
    """Run a program twice and record its calls, which are answered with placeholders.

    A program that fails, is stopped or runs past its time gives what it called until then, and the
    recording says so. What it started is ended with it.

    Args:
        command: the program and its arguments.
        options: how it is rehearsed.
        environment: of this process.

    Raises:
        KeyboardInterrupt: Ctrl-C ended the program.
    """
    for key in find_keys(environment, builtin_providers()):
        remember_secret(key)  # a command may have one among its arguments
    models = PricedModels(options.book, options.providers)
    how = _ONCE if options.once else _TWICE
    options.note(f"{_START}{how} ({REHEARSAL_VARIABLE}=1 tells it)")
    short, long = options.lengths
    inner = _Rehearsal(command, options, environment, models, KeptBodies(options.most_bytes))
    with _kept_place():
        first = _run_to_its_end(inner, short, is_first=True)
    problems: tuple[str, ...] = first.problems
    longer: tuple[RecordedCall, ...] = ()
    if not first.is_last and not options.once:
        second = _run_to_its_end(inner, long, is_first=False)
        longer = second.calls
        told = [f"in the second run, {each}" for each in second.problems if each not in problems]
        problems += tuple(told)
    return Recording(tuple(command), first.calls, longer, problems)


def _run_to_its_end(asked: _Rehearsal, tokens: int, *, is_first: bool) -> _Run:
    """Run the program once.

    Raises:
        KeyboardInterrupt: Ctrl-C ended it.
    """
    ran = asyncio.run(_run(asked, tokens, is_first=is_first))
    if ran.is_interrupted:
        raise KeyboardInterrupt
    return ran


async def _run(asked: _Rehearsal, tokens: int, *, is_first: bool) -> _Run:
    """Run the program once, behind a door of its own."""
    options = asked.options
    stand_in = StandIn(options, asked.models, tokens, asked.bodies)
    signals: list[signal.Signals] = []
    with tempfile.TemporaryFile() as hidden:
        is_shown = is_first and options.shows_output
        stderr = None if is_shown else hidden.fileno()
        stdout = _STDERR if is_shown else asyncio.subprocess.DEVNULL
        async with Door(stand_in.handle, note=options.note) as door:
            inner = _make_environment(asked.environment, door.url)
            try:
                async with asyncio.timeout(options.seconds) as limit:
                    receive = partial(_receive, signals, limit)
                    end = await run_program(
                        asked.command, inner, receive, stdout=stdout, stderr=stderr
                    )
            except TimeoutError:
                end = None
            if signals:
                await end_family(door.url)
        last_line = "" if is_shown else _read_last_line(hidden)
    problems = (
        *_describe_end(end, signals, options, last_line),
        *_describe_calls(stand_in, is_started=end is None or not _is_unstarted(end)),
    )
    is_last = bool(signals) or not stand_in.calls or (end is not None and _is_unstarted(end))
    return _Run(tuple(stand_in.calls), problems, is_last, signal.SIGINT in signals)


def _receive(signals: list[signal.Signals], limit: asyncio.Timeout, number: signal.Signals) -> None:
    """Note a signal; the program gets it too, and has some seconds to end."""
    if not signals:
        last = asyncio.get_running_loop().time() + _PATIENCE
        limit.reschedule(min(limit.when() or last, last))
    signals.append(number)


def _make_environment(environment: Mapping[str, str], door_url: str) -> dict[str, str]:
    """Return the program's environment.

    A rehearsal needs no key. Where there is none at all, clients find a placeholder for every
    provider, since they demand one; where there are some, the program has the same as under the
    cap, since tools choose their models by the keys that they see.
    """
    known = builtin_providers()
    inner = guarded_environment(environment, door_url, known) | {REHEARSAL_VARIABLE: "1"}
    names = [each.api_key_env for each in known.values() if each.api_key_env]
    if any(environment.get(name, "").strip() for listed in names for name in listed):
        return inner
    return inner | dict.fromkeys((listed[0] for listed in names), DUMMY_KEY)


def _is_unstarted(end: ProgramEnd) -> bool:
    return bool(end.problem) and end.code in _NOT_STARTED


def _describe_end(
    end: ProgramEnd | None,
    signals: Sequence[signal.Signals],
    options: RehearsalOptions,
    last_line: str,
) -> Iterator[str]:
    """Yield why calls may be missing, by how the program ended; none for a good end."""
    if end is None and not signals:
        yield (
            f"the program ran past {options.seconds:g} s and was ended; give it longer with "
            f"{options.seconds_option}"
        )
        return
    if signals:
        yield f"the program was stopped ({signals[0].name})"
    if end is None:
        return
    if end.problem:
        yield end.problem
    elif end.code and not signals:
        said = f": {last_line}" if last_line else ""
        yield f"the program failed with exit code {end.code}{said}"
    if end.left_running and not signals:
        count = len(end.left_running)
        yield f"the program left {count} of its processes running; their calls are not recorded"


def _describe_calls(stand_in: StandIn, *, is_started: bool) -> Iterator[str]:
    """Yield what must be known of the calls."""
    for reason, count in stand_in.refused.items():
        yield f"{count} call{'s were' if count > 1 else ' was'} refused: {reason}"
    if count := stand_in.unrecorded:
        were = "s were" if count > 1 else " was"
        yield f"{count:,} call{were} answered and not recorded: those before take all the room"
    for reason, count in stand_in.odd.items():
        yield f"in {count} answer{'s' if count > 1 else ''}, {reason}"
    if is_started and not stand_in.calls and not stand_in.refused:
        yield (
            "no call of the program came here; it may make none, or have its provider's address "
            "in its code"
        )


@contextmanager
def _kept_place() -> Iterator[None]:
    """Have a file that is this process's standard input be read from the same place again."""
    place = None
    with suppress(OSError, ValueError):
        place = os.lseek(sys.stdin.fileno(), 0, os.SEEK_CUR)
    yield
    if place is not None:
        with suppress(OSError):
            os.lseek(sys.stdin.fileno(), place, os.SEEK_SET)


def _read_last_line(hidden: IO[bytes]) -> str:
    """Return the last line that a program wrote to its standard error, without secrets."""
    hidden.seek(max(hidden.seek(0, os.SEEK_END) - _LAST_BYTES, 0))
    lines = hidden.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return redact_secrets(last)[:_LAST_CHARACTERS]
