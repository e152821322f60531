"""The command lines that are shown as a next step: each works as it stands, in any folder."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.runner import sample_experiment
from tests.support.provider.behaviour import Behaviour

PLACE = "my runs/first one"
SHOWN = re.compile(r":  (afcost .+)$", re.MULTILINE)


@pytest.fixture
def study(afcost, server, tmp_path):
    """Return the command, in a folder with an experiment whose plan is saved."""
    server.reset(Behaviour(text="<OUTPUT>no</OUTPUT>", input_tokens="counted", output_tokens=3))
    sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1")
    afcost("estimate", "e/experiment.yaml", "-o", "a plan.json")
    return afcost


def find_step(printed, command):
    """Return the arguments of the last command line of a kind that was shown."""
    shown = [shlex.split(each)[1:] for each in SHOWN.findall("".join(printed))]
    return [each for each in shown if each[0] == command][-1]


def follow(study, printed, command, cap=None, ends=0):
    """Do what was shown; `cap` replaces the word that stands for it."""
    step = [cap if word == "USD" else word for word in find_step(printed, command)]
    return study(*step, *(["--yes"] if command in {"approve", "pilot"} else []), ends=ends)


def test_a_study_in_a_folder_of_its_own_from_step_to_step(study):
    printed = study("run", "a plan.json", "--run-dir", PLACE, ends=3)
    printed = follow(study, printed, "approve", "0.0002")
    assert find_step(printed, "run") == ["run", "a plan.json", "--run-dir", PLACE]
    printed = follow(study, printed, "run", ends=4)
    assert "cap" in study(*find_step(printed, "status"))[0]
    printed = follow(study, printed, "approve", "0.0004")
    printed = follow(study, printed, "run", ends=4)
    printed = follow(study, study("status", PLACE), "approve", "1")
    printed = follow(study, study("status", PLACE), "run")
    assert "complete" in follow(study, printed, "report")[0]
    printed = study("estimate", "e/experiment.yaml", "--run-dir", PLACE, "-o", "a plan.json")
    assert find_step(printed, "approve")[-2:] == ["--run-dir", PLACE]


def test_an_approval_names_the_folder_in_which_the_study_was_run(study):
    study("approve", "a plan.json", "--cap", "0.0002", "--run-dir", PLACE, "--yes")
    study("run", "a plan.json", "--run-dir", PLACE, ends=4)
    printed = study("approve", "a plan.json", "--cap", "1", "--yes")
    follow(study, printed, "run")


def test_a_pilot_in_a_folder_of_its_own_names_it(study):
    printed = study(
        *("pilot", "a plan.json", "--cap", "0.0002", "--run-dir", PLACE, "--yes"), ends=4
    )
    assert find_step(printed, "pilot")[-2:] == ["--run-dir", PLACE]
    printed = follow(study, printed, "pilot", "1")
    printed = follow(study, printed, "approve")
    follow(study, printed, "run")


def test_a_shared_ledger_is_named(study, postgres):
    address = postgres.database()
    study("approve", "a plan.json", "--cap", "0.0002", "--yes")
    printed = study("run", "a plan.json", "--ledger", address, ends=4)
    printed = follow(study, printed, "approve", "1")
    assert "--ledger" in find_step(printed, "run")
    follow(study, printed, "run")


def test_what_is_stopped_names_its_plan(study):
    study("approve", "a plan.json", "--cap", "0.0002", "--run-dir", PLACE, "--yes")
    study("run", "a plan.json", "--run-dir", PLACE, ends=4)
    printed = study("resume", PLACE, ends=3)
    assert find_step(printed, "run") == ["run", "a plan.json", "--run-dir", PLACE]
