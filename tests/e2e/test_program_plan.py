"""A program is rehearsed, planned, approved, guarded and reported, against our own provider."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from decimal import Decimal

import pytest

from estimator.recorded import copy_program_plan, read_program_plan
from tests.e2e.sample_experiment import Lab
from tests.support.provider.behaviour import Behaviour
from tests.test_docs import ROOT

STUDY = """
import concurrent.futures, json, os, sys, urllib.error, urllib.request

def ask(messages, model="gpt-4.1", **fields):
    body = {"model": model, "messages": messages, "max_tokens": 60} | fields
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as refused:
        return str(refused)

def study(city):
    answer = ask([{"role": "user", "content": f"Describe {city} in one sentence."}])
    ask([{"role": "system", "content": "You are a strict grader of descriptions."},
         {"role": "user", "content": f"{city}: {answer} Is that so?"}], model="gpt-4o-mini")

with concurrent.futures.ThreadPoolExecutor(4) as pool:
    list(pool.map(study, ("Paris", "Rome", "Oslo", "Vienna", "Lisbon")))
"""
ASKED, GRADED = "describe-in-one-sentence", "you-are-a-strict-grader"
PROGRAM = ("--", sys.executable, "study.py")


@pytest.fixture
def lab(server, tmp_path):
    server.reset(Behaviour(input_tokens=10, output_tokens=(20, 60)))
    (tmp_path / "study.py").write_text(STUDY)
    return Lab(tmp_path)


def guard(lab: Lab, server, *words: str, ends: int = 0):
    return lab.afcost("guard", *words, "--upstream", f"openai={server.url}/v1", *PROGRAM, ends=ends)


def plan(lab: Lab) -> dict:
    told = lab.afcost("estimate", "-o", "plan.json", "--format", "json", *PROGRAM).stdout
    return json.loads(told)


def test_a_program_is_planned_approved_guarded_and_reported(lab, server):
    planned = plan(lab)
    assert not server.bill().calls
    assert planned["schema"] == "afcost.program-estimate/1"
    assert {each["stage"]: each["calls"] for each in planned["groups"]} == {ASKED: 5, GRADED: 5}
    assert not planned["is_partial"]
    refused = guard(lab, server, "plan.json", ends=3)
    assert "afcost approve plan.json --cap USD" in refused.stderr
    assert "Approved" in lab.afcost("approve", "plan.json", "--cap", "0.50", "--yes").stdout
    more = 'ask([{"role": "user", "content": "Something that no plan has."}])'
    (lab.folder / "study.py").write_text(f"{STUDY}\n{more}\n")
    guard(lab, server, "plan.json")
    report = json.loads(lab.afcost("report", "runs/study", "--format", "json").stdout)
    assert len(server.bill().calls) == 11
    assert report["approval"]["cap_usd"] == "0.50"
    assert report["plan"]["digest"] == planned["plan"]["digest"]
    came = {each["stage"]: each for each in report["planned"]}
    assert set(came) == {ASKED, GRADED, "other", "total"}
    assert came["other"]["planned"]["calls"] == 0
    for stage in (ASKED, GRADED):
        assert came[stage]["planned"]["calls"] == came[stage]["actual"]["calls"] == 5
    assert Decimal(came["total"]["actual"]["cost_usd"]) == Decimal(report["spent_usd"])
    shown = lab.afcost("report", "runs/study").stdout
    assert "5 / 5" in shown
    assert "11 / 10" in shown
    assert "not planned" in shown


def test_an_approval_that_was_changed_after_its_first_start_raises_nothing(lab, server):
    plan(lab)
    lab.afcost("approve", "plan.json", "--cap", "0.50", "--yes")
    guard(lab, server, "plan.json")
    path = lab.folder / "plan.approval.json"
    path.write_text(path.read_text().replace('"cap_usd": "0.50"', '"cap_usd": "5000"'))
    said = guard(lab, server, "plan.json").stderr
    assert "cap $0.50, ledger in runs/study" in said
    assert "5,000" not in said
    assert "5000" in path.read_text()


def test_an_approval_is_spent_by_one_ledger_and_its_cap_holds(lab, server):
    plan(lab)
    lab.afcost("approve", "plan.json", "--cap", "0.0005", "--yes")
    server.reset(Behaviour(output_tokens=60, input_tokens=5))
    said = guard(lab, server, "plan.json", ends=4).stderr
    assert "To go on, approve a higher one:  afcost approve plan.json --cap USD" in said
    guard(lab, server, "plan.json", ends=4)  # what was spent is counted
    report = json.loads(lab.afcost("report", "runs/study", "--format", "json").stdout)
    assert 0 < Decimal(report["spent_usd"]) <= Decimal("0.0005")
    bill = server.bill()
    assert len(bill.calls) == report["attempts"]["settled"]
    other = guard(lab, server, "plan.json", "--run-dir", "runs/other", ends=3)
    assert "afcost guard plan.json --run-dir" in other.stderr
    assert len(server.bill().calls) == len(bill.calls)


def test_a_plan_that_was_edited_or_whose_price_rose_is_refused(lab, server):
    plan(lab)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    told = guard(lab, server, "plan.json", "--price", "openai/gpt-4.1=900/900", ends=3)
    assert "price of openai/gpt-4.1: pinned $2 in, $8 out" in told.stderr
    path = lab.folder / "plan.json"
    path.write_text(path.read_text().replace('"study": "study"', '"study": "other"'))
    assert "is the plan of a program" in lab.afcost("run", "plan.json", ends=1).stderr
    assert "was edited" in guard(lab, server, "plan.json", ends=1).stderr
    assert not server.bill().calls


@pytest.mark.parametrize("limit", [0, -1])
def test_a_plan_whose_limit_of_a_call_bounds_nothing_is_damaged(lab, server, limit):
    """It may be a stranger's, with a digest that fits."""
    plan(lab)
    path = lab.folder / "plan.json"
    copy_program_plan(replace(read_program_plan(path), default_limit=limit), path)
    said = lab.afcost("approve", "plan.json", "--cap", "1", "--yes", ends=1).stderr
    assert f"default_max_tokens is {limit}" in said
    assert "default_max_tokens" in guard(lab, server, "plan.json", ends=1).stderr
    assert not server.bill().calls


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"study": "../../elsewhere"}, "'../../elsewhere' is not the name of a study"),
        ({"study": ""}, "'' is not the name of a study"),
        ({"models": {}}, "'openai/gpt-4.1' is none of the plan's models"),
    ],
)
def test_a_plan_of_a_stranger_leads_to_no_other_folder_and_has_its_prices(
    lab, server, change, said
):
    plan(lab)
    path = lab.folder / "plan.json"
    copy_program_plan(replace(read_program_plan(path), **change), path)
    assert said in lab.afcost("approve", "plan.json", "--cap", "1", "--yes", ends=1).stderr
    assert said in guard(lab, server, "plan.json", ends=1).stderr


