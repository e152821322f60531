"""What must be true of every input, whatever it is: each function returns what is wrong."""

from __future__ import annotations

import csv
import json
import os
import re
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from tests.hostile.hostile_input import HostileInput, expand
from tests.hostile.journey import LONGEST, RUN_FOLDER, Journey
from tests.hostile.server import HostileServer

MEGABYTES = 300
ENDS = {0, 1, 2, 3, 4}
INTERRUPTED = 130
REFUSED = {1, 2, 3}
LONGEST_MESSAGE = 20_000  # bytes on standard error
USD_PER_TOKEN = Decimal("0.000001")
# Control characters, and those that change the direction of what is read.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d[\d.,_]*(e[+-]?\d+)?%?", re.IGNORECASE)


def broken_promises(given: HostileInput, journey: Journey, server: HostileServer) -> Iterator[str]:
    """Name everything that must not be."""
    yield from _ends(given, journey)
    yield from _sendings(given, journey, server)
    yield from _leaks(given, journey, server)
    yield from _raw_characters(journey)
    yield from _formulas(journey)
    yield from _outcome(given, journey)
    yield from _particulars(given, journey, server)


def _ends(given: HostileInput, journey: Journey) -> Iterator[str]:
    """Exit codes, time, memory; no traceback, no message without end."""
    allowed = ENDS | ({INTERRUPTED} if given.interrupt else set())
    for name, done in journey.steps:
        if done.exit_code not in allowed:
            yield f"{name} ended with {done.exit_code}"
        if done.seconds > LONGEST:
            yield f"{name} took {done.seconds:.1f} s"
        if done.megabytes > MEGABYTES:
            yield f"{name} took {done.megabytes:.0f} MB"
        if b"Traceback (most recent call last)" in done.errors:
            yield f"{name} ended in a traceback: {done.errors[-300:]!r}"
        if len(done.errors) > LONGEST_MESSAGE:
            yield f"{name} said {len(done.errors)} bytes on standard error"


def _sendings(given: HostileInput, journey: Journey, server: HostileServer) -> Iterator[str]:
    """Nothing leaves before an approval, and no program is started at any time."""
    if journey.early_connections:
        yield f"{journey.early_connections} connections before an approval"
    for name, done in journey.steps:
        for tried in done.tried:
            program = not tried.startswith("socket.")
            if program or (name in ("estimate", "estimate-json", "approve") and not given.asked):
                yield f"{name} tried {tried}"
    if len(server.received.prompts) > given.calls:
        yield f"{len(server.received.prompts)} calls, at most {given.calls} are right"


def _leaks(given: HostileInput, journey: Journey, server: HostileServer) -> Iterator[str]:
    """No secret in any file or output, nor in what the provider got but for its own key."""
    secrets = journey.scene.secrets
    for path, content in _written(given, journey):
        for name, secret in secrets.items():
            if secret.encode() in content:
                yield f"{name} in {path}"
        for text in given.hides:
            if expand(text, journey.scene.names()).encode() in content:
                yield f"{text!r} in {path}"
    for name, secret in secrets.items():
        if name != given.key and secret.encode() in server.received.bytes:
            yield f"{name} was sent to the provider"


def _written(given: HostileInput, journey: Journey) -> Iterator[tuple[Path, bytes]]:
    """Return every file of the scene that the input did not bring itself."""
    brought = _brought(given, journey)
    for path in sorted(journey.folder.rglob("*")):
        outside = path.is_relative_to(journey.folder / "outside")
        own = path in brought
        if path.is_file() and not path.is_symlink() and not outside and not own:
            yield path.relative_to(journey.folder), path.read_bytes()


def _brought(given: HostileInput, journey: Journey) -> set[Path]:
    """Return the files that were there before any command."""
    stranger, names = journey.scene.desk / "stranger", journey.scene.names()
    usual = ("experiment.yaml", "queries.txt", "../afcost.prices.yaml")
    paths = [*usual, *given.files, *given.edits.get("files", {})]
    return {Path(os.path.normpath(stranger / expand(path, names))) for path in paths}


