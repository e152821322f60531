"""What a run says of its sequential test: once before a look, and once after a model is stopped."""

from __future__ import annotations

from dataclasses import replace

from afcost.rendering.running.run_view import RunView
from runner.forecasting import LiveState, LiveView

VIEW = LiveView("2026-11-27T12:00:00+00:00", LiveState.HOLDS, 50, 4, 50.0, 1.0, 0.7, 0.8, 1.3, 1.5)


def test_a_run_says_once_that_a_look_may_end_it_and_once_what_is_left_out(capsys):
    run = RunView()
    run.show_live(VIEW, [])
    assert capsys.readouterr().err == ""
    for place in (10, 20):
        run.show_live(replace(VIEW, next_look=place), [])
    said = capsys.readouterr().err
    assert said.count("The forecast is of the whole run; the look after 10 queries may end it") == 1
    assert len(said.splitlines()) == 1
    for _ in range(2):
        run.show_live(replace(VIEW, next_look=30, not_asked=40.0), [])
    said = capsys.readouterr().err
    assert said.count("About 40 requests are not asked") == 1
    assert "The forecast is of what is left; the look after 30 queries may end it" in said
    assert len(said.splitlines()) == 2