def test_a_price_of_a_plan_that_is_far_below_others_must_be_confirmed(lab, server):
    price = "openai/gpt-4.1=0.0002/0.0008"
    lab.afcost("estimate", "-o", "plan.json", "--price", price, *PROGRAM)
    approve = ("approve", "plan.json", "--cap", "1", "--yes")
    assert "--accept-price openai/gpt-4.1" in lab.afcost(*approve, ends=3).stderr
    assert "not approved" in guard(lab, server, "plan.json", ends=3).stderr
    lab.afcost(*approve, "--accept-price", "openai/gpt-4.1")
    assert not server.bill().calls


def test_a_program_that_fails_gives_a_part(lab):
    (lab.folder / "study.py").write_text(f"{STUDY}\nsys.exit(9)")
    said = lab.afcost("estimate", *PROGRAM).stdout
    assert said.startswith("PARTIAL: ")
    assert "10 in 2 stages" not in said.splitlines()[0]


def test_options_of_the_other_kind_are_refused(lab, server):
    said = lab.afcost("estimate", "--samples", "2", *PROGRAM, ends=2).stderr
    assert "--samples is for an experiment's file" in said
    assert "behind --" in lab.afcost("estimate", "--once", ends=2).stderr
    plan(lab)
    lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
    assert "leave out --cap" in guard(lab, server, "plan.json", "--cap", "2", ends=2).stderr


def test_the_built_in_experiment_as_a_plain_script_has_the_experiments_counts(lab):
    script = ROOT / "tests" / "runner" / "rehearsal" / "scripts" / "alignment_faking.py"
    folder = ROOT / "experiment" / "builtin" / "alignment-faking"
    program = ("--", sys.executable, str(script), str(folder), "2", "answers.jsonl")
    told = json.loads(lab.afcost("estimate", "--format", "json", *program).stdout)
    options = ("--model", "gpt-4o-mini", "--limit", "2", "--samples", "1", "--no-history")
    known = json.loads(lab.afcost("estimate", *options, "--format", "json").stdout)
    strata = [each for each in told["strata"] if each["exactness"] == "exact"]
    subjects = [each for each in known["strata"] if each["stage"] == "subject"]
    assert len(strata) == len(subjects) == 4
    for name in ("input_tokens", "cost_usd"):
        figures = [sorted(str(each[name]) for each in some) for some in (strata, subjects)]
        assert figures[0] == figures[1], name
