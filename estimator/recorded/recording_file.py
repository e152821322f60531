"""The file of a recording: a line for the whole, and one for each call.

Bodies hold the texts of a study, so that the file is its owner's alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
        head, *lines = read_user_file(path, _MAX_BYTES).splitlines()
        whole = json.loads(head)
        if whole["schema"] != RECORDING_SCHEMA:
            raise BadRecording(f"{path}: expected schema {RECORDING_SCHEMA}")
        return Recording(
            tuple(map(str, whole["command"])),
            *_read_runs(lines),
            tuple(map(str, whole["problems"])),
        )
    except (OSError, RefusedFile) as error:
        raise BadRecording(f"cannot read the recording {path}: {error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRecording(f"{path} is no recording, or is damaged: {error!r}") from error


def _read_runs(
    lines: Iterable[bytes],
) -> tuple[tuple[RecordedCall, ...], tuple[RecordedCall, ...]]:
    runs: dict[int, list[RecordedCall]] = {_FIRST: [], _LONGER: []}
    for line in lines:
        written = json.loads(line)
        runs[written["run"]].append(_from_json(written))
    return tuple(runs[_FIRST]), tuple(runs[_LONGER])


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


def _from_json(written: dict[str, Any]) -> RecordedCall:
    return RecordedCall(
        provider=str(written["provider"]),
        api=ClientApi(written["api"]),
        model=str(written["model"]),
        label=str(written["label"]),
        body=written["body"].encode("utf-8", "surrogateescape"),
        streamed=bool(written["streamed"]),
        answer_tokens=int(written["answer_tokens"]),
        is_measured=bool(written["is_measured"]),
    )
