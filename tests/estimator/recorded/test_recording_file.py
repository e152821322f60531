"""A recording is read as it was written, for its owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from estimator.errors import BadRecording
from estimator.recorded import RecordedCall, Recording, read_recording, write_recording
from providers.clients import ClientApi

BODY = '{"model":"m","messages":[{"role":"user","content":"Zürich \\u2028 \u2028"}]}'.encode()


def _make_call(body: bytes, answer_tokens: int) -> RecordedCall:
    return RecordedCall(
        provider="openai",
        api=ClientApi.CHAT,
        model="m",
        label="judge",
        body=body,
        streamed=False,
        answer_tokens=answer_tokens,
        is_measured=False,
    )


def test_a_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    recording = Recording(
        ("python", "my study.py"),
        (_make_call(BODY, 12), _make_call(b"\xff no UTF-8\n", 12)),
        (_make_call(BODY, 40),),
        ("it ended with exit code 3",),
    )
    path = tmp_path / "recording.jsonl"
    write_recording(path, recording)
    assert read_recording(path) == recording
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]\n", b'{"schema": "afcost.recording/1"}\n'])
def test_what_is_no_recording_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadRecording, match=r"other\.jsonl"):
        read_recording(path)
    with pytest.raises(BadRecording, match=r"none\.jsonl"):
        read_recording(tmp_path / "none.jsonl")
