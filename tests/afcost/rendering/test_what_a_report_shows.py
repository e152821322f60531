"""What people and programs read of a run: its answers, why it stopped, and what to type next."""

from __future__ import annotations

import csv
import io
import json
import shlex
from dataclasses import replace

import pytest
from rich.console import Console

from afcost import cli
from afcost.rendering.next_step import (
    advise,
    build_next_commands,
    describe_end,
    is_cap_held,
)
from afcost.rendering.report.data import render_csv
from afcost.rendering.report.text import print_report
from afcost.rendering.running.run_outcome import show_outcome
from experiment.scoring import Completion
from pricing.money import Money
from runner.execution import Progress, StopReason
from runner.results import build_report
from tests.runner.recorded_run import MODELS, make_run

FIRST, SECOND = MODELS
CENT = Money.from_usd("0.01")
AT_THE_CAP = "the next job may cost $0.02, but only $0.01 is free"
REFUSED = Completion("", "stop", refusal="I can't help with that.")
TRUNCATED = Completion("", "length")


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_run(tmp_path, tmp_path / "runs" / "small", queries=6)


@pytest.fixture
def shown(capsys):
    """Return what the command prints."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert cli.run_cli(list(arguments)) == 0
        return capsys.readouterr().out

    return run


def drawn(report, width: int) -> str:
    """Return a report as a terminal of this width shows it."""
    file = io.StringIO()
    print_report(Console(file=file, width=width, force_terminal=True, color_system=None), report)
    return file.getvalue()


def answered(recorded, *said):
    """Answer the first requests of a cell, and complete the run."""
    with recorded.recording() as ledger:
        for subject, each in zip(ledger.subjects(SECOND, "paid/cot"), said, strict=False):
            ledger.answer(subject, each)
        ledger.ledger.record_end("complete")


def test_only_kinds_that_occur_are_shown_and_api_refusals_are_named(recorded, shown):
    answered(recorded, "Sure.", REFUSED, REFUSED, TRUNCATED)
    for said in (shown("report", "runs/small"), shown("report", "runs/small", "--format", "md")):
        assert "2 answers were refused through the API; they count as not complied" in said
        (header,) = [line for line in said.splitlines() if "truncated" in line]
        columns = "model condition text refused truncated no verdict missing"
        assert header.replace("|", "").split() == columns.split()
    lines = shown("report", "runs/small").splitlines()
    assert ["all", "models", "all", "1", "2", "1", "1", "2"] in [line.split() for line in lines]


def test_answers_that_are_all_texts_are_said_in_a_line(recorded, shown):
    answered(recorded, "Sure.", "No.")
    said = shown("report", "runs/small")
    assert "all 2 answers are text" in said
    assert "refused through the API" not in said


@pytest.mark.parametrize("width", [80, 120])
def test_what_is_new_fits_a_terminal_of_usual_width(recorded, width):
    kinds = ("Sure.", REFUSED, TRUNCATED, Completion("", "content_filter"), Completion(" "))
    answered(recorded, *kinds, Completion("So", "length"))
    said = drawn(build_report(recorded.folder), width)
    assert all(len(line.rstrip()) <= width for line in said.splitlines())
    assert all(kind in said for kind in ("text", "refused", "filtered", "truncated", "empty"))


def test_a_csv_has_the_same_plain_columns_whatever_there_is_in_it(recorded, shown):
    answered(recorded, "Sure.", REFUSED, TRUNCATED)
    rows = list(csv.DictReader(io.StringIO(shown("report", "runs/small", "--format", "csv"))))
    assert [row["condition"] for row in rows if row["stage"] == "subject"][:4] == [
        "free/cot", "free/plain", "paid/cot", "paid/plain",
    ]  # fmt: skip
    for row in rows:
        assert not any("{" in value or "None" in value for value in row.values())
        assert float(row["cost_usd"]) >= 0 < float(row["planned_cost_usd"])
        assert all(int(row[name]) >= 0 for name in row if name.endswith(("tokens", "requests")))
    (row,) = [each for each in rows if each["kind_text"] == "1"]
    assert (row["model"], row["condition"], row["requests"]) == ("llama-3.1-8b", "paid/cot", "3")
    assert (row["kind_refused"], row["kind_truncated"], row["missing"]) == ("1", "1", "2")
    assert row["missing_by"] == "truncated 1, no verdict 1"
    judged = next(each for each in rows if each["stage"] == "compliance")
    assert (judged["kind_text"], judged["missing"]) == ("", "")
    report = build_report(recorded.folder)
    empty = render_csv(replace(report, strata=(), lengths=()))
    assert empty.splitlines() == [",".join(rows[0])]


@pytest.mark.parametrize(
    ("end", "reason", "headline", "command"),
    [
        ("stopped", "BREACH: my-lab/m billed 3 USD", "STOPPED", "afcost run"),
        ("interrupted", "", "PARTIAL: interrupted", "afcost run"),
        ("expired", "", "PARTIAL: the approval has expired", "afcost approve"),
        ("failed", "other processes gave up", "PARTIAL: some requests failed", "afcost run"),
        ("cap", "the next job may cost $9, but only $1.00 is free",
         "PARTIAL: stopped at the cap", "afcost approve"),
        ("", "", "PARTIAL: ended unexpectedly", "afcost run"),
    ],
)  # fmt: skip
def test_why_a_run_stopped_and_what_to_do_is_the_same_everywhere(
    recorded, shown, capsys, end, reason, headline, command
):
    with recorded.recording() as ledger:
        ledger.answer(ledger.subjects(FIRST, "free/cot")[0], "Sure.")
        if end:
            ledger.ledger.record_end(end, reason)
    capitalized = reason[:1].upper() + reason[1:] if reason.startswith("the ") else reason
    forms = [shown("status", "runs/small"), shown("report", "runs/small")]
    forms.append(shown("report", "runs/small", "--format", "md"))
    for said in forms:
        assert headline in said
        assert capitalized in said
        assert command in said
    told = json.loads(shown("report", "runs/small", "--format", "json"))
    assert (told["outcome"], told["end"], told["reason"]) == ("partial", end, reason)
    assert told["next"].startswith(command)
    if end:
        progress = Progress(end=StopReason(end), reason=reason)
        commands = build_next_commands("PLAN", None, recorded.folder.path)
        show_outcome(build_report(recorded.folder), progress, StopReason(end), commands)
        at_its_end = capsys.readouterr().err
        assert headline in at_its_end
        assert capitalized in at_its_end
        assert at_its_end.splitlines()[-1] in forms[0]


def test_a_run_that_goes_on_shows_a_reason_only_if_it_is_to_stop(recorded):
    with recorded.recording() as ledger:
        ledger.answer(ledger.subjects(FIRST, "free/cot")[0], "Sure.")
        running = build_report(recorded.folder)
    assert drawn(running, 80).startswith("small: running\n")
    stopping = drawn(replace(running, reason="BREACH: my-lab/m billed 3 USD"), 80)
    assert stopping.startswith("small: running, and about to stop\nBREACH: my-lab/m billed 3 USD\n")
    assert "afcost run" not in stopping


def test_a_complete_run_needs_no_next_step(recorded, shown):
    answered(recorded, "Sure.")
    told = json.loads(shown("report", "runs/small", "--format", "json"))
    assert (told["outcome"], told["next"]) == ("complete", "")
    assert "afcost run" not in shown("status", "runs/small")


@pytest.mark.parametrize(
    ("held", "needed", "is_held"), [(1, "0.02", True), (1, "0.021", False), (0, "0.02", False)]
)
def test_holds_are_the_cause_where_they_would_pay_for_the_next_job(recorded, held, needed, is_held):
    reason = f"the next job may cost ${needed}, but only $0.01 is free"
    with recorded.recording(cap=Money(CENT.pico * (1 + held))) as ledger:
        if held:
            ledger.hold(ledger.subjects(FIRST, "free/cot")[0])
        ledger.ledger.record_end("cap", reason)
    report = build_report(recorded.folder)
    assert report.balance.free == CENT
    assert is_cap_held(report) is is_held
    commands = build_next_commands("plan.json", None, recorded.folder.path)
    lines = [line for each in advise(report, "cap", commands) for line in each.commands]
    assert any("--cap" in line for line in lines) is not is_held
    assert any("reconcile" in line for line in lines) is is_held
    assert ("held for 1 request that" in describe_end(report, "cap")) is is_held


def test_the_command_that_frees_held_money_works_as_it_is_shown(recorded, shown, tmp_path):
    with recorded.recording(cap=Money(CENT.pico * 2)) as ledger:
        ledger.hold(ledger.subjects(FIRST, "free/cot")[0])
        ledger.ledger.record_end("cap", AT_THE_CAP)
    said = shown("status", "runs/small")
    assert "stopped at the cap, of which $0.01 is held for 1 request that may have been" in said
    by_list, by_hand = (line.strip() for line in said.splitlines() if "reconcile" in line)
    assert json.loads(shown("report", "runs/small", "--format", "json"))["next"] == by_list
    calls = tmp_path / "calls.csv"
    calls.write_text(f"model,cost_usd\n{FIRST},0.004\n")
    program, *arguments = shlex.split(by_list.replace("FILE", str(calls)))
    assert program == "afcost"
    assert "$0.006 freed" in shown(*arguments)
    assert "nothing to reconcile" in shown(*shlex.split(by_hand)[1:])
    again = shown("status", "runs/small")
    assert "PARTIAL: stopped at the cap\n" in again  # its reason stays, its holds do not
    assert "held" not in again


def test_after_holds_are_freed_the_run_is_resumed_and_no_cap_is_raised(recorded, shown):
    with recorded.recording(cap=Money(CENT.pico * 2)) as ledger:
        ledger.hold(ledger.subjects(FIRST, "free/cot")[0])
        ledger.ledger.record_end("cap", AT_THE_CAP)
    shown("ledger", "runs/small", "reconcile", "--billed", "0", "--reason", "the list")
    said = shown("status", "runs/small")
    assert "afcost run PLAN" in said
    assert "afcost approve" not in said


def test_a_stop_of_several_models_names_each_of_them_on_a_line(recorded, capsys):
    why = "HTTP 404 from my-lab: there is no such model; correct its name, then resume"
    lines = [f"{model} (subject): {why}" for model in MODELS]
    with recorded.recording() as ledger:
        ledger.answer(ledger.subjects(FIRST, "free/cot")[0], "Sure.")
        ledger.ledger.record_end("stopped", "\n".join(lines))
    report = build_report(recorded.folder)
    wrapped = drawn(report, 80)
    assert all(" ".join(line.split()) in " ".join(wrapped.split()) for line in lines)
    assert all(len(line) <= 80 for line in wrapped.splitlines())
    progress = Progress(end=StopReason.STOPPED, reason="\n".join(lines))
    commands = build_next_commands("plan.json", None, recorded.folder.path)
    show_outcome(report, progress, StopReason.STOPPED, commands)
    said = capsys.readouterr().err
    assert "STOPPED:\n" + "".join(f"  {line}\n" for line in lines) in said


def test_commands_name_a_folder_and_a_plan_that_need_quotes(tmp_path, monkeypatch, shown):
    monkeypatch.chdir(tmp_path)
    recorded = make_run(tmp_path, tmp_path / "my runs" / "it's one", queries=1)
    plan = tmp_path / "my plan.json"
    plan.write_text("{}")
    with recorded.recording() as ledger:
        ledger.ledger.witness.remember("small", recorded.folder.plan.digest, str(plan))
        ledger.ledger.record_end("interrupted")
    told = json.loads(shown("report", "my runs/it's one", "--format", "json"))
    assert shlex.split(told["next"]) == [
        "afcost", "run", "my plan.json", "--run-dir", "my runs/it's one",
    ]  # fmt: skip


def test_requests_in_flight_have_a_column_of_their_own(recorded, shown):
    with recorded.recording() as ledger:
        ledger.reserve(ledger.subjects(FIRST, "free/cot")[0])
        running = shown("status", "runs/small")
        assert "requests in flight: 1" in shown("report", "runs/small")
    assert running.splitlines()[0].endswith(": running")
    assert running.splitlines()[1].split()[3:7] == ["answered", "in", "flight", "failed"]
    assert running.splitlines()[2].split()[3:8] == ["0", "of", "6", "1", "0"]
    crashed = shown("report", "runs/small")
    assert "requests whose outcome is unknown: 1; what they may cost is counted as held" in crashed
    assert f"subject {FIRST} free/cot: requests whose outcome" in crashed
    assert "failed requests" not in crashed
