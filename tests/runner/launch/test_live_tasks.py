"""What goes on beside a run, its forecast and its wishes, costs no answer where it fails."""

from __future__ import annotations

import asyncio
import errno
import json
import threading
from contextlib import suppress

import pytest

from runner.control import Wishes, notes, open_notes
from runner.execution import StopReason
from runner.forecasting.live_watch import LiveWatch
from runner.launch import live_tasks
from runner.launch.live_tasks import Control, LiveReporter, obey_wishes
from runner.ledger import FileLocation


@pytest.mark.parametrize("mistake", [ZeroDivisionError, IndexError, KeyError, ValueError])
def test_a_mistake_in_the_forecast_is_told_of_once_and_costs_no_answer(
    study, monkeypatch, caplog, mistake
):
    def fail(*_):
        raise mistake("in a forecast")

    monkeypatch.setattr(LiveWatch, "look", fail)
    _, progress = study.run(study.plan())
    assert progress.end is StopReason.COMPLETE
    assert study.billed() == 24
    assert caplog.text.count("the live forecast failed") == 1


def test_a_look_that_goes_on_after_its_task_was_cancelled_is_waited_for(monkeypatch):
    reporter = LiveReporter(None, None, None, lambda *_: None)
    begun, go_on, busy, most = threading.Event(), threading.Event(), [], []

    def look_now():
        busy.append(1)
        most.append(len(busy))
        begun.set()
        assert go_on.wait(10)
        busy.pop()
        return None, [], 0.0

    monkeypatch.setattr(reporter, "_look_now", look_now)

    async def end_while_it_looks():
        first = asyncio.create_task(reporter.report_on())
        assert await asyncio.to_thread(begun.wait, 10)
        first.cancel()
        last = asyncio.create_task(reporter.report())
        await asyncio.sleep(0.05)
        go_on.set()
        await last

    asyncio.run(end_while_it_looks())
    assert most == [1, 1]


class Told:
    """A scheduler that notes what it is told."""

    def __init__(self):
        self.said = []

    def __getattr__(self, name):
        return lambda: self.said.append(name)


@pytest.fixture
def obey(tmp_path, monkeypatch):
    """Return what shows notes, one after the other, to a process; gives what it obeyed."""
    monkeypatch.setattr(live_tasks, "_WISH_INTERVAL", 0.01)
    path = tmp_path / "control.json"

    def show(first, *texts):
        told = Told()

        async def work():
            with open_notes(FileLocation(tmp_path / "ledger.sqlite")) as found:
                task = asyncio.create_task(obey_wishes(told, Control(found, first)))
                for text in texts:
                    path.write_text(text)
                    await asyncio.sleep(0.1)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

        asyncio.run(work())
        return told.said

    return show


def note(paused="", stop=""):
    return json.dumps({"paused_at": paused, "stop": stop})


def test_a_stop_of_before_that_is_lost_and_found_again_stops_nothing(obey):
    assert "interrupt" not in obey(Wishes(stop="a"), note(stop="a"), "", note(stop="a"))
    assert "interrupt" not in obey(Wishes(stop="a"), "[" * 10_000, note(stop="a"))
    assert "interrupt" in obey(Wishes(stop="a"), "", note(stop="b"))


def test_a_pause_that_cannot_be_read_for_a_while_holds(obey, monkeypatch):
    read, failures = notes.read_json_file, iter([None, *[OSError(errno.EMFILE, "too many")] * 5])

    def read_now_and_then(*arguments):
        if failure := next(failures, None):
            raise failure
        return read(*arguments)

    monkeypatch.setattr(notes, "read_json_file", read_now_and_then)
    assert obey(Wishes(), note(paused="now")) == ["pause"]