def _raw_characters(journey: Journey) -> Iterator[str]:
    """What is printed moves no cursor and turns no text around."""
    for name, done in journey.steps:
        for stream, content in (("output", done.output), ("errors", done.errors)):
            text = content.decode("utf-8", "replace")
            if found := _CONTROL.search(text):
                around = text[max(0, found.start() - 40) : found.end() + 20]
                yield f"{name} printed {found[0]!r} in its {stream}: {around!r}"


def _formulas(journey: Journey) -> Iterator[str]:
    """No cell of a csv file is a formula to a spreadsheet."""
    for path in journey.scene.desk.glob("*.csv"):
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            csv.field_size_limit(2**30)
            cells = (cell for row in csv.reader(file) for cell in row)
            found = [c for c in cells if c.startswith(_FORMULA) and not _NUMBER.fullmatch(c)]
        if found:
            yield f"{path.name} has a cell {found[0][:60]!r}"


def _outcome(given: HostileInput, journey: Journey) -> Iterator[str]:
    """Refused or not, as the input says; a refusal names what is wrong."""
    name, last = next((each for each in journey.steps if each[1].exit_code), journey.steps[-1])
    code, errors = last.exit_code, last.errors.decode("utf-8", "replace")
    if given.outcome == "ok" and code:
        yield f"{name} ended with {code}: {errors[-400:]}"
    if given.outcome == "stopped" and (name != "run" or not errors.strip()):
        yield f"the run was not stopped: {name} ended with {code}: {errors[-300:]}"
    if given.outcome == "refused":
        steps = list(dict(journey.steps))
        if code not in REFUSED or steps.index(name) > steps.index(_last_step(given, steps)):
            yield f"not refused by {given.phase}: {name} ended with {code}: {errors[-300:]}"
        elif not errors.strip():
            yield f"{name} refused without a word"
        elif given.names and not any(_named(n, journey) in errors for n in given.names):
            yield f"{name} names none of {[each[:40] for each in given.names]}: {errors[-400:]}"


def _last_step(given: HostileInput, steps: list[str]) -> str:
    return given.phase if given.phase in steps else steps[-1]


def _named(name: str, journey: Journey) -> str:
    text: str = expand(name, journey.scene.names())
    return text


def _particulars(given: HostileInput, journey: Journey, server: HostileServer) -> Iterator[str]:
    """What only this input asks for."""
    printed = b"".join(done.output + done.errors for _, done in journey.steps)
    for text in given.shows:
        if expand(text, journey.scene.names()).encode() not in printed:
            yield f"{text!r} is not shown"
    if given.judge_receives:
        received = [text for stage, text in server.received.prompts if stage == "judge"]
        if not any(given.judge_receives in text for text in received):
            yield f"the judge did not get {given.judge_receives!r}: {received[:1]}"
    if given.booked:
        yield from _underbooked(given, journey)
    if given.umask != 0o022:
        yield from _open_files(given, journey)


def _underbooked(given: HostileInput, journey: Journey) -> Iterator[str]:
    """A lie in usage must not make an answer cheaper than what it was billed."""
    report = journey.done("report-json")
    if report is None or report.exit_code:
        yield "there is no report of what was booked"
        return
    fields = json.loads(report.output)
    counted = sum(Decimal(fields[name]) for name in ("spent_usd", "held_usd", "reserved_usd"))
    if counted < given.booked * USD_PER_TOKEN:
        yield f"booked ${counted}, billed ${given.booked * USD_PER_TOKEN}"


def _open_files(given: HostileInput, journey: Journey) -> Iterator[str]:
    """Name what others could read, of what afcost made where the user works."""
    desk, brought = journey.scene.desk, _brought(given, journey)
    run_folder = desk / RUN_FOLDER
    made = [path for path in desk.rglob("*") if path.is_file() and path.suffix != ".lock"]
    for path in [run_folder, *(path for path in made if path not in brought)]:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield f"{path.relative_to(journey.folder)} has mode {mode:o}"
