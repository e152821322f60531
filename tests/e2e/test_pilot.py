"""A pilot by its commands: estimate, pilot, approve, run, report, at a server that keeps its bill.

The lengths of its answers are lognormal, with a squared coefficient of variation of 0.7, half of it
between queries, as billed answers with a scratchpad have; their mean is a quarter of the prior's.
"""

import json
import os
import signal
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from afcost.commands.running import pilot as commands
from estimator.plan import read_plan, save_plan
from runner.execution import RetryPolicy
from runner.launch import RunOptions
from runner.pilot import run_pilot
from tests.faults.audit import Books
from tests.runner import sample_experiment
from tests.support.forks import ForkedCommand
from tests.support.provider.behaviour import Behaviour, Fault

QUERIES, CONDITIONS = 40, 4
LENGTHS = (110.0, 0.7, 0.5)
HONEST = Behaviour(wordy=True, input_tokens="counted", lengths=LENGTHS, seed=11)
BRISK = RetryPolicy(base_delay=0.02, max_delay=1.2)  # a fiftieth of the usual waits
PRICE = {"input": Decimal("0.40"), "output": Decimal("0.80")}  # per million tokens


@pytest.fixture
def study(server, tmp_path):
    """Write an experiment, whose provider is honest; gives its file."""
    server.reset(HONEST)
    return write(tmp_path, server)


def write(folder, server, **changes):
    usual = {"queries": QUERIES, "samples": 2, "sampling": {"max_tokens": 2000}}
    return sample_experiment.write(folder / "e", base_url=f"{server.url}/v1", **usual | changes)


def pilot(afcost, *options, ends=0):
    printed, _ = afcost("pilot", "plan.json", "--yes", "--format", "json", *options, ends=ends)
    return json.loads(printed)


def report(afcost):
    return json.loads(afcost("report", "runs/small", "--format", "json")[0])


def flat(text):
    return " ".join(text.split())


def billed(server):
    """Return what the provider charged, in dollars, by its own count."""
    bill = server.bill()
    return (
        sum(
            call.input_tokens * PRICE["input"] + call.output_tokens * PRICE["output"]
            for call in bill.billed
        )
        / 10**6
    )


def spread(cost):
    return Decimal(cost["q95"]) - Decimal(cost["q05"])


@pytest.mark.usefixtures("study")
def test_estimate_pilot_approve_run_report(afcost, server):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    found = pilot(afcost, "--cap", "0.2")
    assert (found["schema"], found["end"]) == ("afcost.pilot/1", "pilot")
    calls = 2 * CONDITIONS * found["queries"]  # an answer and its judge
    assert len(server.bill().billed) == calls == found["looks"][-1]["calls"]
    assert Decimal(found["spent_usd"]) == billed(server)
    looks = [look["width"] for look in found["looks"]]
    assert looks[-1] <= found["goal"]["width"] == 0.3
    assert all(width > 0.3 for width in looks[:-1])
    before, after = found["plan"], found["pilot_plan"]
    assert (before["file"], after["file"]) == ("plan.json", "plan-pilot.json")
    status = afcost("status", "runs/small")[0]
    assert "PARTIAL: the pilot is complete, the rest was not sent" in status

    plan = json.loads(Path(after["file"]).read_text())
    assert {stratum["basis"] for stratum in plan["strata"]} == {"pilot"}
    source = f"{found['queries']} queries of this study"
    assert {stratum["source"] for stratum in plan["strata"]} == {source}
    assert spread(after["cost_usd"]) < spread(before["cost_usd"]) / 2

    assert "for the next run" not in status
    afcost("approve", "plan-pilot.json", "--cap", "1", "--yes")
    status = afcost("status", "runs/small")[0]
    assert "left of the cap $0.20\n" in status
    assert "approved for the next run: a cap of $1.00, with plan-pilot.json\n" in status
    assert status.endswith("To go on, within that cap:  afcost run plan-pilot.json\n")
    assert "over cap" not in status, "that was of the cap before"
    design = afcost("design", "e/experiment.yaml", "--budget", "1", "--from", "runs/small")[0]
    assert f"lengths by history ({found['queries']} queries of runs/small" in flat(design)
    told = json.loads(afcost("status", "runs/small", "--format", "json")[0])
    assert (told["cap_usd"], told["next_cap_usd"]) == ("0.20", "1.00")
    afcost("run", "plan-pilot.json")
    assert "for the next run" not in afcost("status", "runs/small")[0]
    requests = 2 * CONDITIONS * QUERIES * 2
    assert len(server.bill().billed) == requests  # none of the pilot's was asked again
    ended = report(afcost)
    assert ended["outcome"] == "complete"
    assert Decimal(ended["spent_usd"]) == billed(server)
    likely = Decimal(after["cost_usd"]["q50"])
    assert abs(billed(server) - likely) < spread(after["cost_usd"])  # the prior's is twice as high
    assert likely + spread(after["cost_usd"]) < Decimal(before["cost_usd"]["q50"])


