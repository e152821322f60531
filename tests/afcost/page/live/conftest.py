"""A run to be served: some of it is answered, and nothing executes it."""

from __future__ import annotations

import pytest

from tests.afcost.page.live import served
from tests.runner.judged_run import AMPLE, JUDGES
from tests.runner.recorded_run import make_run


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))
    made = make_run(tmp_path, tmp_path / "runs" / "small", queries=4, judges=JUDGES)
    with made.recording(AMPLE) as ledger:
        for subject in list(ledger.requests.all_subject_requests())[:3]:
            ledger.judge(subject, ledger.answer(subject, "Here it is."), *["no"] * 4)
        ledger.ledger.record_end("interrupted")
    return made


@pytest.fixture
def serve(recorded):
    """Serve the run, and return what a function of a browser does."""
    folder = recorded.folder.path
    return lambda ask, first=folder: served.serve(first, ask, folder.parent)
