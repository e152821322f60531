"""The file of a recording: a line for the whole, and one for each call.

Bodies hold the texts of a study, so that the file is its owner's alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from estimator.atomic_write import open_atomically
from estimator.errors import BadRecording
from estimator.recorded.recorded_call import RecordedCall, Recording
from estimator.safe_text import dump_json
from experiment.errors import RefusedFile
from experiment.file_access import read_user_file
from providers.clients import ClientApi
from providers.secrets import redact_message

RECORDING_SCHEMA = "afcost.recording/1"
_MAX_BYTES = 2 << 30
_FIRST, _LONGER = 1, 2
_MOST_TOKENS = 1_000_000_000  # of the answers to a call
_SHOWN = 60  # characters of a value
T = TypeVar("T")


def write_recording(path: Path, recording: Recording) -> None:
    """Write a recording, for its owner alone.

    Raises:
        OSError: it cannot be written.
    """
    head = {
        "schema": RECORDING_SCHEMA,
        "command": [redact_message(word) for word in recording.command],
        "problems": [redact_message(each) for each in recording.problems],
    }
    with open_atomically(path) as file:
        file.write(f"{dump_json(head)}\n")
        for run, calls in ((_FIRST, recording.calls), (_LONGER, recording.longer)):
            file.writelines(f"{json.dumps(_to_json(call, run))}\n" for call in calls)


def read_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        BadRecording: it is not there, or is none.
    """
    try:
        lines = read_user_file(path, _MAX_BYTES).splitlines()
    except (OSError, RefusedFile) as error:
        raise BadRecording(f"cannot read the recording {path}: {error}") from error
    command, problems = _read_line(path, 1, lines[0] if lines else b"", _read_head)
    runs: dict[int, list[RecordedCall]] = {_FIRST: [], _LONGER: []}
    for number, line in enumerate(lines[1:], start=2):
        run, call = _read_line(path, number, line, _read_call)
        runs[run].append(call)
    return Recording(command, tuple(runs[_FIRST]), tuple(runs[_LONGER]), problems)


def _read_line(path: Path, number: int, line: bytes, read: Callable[[Any], T]) -> T:
    """Read a line of a recording.

    Raises:
        BadRecording: it is damaged; names the line and what is wrong in it.
    """
    try:
        return read(dict(json.loads(line)))
    except TypeError:
        said = "it is no object"
    except KeyError as error:
        said = f"there is no {error.args[0]}"
    except RecursionError:
        said = "lists or objects are nested too deep"
    except ValueError as error:
        said = str(error)
    raise BadRecording(f"{path} is no recording, or is damaged: line {number}: {said}")


def _read_head(written: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if written["schema"] != RECORDING_SCHEMA:
        raise ValueError(f"expected schema {RECORDING_SCHEMA}")
    return _read_texts(written, "command"), _read_texts(written, "problems")


def _read_texts(written: dict[str, Any], name: str) -> tuple[str, ...]:
    texts = _read(written, name, list)
    if not all(isinstance(each, str) for each in texts):
        raise ValueError(f"{name}: expected a list of texts")
    return tuple(texts)


def _read(written: dict[str, Any], name: str, kind: type[T]) -> T:
    """Return a field of a type.

    Raises:
        ValueError: it is of another.
    """
    value = written[name]
    if type(value) is not kind:
        raise ValueError(f"{name} is {str(value)[:_SHOWN]!r}")
    return value


def _to_json(call: RecordedCall, run: int) -> dict[str, Any]:
    """Return a call as JSON; bytes that are no UTF-8 become lone surrogates, as in Python."""
    return {
        "run": run,
        "provider": call.provider,
        "api": call.api.value,
        "model": call.model,
        "label": call.label,
        "streamed": call.streamed,
        "answer_tokens": call.answer_tokens,
        "is_measured": call.is_measured,
        "body": call.body.decode("utf-8", "surrogateescape"),
    }


def _read_call(written: dict[str, Any]) -> tuple[int, RecordedCall]:
    """Return a call, and the run that it is of."""
    run, tokens = _read(written, "run", int), _read(written, "answer_tokens", int)
    if run not in (_FIRST, _LONGER):
        raise ValueError(f"run is {run}")
    if not 0 <= tokens <= _MOST_TOKENS:
        raise ValueError(f"answer_tokens is {tokens}")
    return run, RecordedCall(
        provider=_read(written, "provider", str),
        api=ClientApi(_read(written, "api", str)),
        model=_read(written, "model", str),
        label=_read(written, "label", str),
        body=_read(written, "body", str).encode("utf-8", "surrogateescape"),
        streamed=_read(written, "streamed", bool),
        answer_tokens=tokens,
        is_measured=_read(written, "is_measured", bool),
    )
