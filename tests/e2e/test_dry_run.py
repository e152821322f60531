"""Before the first paid call everything is checked; a dry run shows it, and the order of work."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.e2e.sample_experiment import Lab
from tests.e2e.sample_experiment import planned as planned_at
from tests.support.provider.behaviour import Behaviour

USUAL = Behaviour(answer="by-tier", output_tokens=50)
DRY = ("run", "plan.json", "--dry-run")


@pytest.fixture(scope="module")
def planned_once(server, tmp_path_factory):
    price = '{input: "0.50", output: "2.00"}'
    return planned_at(tmp_path_factory.mktemp("lab"), server.url, price, limit=2)


@pytest.fixture
def planned(planned_once, server, tmp_path):
    server.reset(USUAL)
    shutil.copytree(planned_once.folder, tmp_path, dirs_exist_ok=True)
    lab = Lab(tmp_path)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    return lab


def test_a_dry_run_sends_and_writes_nothing_and_shows_what_comes_first(planned, server):
    shown = planned.afcost(*DRY).stdout
    assert "ready to run" in shown
    assert "16 of 16 requests remaining" in shown
    assert not server.bill().calls
    assert not (planned.folder / "runs").exists()
    first = re.findall(r"lab/model +(\S+) +(\d+) +0 ", shown)
    assert len(first) == 8
    planned.afcost("run", "plan.json", "--concurrency", "1")
    answered = [
        (r["condition"], str(r["query"])) for r in planned.answers() if r["stage"] == "subject"
    ]
    assert answered == first
    assert "0 of 16 requests remaining" in planned.afcost(*DRY).stdout


@pytest.mark.parametrize("arguments", [("run", "plan.json"), DRY], ids=["run", "dry run"])
def test_a_key_that_is_refused_stops_a_run_before_it_begins(planned, server, arguments):
    server.reset(Behaviour(api_key="another"))
    done = planned.afcost(*arguments, ends=3)
    assert "lab: the key was rejected (HTTP 401" in done.stderr
    assert not server.bill().calls
    assert not (planned.folder / "runs").exists()


@pytest.mark.parametrize("arguments", [("run", "plan.json"), DRY], ids=["run", "dry run"])
def test_several_workers_of_a_ledger_file_are_refused(planned, server, arguments):
    said = planned.afcost(*arguments, "--workers", "2", ends=3).stderr
    assert "several workers need a ledger that they share" in said
    said = planned.afcost(*arguments, "--ray", "", ends=2).stderr
    assert "expected auto, or the HOST:PORT of a cluster's head" in said
    assert not server.bill().calls
    assert not (planned.folder / "runs").exists()


@pytest.mark.parametrize("arguments", [("run", "plan.json"), DRY], ids=["run", "dry run"])
def test_an_address_where_nobody_answers_stops_a_run_before_it_begins(planned, arguments):
    experiment = planned.folder / "af" / "experiment.yaml"
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:9", experiment.read_text())
    experiment.write_text(text)
    planned.plan("af/experiment.yaml", "-m", "lab/model", "--limit", "2", "--max-tokens", "400")
    planned.afcost("approve", "plan.json", "--cap", "1", "--yes")
    assert (
        "cannot connect to http://127.0.0.1:9/v1/models"
        in planned.afcost(*arguments, ends=3).stderr
    )
    assert not (planned.folder / "runs").exists()


def test_a_model_that_its_provider_does_not_list_is_told(planned, server):
    server.reset(Behaviour(models=("model", "something-else")))
    assert "lab: reachable, but does not list judge" in planned.afcost(*DRY).stdout
    server.reset(Behaviour(models=("model", "judge")))
    assert "lab: reachable, lists" in planned.afcost(*DRY).stdout


def test_without_an_approval_or_with_a_changed_file_a_dry_run_refuses_as_a_run_does(planned):
    queries = planned.folder / "af" / "queries.csv"
    before = queries.read_text()
    queries.write_text(before + "Why not?\n")
    assert "file queries.csv: changed" in planned.afcost(*DRY, ends=3).stderr
    queries.write_text(before)
    (planned.folder / "plan.approval.json").unlink()
    assert "is not approved" in planned.afcost(*DRY, ends=3).stderr
