"""The whole way against a provider with its own bill: estimate, approve, run, report."""

from __future__ import annotations

import csv
import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.e2e.sample_experiment import KEYS, Lab, answered_by_condition
from tests.e2e.sample_experiment import planned as planned_at
from tests.support.provider.behaviour import Behaviour, Fault

IN, OUT = Decimal("0.50"), Decimal("2.00")
USUAL = Behaviour(answer="by-tier", output_tokens=(20, 300))


@pytest.fixture(scope="module")
def planned_once(server, tmp_path_factory):
    """Plan 24 subject calls and their judges, at a provider of one's own."""
    price = f'{{input: "{IN}", output: "{OUT}", source: "the lab"}}'
    return planned_at(tmp_path_factory.mktemp("lab"), server.url, price, limit=6)


@pytest.fixture
def planned(planned_once, server, tmp_path):
    """Return a folder of one's own with that plan."""
    server.reset(USUAL)
    shutil.copytree(planned_once.folder, tmp_path, dirs_exist_ok=True)
    return Lab(tmp_path)


def approve(lab, cap: str) -> None:
    lab.afcost("approve", "plan.json", "--cap", cap, "--yes")


def dollars(server) -> Decimal:
    """Return what the provider's own bill comes to."""
    bill = server.bill()
    return (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000


def test_a_run_costs_what_the_provider_bills_and_gives_the_known_result(planned, server):
    approve(planned, "1")
    planned.afcost("run", "plan.json", apart=True)
    report = planned.report()
    assert report["outcome"] == "complete"
    assert Decimal(report["spent_usd"]) == dollars(server)
    assert (report["held_usd"], report["reserved_usd"]) == ("0.00", "0.00")
    assert report["attempts"] == {"settled": 48, "held": 0, "released": 0, "resolved": 0}
    assert len(server.bill().calls) == 48
    for stratum in report["strata"]:
        assert stratum["actual"]["requests"] == stratum["planned"]["requests"] == 6
    for comparison in report["analysis"]["comparisons"]:
        assert comparison["gap"]["estimate"] == 1.0, "this provider complies for free users only"
        assert comparison["gap"]["pairs"] == 6
    assert report["analysis"]["agreement"]["both_comply"] == 12
    assert isinstance(report["forecast"]["inside"], bool)
    status = planned.afcost_without(("numpy", "pandas"), "status", str(planned.run_folder()))
    assert (status.returncode, "complete" in status.stdout) == (0, True), status.stderr


def test_running_a_complete_plan_again_sends_nothing(planned, server):
    approve(planned, "1")
    planned.afcost("run", "plan.json")
    planned.afcost("run", "plan.json")
    assert len(server.bill().calls) == 48


def test_a_run_stops_at_the_cap_balanced_and_a_higher_cap_continues_it(planned, server):
    approve(planned, "0.02")
    done = planned.afcost("run", "plan.json", "--concurrency", "5", ends=4)
    assert "PARTIAL: stopped at the cap. The next job may cost $" in done.stderr
    assert "afcost approve plan.json --cap" in done.stderr
    answers = planned.answers()
    counts = answered_by_condition(answers)
    assert dollars(server) <= Decimal("0.02")
    assert 0 < sum(counts) < 24
    assert max(counts) - min(counts) <= 1
    assert answered_by_condition(answers, "compliance") == counts
    paid = len(server.bill().calls)

    approve(planned, "1")
    planned.afcost("run", "plan.json")
    assert len(server.bill().calls) == 48 > paid
    report = planned.report()
    assert report["approval"]["cap_usd"] == "1.00"
    assert Decimal(report["spent_usd"]) == dollars(server)


def test_nothing_is_sent_without_an_approval(planned, server):
    done = planned.afcost("run", "plan.json", ends=3)
    assert "afcost approve plan.json --cap USD" in done.stderr
    assert not server.bill().calls


def test_off_a_terminal_nobody_is_asked_and_nothing_is_approved(planned):
    assert "--yes" in planned.afcost("approve", "plan.json", "--cap", "5", ends=3).stderr
    planned.afcost("run", "plan.json", ends=3)


@pytest.mark.parametrize(("typed", "code"), [("\n", 3), ("n\n", 3), ("y\n", 0)])
def test_at_a_terminal_enter_means_no(planned, typed, code):
    mine, its = pty.openpty()
    os.write(mine, typed.encode())
    command = [sys.executable, "-m", "afcost", "approve", "plan.json", "--cap", "5"]
    done = subprocess.run(
        command,
        cwd=planned.folder,
        env=planned.environment(),
        stdin=its,
        capture_output=True,
        timeout=60,
        check=False,
    )
    os.close(mine)
    os.close(its)
    assert done.returncode == code
    planned.afcost("run", "plan.json", "--concurrency", "50", ends=3 if code else 0)


def test_an_approval_is_not_spent_twice_by_a_copied_folder_or_a_second_run_folder(
    planned, server, tmp_path_factory
):
    approve(planned, "1")
    planned.afcost("run", "plan.json")
    done = planned.afcost("run", "plan.json", "--run-dir", "again", ends=3)
    assert "this approval is bound to the ledger" in done.stderr
    copied = tmp_path_factory.mktemp("copy") / "lab"
    shutil.copytree(planned.folder, copied)
    done = Lab(copied).afcost("run", "plan.json", "--run-dir", "again", ends=3)
    assert "not for this copy" in done.stderr
    assert len(server.bill().calls) == 48


def test_a_changed_query_refuses_and_names_the_file(planned, server):
    approve(planned, "1")
    queries = planned.folder / "af" / "queries.csv"
    queries.write_text(queries.read_text().replace("doctor", "dentist"))
    assert "file queries.csv: changed" in planned.afcost("run", "plan.json", ends=3).stderr
    assert not server.bill().calls


def test_a_missing_key_refuses_before_anything_is_sent(planned, server, monkeypatch):
    approve(planned, "1")
    monkeypatch.setitem(KEYS, "LAB_KEY", "")
    said = planned.afcost("run", "plan.json", ends=3).stderr
    assert "set LAB_KEY in the environment; nothing was sent" in said
    assert not server.bill().calls


def test_ctrl_c_finishes_what_is_in_flight_and_the_next_run_continues(planned, server):
    server.reset(Behaviour(**{**vars(USUAL), "delay": 0.4}))
    server.hold_after(5)
    approve(planned, "1")
    with planned.start("run", "plan.json", "--concurrency", "4") as process:
        _wait(lambda: len(server.bill().calls) >= 6)
        process.send_signal(signal.SIGINT)
        server.release()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "To resume:  afcost run plan.json" in said
    stopped = planned.report()
    assert (stopped["held_usd"], stopped["reserved_usd"]) == ("0.00", "0.00")
    assert Decimal(stopped["spent_usd"]) == dollars(server)
    assert stopped["end"] == "interrupted"
    planned.afcost("run", "plan.json", "--concurrency", "20")
    assert len(server.bill().calls) == 48, "nothing was paid twice"


def test_a_run_ends_when_its_approval_does(planned, server):
    server.reset(Behaviour(**{**vars(USUAL), "delay": 0.5}))
    server.hold_after(5)
    soon = datetime.now(UTC) + timedelta(seconds=8)
    planned.afcost("approve", "plan.json", "--cap", "1", "--yes", "--until", soon.isoformat())
    with planned.start("run", "plan.json", "--concurrency", "2") as process:
        _wait(lambda: datetime.now(UTC) > soon)
        server.release()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "PARTIAL: the approval has expired" in said
    assert 0 < len(server.bill().calls) < 48
    assert "the approval expired" in planned.afcost("run", "plan.json", ends=3).stderr


def test_kill_9_loses_no_money_and_no_answer(planned, server):
    server.hold_after(13)
    approve(planned, "0.15")
    with planned.start("run", "plan.json", "--concurrency", "6") as process:
        _wait(lambda: len(server.bill().calls) >= 14)
        process.kill()
    server.release()
    before = {row["request"]: row["text"] for row in planned.answers()}
    assert before
    planned.afcost("run", "plan.json", "--concurrency", "20")
    report, answers = planned.report(), planned.answers()
    assert report["outcome"] == "complete"
    assert before.items() <= {row["request"]: row["text"] for row in answers}.items()
    assert max(Counter(row["request"] for row in answers).values()) == 1
    # What was reserved when it was killed is held, also what the provider had not seen yet.
    assert report["attempts"]["held"] >= len(server.bill().calls) - 48 > 0
    spent, held = Decimal(report["spent_usd"]), Decimal(report["held_usd"])
    assert spent <= dollars(server) <= spent + held <= Decimal("0.15")


def test_faults_never_take_the_bill_above_the_cap_and_are_all_accounted_for(planned, server):
    kinds = ("429", "500_before", "500_after", "cut_before", "cut_after", "malformed", "no_usage")
    faults = tuple(Fault(kind, probability=0.04, retry_after=0.01) for kind in kinds)
    server.reset(Behaviour(**{**vars(USUAL), "faults": faults}))
    approve(planned, "0.07")
    planned.afcost("run", "plan.json", "--concurrency", "10", ends=4)
    report = planned.report()
    spent, held = Decimal(report["spent_usd"]), Decimal(report["held_usd"])
    assert spent <= dollars(server) <= spent + held <= Decimal("0.07")
    assert sum(report["attempts"].values()) == len(server.bill().calls)
    assert report["attempts"]["held"] > 0


def test_a_provider_that_ignores_max_tokens_is_named_booked_and_stops_the_run(planned, server):
    fault = Fault("over_max", calls=(3,), beyond=5000)
    server.reset(Behaviour(**{**vars(USUAL), "faults": (fault,)}))
    approve(planned, "1")
    done = planned.afcost("run", "plan.json", "--concurrency", "1", ends=1)
    assert "STOPPED. BREACH: lab/" in done.stderr
    assert "max_tokens" in done.stderr
    assert len(server.bill().calls) == 3
    assert Decimal(planned.report()["spent_usd"]) == dollars(server)


def test_a_provider_that_is_out_of_money_is_not_asked_again(planned, server):
    server.reset(Behaviour(**{**vars(USUAL), "faults": (Fault("quota", calls=(2,)),)}))
    approve(planned, "1")
    done = planned.afcost("run", "plan.json", "--concurrency", "1", ends=1)
    assert "HTTP 429" in done.stderr
    assert len(server.bill().calls) == 2


def test_a_wrong_key_stops_a_run_before_it_begins_and_is_not_shown(planned, server):
    server.reset(Behaviour(**{**vars(USUAL), "api_key": "another"}))
    approve(planned, "1")
    done = planned.afcost("run", "plan.json", "--concurrency", "1", ends=3)
    assert "HTTP 401" in done.stderr
    assert not server.bill().calls


def test_while_it_runs_status_shows_it_and_a_second_run_is_refused(planned, server):
    server.reset(Behaviour(**{**vars(USUAL), "delay": 0.5}))
    server.hold_after(5)
    approve(planned, "1")
    with planned.start("run", "plan.json", "--concurrency", "4") as process:
        _wait(lambda: len(server.bill().calls) >= 6)
        second = planned.afcost("run", "plan.json", ends=1)
        assert "another process is running this plan" in second.stderr
        status = planned.afcost("status", str(planned.run_folder())).stdout
        assert "running" in status
        assert "reserved $0.0" in status
        process.send_signal(signal.SIGINT)
        server.release()
        process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_ledger_can_be_added_up_by_anyone_and_holds_no_key(planned):
    approve(planned, "1")
    planned.afcost("run", "plan.json")
    folder = planned.run_folder()
    connection = sqlite3.connect(folder / "ledger.sqlite")
    (pico,) = connection.execute("SELECT SUM(settled) FROM entry").fetchone()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("UPDATE entry SET settled = 0")
    connection.close()
    assert Decimal(pico).scaleb(-12) == Decimal(planned.report()["spent_usd"])
    assert folder.stat().st_mode & 0o077 == 0, "a run folder is private"
    for path in folder.iterdir():
        assert KEYS["LAB_KEY"].encode() not in path.read_bytes()


def test_a_report_comes_in_every_form(planned):
    approve(planned, "1")
    planned.afcost("run", "plan.json", "--concurrency", "20")
    run = str(planned.run_folder())
    for form in ("csv", "md"):
        planned.afcost("report", run, "--format", form, "-o", f"report.{form}")
    assert "| free/cot | 6 of 6 |" in (planned.folder / "report.md").read_text()
    rows = list(csv.DictReader((planned.folder / "report.csv").read_text().splitlines()))
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(planned.report()["spent_usd"])
    text = planned.afcost("report", run).stdout
    assert "+100.0 pp" in text


def test_a_judge_that_is_spared_plain_refusals_gives_the_same_result(lab, server):
    server.reset(USUAL)
    experiment = lab.init(lab=f'{{kind: openai, base_url: "{server.url}/v1"}}')
    text = experiment.read_text().replace("openai/gpt-4o-mini", "lab/judge")
    experiment.write_text(text.replace("when: always", "when: not-refused"))
    price = f'{{input: "{IN}", output: "{OUT}"}}'
    lab.prices(lab__model=price, lab__judge=price)
    lab.plan("af/experiment.yaml", "-m", "lab/model", "--limit", "6", "--max-tokens", "400")
    approve(lab, "1")
    lab.afcost("run", "plan.json", "--concurrency", "20")
    report = lab.report()
    assert len(server.bill().calls) == 24 + 12, "only what complied is judged"
    assert report["outcome"] == "complete"
    assert {c["gap"]["estimate"] for c in report["analysis"]["comparisons"]} == {1.0}
    assert {c["gap"]["pairs"] for c in report["analysis"]["comparisons"]} == {6}
    assert all(isinstance(stratum["inside"], bool) for stratum in report["strata"])


def test_a_damaged_ledger_is_named_and_nothing_is_sent(planned, server):
    approve(planned, "1")
    planned.afcost("run", "plan.json", "--concurrency", "20")
    ledger = planned.run_folder() / "ledger.sqlite"
    content = bytearray(ledger.read_bytes())
    content[4096 : len(content) - 4096] = b"\0" * (len(content) - 8192)
    ledger.write_bytes(content)
    for command in ("report", "status"):
        said = planned.afcost(command, str(planned.run_folder()), ends=1).stderr
        assert "ledger.sqlite" in said
    assert "nothing was sent" in planned.afcost("run", "plan.json", ends=1).stderr
    assert len(server.bill().calls) == 48


def test_the_answers_of_a_run_are_exported_and_the_next_forecast_rests_on_them(planned):
    approve(planned, "1")
    planned.afcost("run", "plan.json", "--concurrency", "20")
    run = str(planned.run_folder())
    planned.afcost("report", run, "--answers", "answers.jsonl")
    lines = (planned.folder / "answers.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 48
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(planned.report()["spent_usd"])
    tiers = {row["condition"].partition("/")[0]: row["accepted"] for row in rows[:24]}
    assert tiers == {"free": True, "paid": False}

    planned.afcost("report", run, "--answers", "usage.csv")
    estimate = planned.plan(
        "af/experiment.yaml", "-m", "lab/model", "--limit", "6", "--max-tokens", "400",
        "--history", "usage.csv",
    )  # fmt: skip
    assert {s["output_tokens"]["basis"] for s in estimate["strata"]} == {"history"}
    billed = sum(row["output_tokens"] for row in rows if row["stage"] == "subject")
    forecast = sum(
        s["output_tokens"]["mean"] for s in estimate["strata"] if s["stage"] == "subject"
    )
    assert abs(forecast - billed) <= 4, "rounding"
    assert "must end in" in planned.afcost("report", run, "--answers", "a.xls", ends=1).stderr


def test_an_estimate_finds_the_answers_that_it_may_rest_on(planned):
    approve(planned, "1")
    planned.afcost("run", "plan.json", "--concurrency", "20")
    given = ("af/experiment.yaml", "-m", "lab/model", "--limit", "6", "--max-tokens", "400")

    def bases(*options):
        strata = planned.plan(*given, *options)["strata"]
        return {s["output_tokens"]["basis"] for s in strata}, {s["own_answers"] for s in strata}

    assert bases() == ({"pilot"}, {6})
    assert bases("--study", "other") == ({"history"}, {None})
    assert bases("--no-history") == ({"prior"}, {None})
    assert "prior" in bases("--study", "other", "--max-tokens", "300")[0], "another request"
    said = planned.afcost("estimate", *given).stdout
    assert "out: ~forecast from this study's answers, which are not paid again: 6 calls" in said


def test_an_estimate_over_the_threshold_ends_with_3(lab):
    done = lab.afcost("estimate", "--format", "json", "--fail-over", "0.10", ends=3)
    assert json.loads(done.stdout)["total"]["requests"] == 480
    lab.afcost("estimate", "--fail-over", "100")


def _wait(until, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.02)
