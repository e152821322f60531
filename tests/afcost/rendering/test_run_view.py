"""What a run says of its workers, and once of each look of its sequential test."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from afcost.rendering.running.run_view import RunView
from pricing.money import Money
from runner.execution import Progress
from runner.forecasting import LiveState, LiveView
from runner.ledger import Balance
from runner.timing import TimeLeft

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


def test_how_many_workers_there_are_stands_behind_what_is_done_and_what_is_left():
    run = RunView()
    plan = SimpleNamespace(request_count=600, total=SimpleNamespace(mean=0.3))
    money = Balance(Money.from_usd("2"), *[Money()] * 4)
    run._run, run._before = SimpleNamespace(plan=plan), 20
    run._ledger = SimpleNamespace(balance=money, is_shared=True)
    run._view = replace(VIEW, time_left=TimeLeft(30.0, 41.0, 56.0))
    work = run._format_lines(Progress(answered=100, crew="2 of 2 workers, 1 restarted"))[0]
    assert work == (
        "120 of 600 answered, about 41 s to go (30 – 56 s); 2 of 2 workers, 1 restarted"
    )
