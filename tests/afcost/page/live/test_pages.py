"""What is served: a run with the figures of its status, all runs, two runs, a report."""

from __future__ import annotations

import json
import re
import threading

import pytest

from afcost.cli import run_cli
from afcost.page.live import reports
from afcost.page.live.pace import Pace
from tests.runner.judged_run import AMPLE, JUDGES
from tests.runner.recorded_run import make_run


@pytest.fixture
def status(recorded, capsys):
    """Return what `afcost status --format json` says of the run."""

    def ask():
        assert run_cli(["status", str(recorded.folder.path), "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


def steady(figures):
    """Leave out when the forecast was made; a run without a note is forecast again each time."""
    view = figures["forecast"]
    return figures | {"forecast": view and view | {"at": ""}}


def test_an_event_has_the_figures_of_the_status(serve, status):
    async def ask(browser):
        return await browser.listen(await browser.find_run(), 1)

    (update,) = serve(ask)
    assert steady(update["figures"]) == steady(status())
    assert update["version"] == 1
    assert not update["error"]


def test_every_figure_on_the_page_is_in_the_status_or_beside_it(serve, status):
    async def ask(browser):
        return (await browser.ask("/"))[1]

    page, found = serve(ask), status()
    shown = dict(re.findall(r'<data data-figure="([^"]*)" value="([^"]*)">', page))
    assert shown["spent_usd"] == found["spent_usd"]
    assert shown["remaining_usd"] == found["remaining_usd"]
    assert shown["strata.0.answered"] == str(found["strata"][0]["answered"])
    assert "interrupted" in page
    assert "Here it is." in page


def test_only_what_changed_is_sent_again(serve, recorded):
    async def ask(browser):
        run = await browser.find_run()
        _, none, _ = await browser.ask(f"{run}/parts?after=1")
        with recorded.recording(AMPLE) as ledger:
            ledger.answer(list(ledger.requests.all_subject_requests())[5], "<b>It is new.</b>")
        first, second = await browser.listen(run, 2)
        _, parts, _ = await browser.ask(f"{run}/parts?after={first['version']}")
        return none, first, second, parts

    none, first, second, parts = serve(ask)
    assert "data-part" not in none
    assert second["version"] > first["version"]
    assert second["figures"]["spent_usd"] > first["figures"]["spent_usd"]
    assert {"money", "calls", "latest"} <= set(re.findall(r'data-part="(\w+)"', parts))
    assert "&lt;b&gt;It is new.&lt;/b&gt;" in parts
    assert "<b>" not in parts


def test_a_run_that_nothing_executes_is_not_paused_and_says_so(serve, recorded):
    async def ask(browser):
        run = await browser.find_run()
        return [await browser.control(f"{run}/{what}") for what in ("pause", "stop", "resume")]

    pause, stop, resume = serve(ask)
    assert pause[0] == 409
    assert "Nothing on this machine executes this run now" in pause[1]
    assert "afcost pause RUN" in pause[1]
    assert stop[0] == resume[0] == 409
    assert not (recorded.folder.path / "control.json").exists()


def test_a_run_that_is_executed_is_paused_resumed_and_stopped(serve, recorded):
    async def ask(browser):
        run = await browser.find_run()
        with recorded.recording(AMPLE):
            said = [
                await browser.control(f"{run}/{what}")
                for what in ("pause", "pause", "resume", "stop")
            ]
            return said, json.loads((recorded.folder.path / "control.json").read_text())

    said, wishes = serve(ask)
    assert [status for status, _ in said] == [200] * 4
    assert said[1][1] == "It was paused already."
    assert wishes["stop"]
    assert not wishes["paused_at"]


def test_a_change_is_seen_at_once_however_seldom_the_page_is_renewed(serve, recorded, monkeypatch):
    monkeypatch.setattr(Pace, "wait_seconds", lambda *_, **__: 1e6)

    async def ask(browser):
        run = await browser.find_run()
        with recorded.recording(AMPLE):
            await browser.control(f"{run}/pause")
            (paused,) = await browser.listen(run, 1)
            await browser.control(f"{run}/resume")
            (resumed,) = await browser.listen(run, 1)
        return paused["figures"]["paused_at"], resumed["figures"]["paused_at"]

    paused_at, resumed_at = serve(ask)
    assert paused_at
    assert not resumed_at


def test_the_list_has_every_run_and_names_what_is_broken(serve, recorded):
    runs = recorded.folder.path.parent
    (runs / "<script>").mkdir()
    (runs / "<script>" / "experiment.json").write_text("{")

    async def ask(browser):
        return (await browser.ask("/"))[1]

    page = serve(ask, None)
    assert ">small</a>" in page
    assert "cannot be read" in page
    assert "&lt;script&gt;" in page
    assert "<script>&" not in page
    assert "No finished run is kept on this machine" in page


def test_two_runs_stand_beside_each_other(serve, recorded, tmp_path):
    make_run(tmp_path / "b", recorded.folder.path.parent / "other", queries=5, judges=JUDGES)

    async def ask(browser):
        _, listed, _ = await browser.ask("/runs")
        names = re.findall(r'name="run" value="(\w+)"', listed)
        path = "&".join(f"run={name}" for name in names)
        return names, await browser.ask(f"/compare?{path}"), await browser.ask("/compare?run=x")

    names, (status, page, _), (unknown, _, _) = serve(ask)
    assert (len(names), status, unknown) == (2, 200, 400)
    assert "this is no test" in page
    assert "1 of them only here" in page


def test_a_report_is_built_once_until_the_ledger_moves(serve, recorded, monkeypatch):
    built = []

    def render(report, _transcripts):
        built.append(threading.current_thread() is threading.main_thread())
        return f"report {len(built)}: {report.balance.settled}"

    monkeypatch.setattr(reports, "render_report_page", render)

    async def ask(browser):
        run = await browser.find_run()
        found = [await browser.ask(f"{run}/report") for _ in range(2)]
        with recorded.recording(AMPLE) as ledger:
            ledger.answer(list(ledger.requests.all_subject_requests())[5], "It is new.")
        return [*found, await browser.ask(f"{run}/report")]

    first, again, newer = [text for _, text, _ in serve(ask)]
    assert first == again
    assert newer.startswith("report 2")
    assert built == [False, False], "the server answers others meanwhile"


def test_a_run_folder_that_goes_away_is_said_and_the_server_goes_on(serve, recorded, tmp_path):
    async def ask(browser):
        run = await browser.find_run()
        recorded.folder.path.rename(tmp_path / "elsewhere")
        report = await browser.ask(f"{run}/report")
        return report, await browser.ask("/runs")

    (status, page, _), (listed, _, _) = serve(ask)
    assert (status, listed) == (500, 200)
    assert "is not a run folder" in page