@pytest.mark.usefixtures("study")
def test_a_pilot_in_words_shows_how_the_range_narrowed(afcost, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    said = afcost("pilot", "plan.json", "--cap", "0.2", "--yes", "--width", "0.2")[0]
    words = " ".join(said.split())
    assert "asks 5 to 25 queries of each of 4 strata" in words
    assert "25 of each: 100 answers, 200 calls at most; likely $" in words
    assert "stops once the 90% range of what the output left costs is within ±20%" in words
    lines = said.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("queries"))
    rows = [line.split() for line in lines[first + 1 : first + 6] if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows][:2] == ["5", "10"]
    assert "Saved plan-pilot.json" in said
    assert "To approve it: afcost approve plan-pilot.json --cap " in words


@pytest.mark.usefixtures("study")
def test_a_cap_for_a_part_of_it_ends_the_pilot_with_whole_blocks(afcost, server):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    found = pilot(afcost, "--cap", "0.02", "--width", "0.01", ends=4)
    assert found["end"] == "cap"
    assert 0 < found["queries"] < 25
    assert "the next query of each stratum may cost" in found["reason"]
    assert len(server.bill().billed) == 2 * CONDITIONS * found["queries"]
    assert billed(server) <= Decimal("0.02")
    assert Path(found["pilot_plan"]["file"]).exists()  # a forecast on what there is


@pytest.mark.usefixtures("study")
def test_what_is_kept_as_warned_of_is_also_said(afcost):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    said = afcost("pilot", "plan.json", "--yes", "--cap", "0.02", "--width", "0.01", ends=4)[1]
    kept = json.loads(Path("runs/small/live.json").read_text())["warnings"]
    texts = [each["text"] for each in kept if each["text"]]
    assert any("% of the cap $0.02 is spent" in text for text in texts)
    assert [text for text in texts if f"Warning: {text}" not in flat(said)] == []


@pytest.mark.usefixtures("study")
def test_a_cap_for_no_query_of_each_sends_nothing(afcost, server):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    found = pilot(afcost, "--cap", "0.001", ends=4)
    assert (found["queries"], found["looks"]) == (0, [])
    assert found["pilot_plan"] is None
    assert server.bill().calls == ()


@pytest.mark.usefixtures("study")
def test_it_asks_before_it_spends(afcost, server):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    said = afcost("pilot", "plan.json", "--cap", "0.2", ends=3)[1]
    assert "not a terminal; pass --yes to approve" in said
    assert server.bill().calls == ()
    assert not Path("runs").exists()


@pytest.mark.usefixtures("study")
def test_a_larger_pilot_goes_on_with_the_smaller_one(afcost, server):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    small = pilot(afcost, "--cap", "0.2", "--most", "5", "--width", "0.01")
    assert small["reason"] == "it has asked 5 queries of each stratum, the most it may"
    large = pilot(afcost, "--cap", "0.3", "--most", "12", "--width", "0.01")
    assert [look["queries"] for look in large["looks"]] == [5, 10, 12]
    assert large["looks"][0] | {"paid_usd": ""} == small["looks"][0] | {"paid_usd": ""}
    assert len(server.bill().billed) == 2 * CONDITIONS * 12


def test_a_pilot_of_all_queries_completes_the_run(afcost, server, tmp_path):
    server.reset(HONEST)
    write(tmp_path, server, queries=3, samples=1)
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    found = pilot(afcost, "--cap", "0.2")
    assert (found["end"], found["queries"]) == ("complete", 3)
    cost = found["pilot_plan"]["cost_usd"]
    assert report(afcost)["outcome"] == "complete"
    assert Decimal(cost["q05"]) == Decimal(cost["q95"])  # nothing is left
    assert abs(Decimal(cost["q50"]) - billed(server)) < Decimal("0.00001")


def test_a_pilot_of_a_complete_run_leaves_it_complete(afcost, server, tmp_path):
    server.reset(HONEST)
    write(tmp_path, server, queries=6, samples=1)
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "0.2", "--yes")
    afcost("run", "plan.json")
    calls = len(server.bill().calls)
    found = pilot(afcost, "--cap", "0.2", "--most", "5", "--width", "0.01")
    assert found["end"] == report(afcost)["outcome"] == "complete"
    assert len(server.bill().calls) == calls


@pytest.fixture
def start(server, tmp_path):
    """Plan an experiment; gives what starts the command in a process of its own."""
    write(tmp_path, server)
    environment = os.environ | {"AFCOST_HOME": str(tmp_path / "home")}

    def start(*arguments):
        return ForkedCommand(arguments, tmp_path, environment)

    with start("estimate", "e/experiment.yaml", "-o", "plan.json") as planning:
        assert planning.wait(timeout=60) == 0
    return start


