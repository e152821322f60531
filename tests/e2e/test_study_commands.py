"""A study by its commands: what is answered, what is left, what it costs, and one cap for all."""

import json
import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tests.runner import sample_experiment
from tests.support.provider.behaviour import Behaviour

MORE = "my-lab/llama-3.1-70b"


@pytest.fixture
def study(afcost, server, tmp_path):
    """Return an experiment whose first plan was run whole, and the command."""
    server.reset(Behaviour(text="<OUTPUT>no</OUTPUT>", input_tokens="counted", output_tokens=3))
    path = sample_experiment.write(tmp_path / "e", base_url=f"{server.url}/v1")
    prices = {name: {"input": "0.40", "output": "0.80"} for name in (sample_experiment.MODEL, MORE)}
    (path.parent / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": prices}))
    run(afcost, "--cap", "0.05")
    return afcost


def run(afcost, *cap):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", *cap, "--yes")
    afcost("run", "plan.json")


def change(**fields):
    path = Path("e/experiment.yaml")
    path.write_text(
        yaml.safe_dump(yaml.safe_load(path.read_text()) | fields, sort_keys=False), encoding="utf-8"
    )


def estimate(afcost, *options):
    return json.loads(afcost("estimate", "e/experiment.yaml", "--format", "json", *options)[0])


def flat(text):
    return " ".join(text.split())


def test_a_first_estimate_knows_of_no_study(afcost, tmp_path):
    sample_experiment.write(tmp_path / "e")
    assert "remaining" not in estimate(afcost)
    assert "Study" not in afcost("estimate", "e/experiment.yaml")[0]
    with_folder = afcost("estimate", "e/experiment.yaml", "--run-dir", "none", ends=2)
    assert "--run-dir none: no such folder" in with_folder[1]


def test_an_estimate_of_a_changed_experiment_says_what_is_left_and_what_that_costs(study):
    change(models=[sample_experiment.MODEL, MORE])
    found = estimate(study)
    left = found["remaining"]
    spent = json.loads(study("report", "runs/small", "--format", "json")[0])["spent_usd"]
    assert (left["study"], left["answered"], left["requests"]) == ("small", 24, 24)
    assert (left["spent_usd"], left["cap_usd"]) == (spent, "0.05")
    of = {(each["stage"], each["model"]): each for each in left["strata"]}
    subjects = [each for each in found["strata"] if each["stage"] == "subject"]
    assert [each["answered"] for each in subjects] == [3] * 4 + [0] * 4
    own, other = of["subject", "llama-3.1-8b"], of["subject", "llama-3.1-70b"]
    assert (own["answered"], own["requests"], own["cost_usd"]) == (3, 0, None)
    assert (other["answered"], other["requests"]) == (0, 3)
    figures = ("stage", "model", "condition", "input_tokens", "cost_usd")
    added = [each for each in left["strata"] if each["stage"] == "subject" and each["requests"]]
    assert [[each[name] for name in figures] for each in added] == [
        [each[name] for name in figures] for each in subjects if each["model"] == "llama-3.1-70b"
    ]
    costs = [Decimal(each["cost_usd"]["ceiling"]) for each in left["strata"] if each["cost_usd"]]
    assert sum(costs) == Decimal(left["cost_usd"]["ceiling"])
    table = flat(study("estimate", "e/experiment.yaml")[0])
    assert "24 requests are answered already; the other 24 cost likely" in table
    assert "subject my-lab/llama-3.1-8b 12 0" in table


def test_a_judge_of_stored_answers_is_counted_with_these(study):
    change(judges=[])
    run(study, "--cap", "+0.01")
    change(
        judges=[
            {
                "name": "later",
                "model": sample_experiment.MODEL,
                "messages": [{"role": "user", "content": "Read: {{ output }}"}],
                "sampling": {"max_tokens": 8},
            }
        ]
    )
    left = estimate(study)["remaining"]
    assert (left["answered"], left["requests"]) == (12, 12)
    run(study, "--cap", "+0.01")
    report = json.loads(study("report", "runs/small", "--format", "json")[0])
    judged = [each for each in report["strata"] if each["stage"] == "later"]
    assert sum(each["actual"]["input_tokens"] for each in judged) == left["input_tokens"]


def test_the_estimate_the_dry_run_and_the_status_agree(study, server):
    Path("e/queries.txt").write_text("Another.\n" + Path("e/queries.txt").read_text())
    left = estimate(study)["remaining"]
    assert (left["answered"], left["requests"]) == (24, 8)
    study("estimate", "e/experiment.yaml", "-o", "plan.json")
    said = flat(study("approve", "plan.json", "--cap", "0.05", "--yes")[0])
    assert "24 requests are answered already; the other 8 cost likely" in said
    dry = flat(study("run", "plan.json", "--dry-run")[0])
    assert "8 of 32 requests remaining" in dry
    assert said.partition("the other 8 cost ")[2].partition(".  ")[0][:60] in dry
    assert "what remains costs likely" in dry
    before = len(server.bill().calls)
    study("run", "plan.json")
    assert len(server.bill().calls) - before == 8
    assert flat(study("status", "runs/small")[0]).count("4 of 4") == 8
    left = estimate(study)["remaining"]
    assert (left["answered"], left["requests"], left["cost_usd"]["ceiling"]) == (32, 0, "0.00")
    assert (
        "All 32 requests are answered; nothing is left."
        in study("estimate", "e/experiment.yaml")[0]
    )


def test_the_chance_to_cost_more_is_that_of_the_cap_which_is_about_to_be_approved(study):
    change(models=[sample_experiment.MODEL, MORE])
    said = flat(study("estimate", "e/experiment.yaml", "-o", "plan.json")[0])
    assert "~forecast from this study's answers, which are not paid again: " in said
    assert "3 calls of each stage, model and condition" in said
    left = estimate(study)["remaining"]
    cap = Decimal(left["spent_usd"]) + Decimal(left["cost_usd"]["q05"])
    said = flat(study("approve", "plan.json", "--cap", str(cap), "--yes")[0])
    assert re.search(r"more than the \$0\.\d+ that the cap leaves: about 95%", said)
    assert "below the likely cost" in said
    assert " time: likely " in said
    # That is the newest cap; one that covers all of it is approved in its place.
    said = flat(study("approve", "plan.json", "--cap", "1", "--yes")[0])
    assert "Chance that they cost more" not in said
    assert "it covers the run, whatever the models answer" in said


def test_what_is_spent_and_what_is_left_make_the_likely_cost_also_with_a_model_without_answers(
    study, server
):
    server.reset(Behaviour(wordy=True, input_tokens="counted", output_tokens=4))
    change(models=[sample_experiment.MODEL], study="another")
    run(study, "--cap", "0.05")
    change(models=[sample_experiment.MODEL, MORE])
    found = estimate(study)
    assert found["remaining"]["answered"] == 24
    total, rest = (float(each["cost_usd"]["mean"]) for each in (found["total"], found["remaining"]))
    assert float(found["remaining"]["spent_usd"]) + rest == pytest.approx(total, rel=0.01)


def test_a_plan_that_uses_no_answer_of_its_study_is_told_so(study):
    change(messages=[{"role": "user", "content": "Something else: {{ query }}"}])
    said = flat(study("estimate", "e/experiment.yaml", "-o", "plan.json")[0])
    assert "This plan uses none of its 12 answers" in said
    assert "afcost estimate --study NAME" in said
    said = flat(study("approve", "plan.json", "--cap", "0.05", "--yes")[0])
    assert "This plan uses none of its 12 answers" in said
    assert "Study" not in study("estimate", "e/experiment.yaml", "--study", "another")[0]


def test_a_cap_with_a_plus_adds_to_the_cap_that_counts(study):
    change(models=[sample_experiment.MODEL, MORE])
    study("estimate", "e/experiment.yaml", "-o", "plan.json")
    said = study("approve", "plan.json", "--cap", "+0.02", "--yes")[0]
    assert "the cap of now, $0.05, and $0.02 more: $0.07 for the whole study" in said
    said = study("approve", "plan.json", "--cap", "+0.02", "--yes")[0]
    assert "the cap of now, $0.07, and $0.02 more: $0.09 for the whole study" in said
    study("run", "plan.json")
    report = json.loads(study("report", "runs/small", "--format", "json")[0])
    assert report["approval"]["cap_usd"] == "0.09"


def test_a_plus_before_anything_is_approved_says_so(afcost, tmp_path):
    sample_experiment.write(tmp_path / "e")
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    said = afcost("approve", "plan.json", "--cap", "+0.02", "--yes")[0]
    assert "no cap so far, as nothing was approved, and $0.02 more: $0.02 for the whole" in said
    assert "is not an amount" in afcost("approve", "plan.json", "--cap", "+x", ends=2)[1]
    assert "must be above 0" in afcost("approve", "plan.json", "--cap", "+0", ends=2)[1]


def test_a_ledger_elsewhere_and_one_that_is_of_another_study(study):
    shutil.move("runs/small", "elsewhere")
    assert "remaining" not in estimate(study)
    assert estimate(study, "--run-dir", "elsewhere")["remaining"]["answered"] == 24
    study("estimate", "e/experiment.yaml", "--study", "other", "-o", "plan.json")
    printed, said = study(
        "estimate", "e/experiment.yaml", "--study", "other", "--run-dir", "elsewhere"
    )
    assert "what is answered already is not known" in said
    assert "is for the study small" in said
    assert "total" in printed


def test_an_approval_of_another_run_folder_shows_what_that_has_spent(study):
    shutil.move("runs/small", "elsewhere")
    change(samples=2)
    study("estimate", "e/experiment.yaml", "-o", "plan.json")
    said = flat(
        study("approve", "plan.json", "--cap", "+0.01", "--run-dir", "elsewhere", "--yes")[0]
    )
    assert "the cap of now, $0.05" in said
    assert "24 requests are answered already; the other 24 cost" in said


def test_a_cap_below_the_likely_cost_says_what_it_reaches(afcost):
    afcost("estimate", "--model", "claude-sonnet-4.5", "-o", "plan.json")
    said = flat(afcost("approve", "plan.json", "--cap", "4", "--yes")[0])
    assert re.search(r"it likely reaches 2\d of 60 queries, complete in all conditions", said)
    assert re.search(r"shows a gap of \d\d\.\d pp in queries like these, 4 times in 5", said)
    assert "reaches" not in afcost("approve", "plan.json", "--cap", "25", "--yes")[0]
