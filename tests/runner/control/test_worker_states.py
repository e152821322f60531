"""What a worker leaves of itself is read back, and what is none is left out."""

from __future__ import annotations

import asyncio
import json

import pytest

from runner.control import StatedWait, WorkerState, open_notes, read_worker_states
from runner.execution import ModelWait
from runner.launch.live_notes import read_live_note
from runner.launch.live_tasks import LiveReporter
from tests.runner.judged_run import AMPLE
from tests.runner.recorded_run import make_run

STATE = WorkerState(
    "2026-11-27T12:00:00+00:00",
    1.25,
    (StatedWait("lab/model", "", "2026-11-27T12:01:00+00:00", is_stopped=False, why="HTTP 429"),),
)


def test_a_state_is_read_back():
    note = json.loads(json.dumps({"a": STATE.to_json()}))
    assert read_worker_states(note) == {"a": STATE}


@pytest.mark.parametrize(
    "stated",
    [None, [], "x", {}, {"at": "x"}, {"at": "x", "cpu_seconds": "y"},
     {"at": "x", "cpu_seconds": 1, "waits": 3}, {"at": "x", "cpu_seconds": 1, "waits": [3]}],
)  # fmt: skip
def test_what_is_none_is_left_out(stated):
    assert read_worker_states({"a": stated, "b": STATE.to_json()}) == {"b": STATE}


def test_a_worker_says_which_models_it_asks_nothing(tmp_path):
    recorded = make_run(tmp_path)
    waits = [
        ModelWait("lab/one", "", 30.0, "HTTP 429"),
        ModelWait("lab/two", "judge", float("inf"), "it is asked whether it is up"),
        ModelWait("lab/three", "", None, "no such model"),
    ]
    location = recorded.folder.ledger_location
    with recorded.recording(AMPLE) as ledger, open_notes(location) as notes:
        reporter = LiveReporter(
            recorded.folder, ledger.ledger, notes, lambda *_: None, lambda: waits
        )
        asyncio.run(reporter.report())
        (state,) = read_live_note(notes).workers.values()
    assert state.cpu_seconds > 0
    assert [(each.model, each.is_stopped, bool(each.until)) for each in state.waits] == [
        ("lab/one", False, True),
        ("lab/two", False, False),
        ("lab/three", True, False),
    ]
