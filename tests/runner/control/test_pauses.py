"""The pauses of a run, as they were asked for."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from runner.control import ask_to_pause, ask_to_resume, ask_to_stop, open_notes, read_pauses
from runner.ledger import FileLocation


@pytest.fixture
def notes(tmp_path):
    """Return the notes beside a ledger file."""
    with open_notes(FileLocation(tmp_path / "ledger.sqlite")) as opened:
        yield opened


def test_a_pause_is_kept_when_it_ends_and_has_no_end_before(notes):
    before = datetime.now(UTC) - timedelta(seconds=40)
    assert read_pauses(notes) == []
    ask_to_pause(notes, before)
    assert read_pauses(notes) == [(int(before.timestamp()), math.inf)]
    ask_to_resume(notes)
    ((since, until),) = read_pauses(notes)
    assert 40 <= until - since < 100
    ask_to_stop(notes)
    assert len(read_pauses(notes)) == 1, "nothing was paused"
    for _ in range(30):
        ask_to_pause(notes, before)
        ask_to_stop(notes)
    assert len(read_pauses(notes)) == 20


@pytest.mark.parametrize("kept", [{"pauses": 3}, {"pauses": [["x", "y"]]}, {"pauses": [[1]]}, []])
def test_what_others_wrote_is_no_pause(notes, tmp_path, kept):
    (tmp_path / "pauses.json").write_text(json.dumps(kept))
    assert read_pauses(notes) == []
    ask_to_pause(notes, datetime.now(UTC))
    assert ask_to_resume(notes)