COMMAND = ("pilot", "plan.json", "--yes", "--format", "json", "--cap", "0.3", "--width", "0.01")


@pytest.mark.parametrize("seed", [3, 4])
def test_a_pilot_that_is_killed_pays_nothing_twice(server, start, tmp_path, seed):
    slow = replace(HONEST, seed=seed, delay=0.02)
    server.reset(replace(slow, faults=(Fault("429", probability=0.05, retry_after=0.05),)))
    command = (*COMMAND, "--most", "11")
    for calls in (17 + seed, 55 + seed):  # in the first block, and in the second
        with start(*command) as running:
            server.arrived(calls, within=60)
            os.kill(running.pid, signal.SIGKILL)
            running.communicate()
    with start(*command) as running:
        printed, said = running.communicate(timeout=60)
        assert running.returncode == 0, said
    found, bill = json.loads(printed), server.bill()
    assert [look["queries"] for look in found["looks"]] == [5, 10, 11]
    books = Books.read(tmp_path / "runs" / "small" / "ledger.sqlite")
    paid = [books.requests[attempt] for attempt in books.answers]
    assert len(paid) == len(set(paid)) == 2 * CONDITIONS * 11  # each answer once
    # What was in flight when it was killed, and reserved for the next places; nothing else.
    assert books.holds <= 2 * (10 + 10 // 4)
    assert len(bill.billed) - len(paid) <= books.holds
    assert billed(server) <= Decimal((books.settled + books.held).to_decimal_string())


def test_a_pilot_that_is_interrupted_waits_for_what_it_sent_and_says_how_to_go_on(server, start):
    server.reset(replace(HONEST, delay=0.05))
    with start(*COMMAND, "--most", "6") as running:
        server.arrived(12, within=60)
        running.send_signal(signal.SIGINT)
        printed, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    found = json.loads(printed)
    assert (found["end"], found["looks"], found["pilot_plan"]) == ("interrupted", [], None)
    assert "afcost pilot plan.json --cap USD" in said
    assert Decimal(found["spent_usd"]) == billed(server)
    with start(*COMMAND, "--most", "6") as running:
        printed, said = running.communicate(timeout=60)
    assert [look["queries"] for look in json.loads(printed)["looks"]] == [5, 6]
    assert len(server.bill().billed) == 2 * CONDITIONS * 6


@pytest.mark.usefixtures("study")
def test_a_plan_of_before_there_were_studies_is_refused_before_anything_is_spent(afcost, server):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    save_plan(replace(read_plan(Path("plan.json")), study=""), Path("plan.json"))
    said = afcost("pilot", "plan.json", "--yes", "--cap", "0.2", ends=3)[1]
    assert "a new plan would not find the pilot's answers; nothing was sent" in flat(said)
    assert server.bill().calls == ()


@pytest.mark.usefixtures("study")
def test_a_folder_in_the_new_plans_place_is_refused_before_anything_is_spent(afcost, server):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    said = afcost("pilot", "plan.json", "--yes", "--cap", "0.2", "-o", "e", ends=3)[1]
    assert "e is a folder" in said
    assert server.bill().calls == ()


@pytest.mark.parametrize("name", ["experiment.yaml", "queries.txt"])
def test_files_that_change_while_it_runs_give_no_plan_of_another_work(
    afcost, server, study, monkeypatch, name
):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    path = study.parent / name
    before = path.read_text()

    def run_while_it_changes(*arguments):
        found = run_pilot(*arguments)
        path.write_text(before.replace("about", "of").replace("2000", "900"))
        assert path.read_text() != before
        return found

    command = ("pilot", "plan.json", "--yes", "--cap", "0.2", "--most", "5", "--width", "0.01")
    with monkeypatch.context() as patch:
        patch.setattr(commands, "run_pilot", run_while_it_changes)
        said = flat(afcost(*command, ends=3)[1])
    assert f"{name} was changed while the pilot ran" in said
    assert "plan-pilot.json was not written. The pilot is done, and its answers are kept" in said
    assert not Path("plan-pilot.json").exists()
    asked = len(server.bill().billed)
    path.write_text(before)
    afcost(*command)
    assert len(server.bill().billed) == asked == 2 * CONDITIONS * 5


@pytest.mark.usefixtures("study")
def test_answers_that_it_did_not_get_are_told_of(afcost, server, monkeypatch):
    server.reset(replace(HONEST, faults=(Fault("finish_error", probability=0.6),)))
    options = partial(RunOptions, retry_policy=BRISK)
    monkeypatch.setattr(commands, "RunOptions", options)
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    command = ("pilot", "plan.json", "--yes", "--cap", "0.2", "--most", "5", "--width", "0.01")
    printed, said = afcost(*command, ends=1)
    assert "Saved plan-pilot.json" in printed
    assert "failed: " in said
    assert "To retry them: afcost pilot plan.json" in flat(said)
