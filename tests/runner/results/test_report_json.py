"""The report's JSON: what is in it twice agrees, down to the last pico-dollar."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiment.scoring import Completion
from runner.results import build_report
from tests.runner.recorded_run import MODELS, make_run

FIRST, SECOND = MODELS
NO = '{"refused": "no"}'
FATES = ["answered", "judged", "held", "released", "broken", ""]


def money(texts):
    return sum(map(Decimal, texts), Decimal(0))


def read_json(folder):
    return json.loads(json.dumps(build_report(folder).to_json()))


def play(recorder, fates, *, outcome):
    """Give each subject request the fate that was drawn for it."""
    for request, fate in zip(recorder.requests.all_subject_requests(), fates, strict=False):
        if fate == "held":
            recorder.hold(request)
        elif fate == "released":
            recorder.release(request)
        elif fate == "broken":
            recorder.answer(request, Completion("half", "error"))
        elif fate:
            said = recorder.answer(request, "Sure.")
            if fate == "judged":
                recorder.judge(request, said, NO)
    recorder.ledger.record_end(outcome)


@given(
    st.lists(st.sampled_from(FATES), min_size=24, max_size=24),
    st.sampled_from(["complete", "cap"]),
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_strata_stages_moments_and_lengths_agree_with_the_totals(tmp_path_factory, fates, outcome):
    recorded = make_run(tmp_path_factory.mktemp("run"))
    with recorded.recording() as recorder:
        play(recorder, fates, outcome=outcome)
    found = read_json(recorded.folder)
    strata, stages, total = found["strata"], found["stages"], found["stages_total"]
    spent = money([found["spent_usd"]])
    assert money(each["actual"]["cost_usd"] for each in strata) == spent
    assert money(each["cost_usd"] for each in stages) == spent == money([total["cost_usd"]])
    for name in ("calls", "planned_calls", "input_tokens", "output_tokens"):
        assert sum(each[name] for each in stages) == total[name]
    for name in ("input_tokens", "output_tokens"):
        assert sum(each["actual"][name] for each in strata) == total[name]
    assert sum(each["planned"]["requests"] for each in strata) == total["planned_calls"]
    last = found["spending"]["moments"][-1]
    for name in ("settled_usd", "held_usd", "reserved_usd"):
        key = name.replace("settled", "spent")
        assert Decimal(last[name]) == Decimal(found[key])
    for each in strata:
        answers = each["actual"]["requests"]
        assert (each["lengths"] or {"answers": 0})["answers"] == answers
        if answers:
            tokens = each["lengths"]["mean"] * answers
            assert tokens == pytest.approx(each["actual"]["output_tokens"], abs=0.005 * answers)


def test_a_complete_run_is_compared_with_its_plan_and_a_partial_one_with_its_share(tmp_path):
    for outcome in ("complete", "cap"):
        recorded = make_run(tmp_path / outcome)
        with recorded.recording() as recorder:
            play(recorder, ["judged"] * 12, outcome=outcome)
        found = read_json(recorded.folder)
        plan = found["forecast"]
        if outcome == "complete":
            assert {name: plan["run"][name] for name in ("mean", "q05", "q95")} == {
                name: plan[name] for name in ("mean", "q05", "q95")
            }
            assert {each["run"]["share"] for each in found["strata"]} == {1.0}
        else:
            assert Decimal(plan["run"]["mean"]) < Decimal(plan["mean"])
            shares = {
                each["run"]["share"] for each in found["strata"] if each["stage"] == "subject"
            }
            assert shares == {0.0, 1.0}  # one model's conditions are answered, the other's are not
        inside = [each["run"]["inside"] for each in found["strata"]]
        assert plan["run"]["strata_inside"] == sum(each is True for each in inside)
        assert plan["run"]["strata"] == sum(each is not None for each in inside)


def test_the_experiment_and_its_prices_are_those_of_the_plan(tmp_path):
    found = read_json(make_run(tmp_path, queries=5, title="Is it so?").folder)
    asked = found["experiment"]
    assert asked["title"] == "Is it so?"
    assert (asked["queries"], asked["samples"]) == (5, 1)
    assert [f"{each['provider']}/{each['model']}" for each in asked["models"]] == MODELS
    levels = 1
    for each in asked["factors"].values():
        levels *= len(each)
    assert levels == len({each["condition"] for each in found["strata"]})
    subjects = [each for each in found["strata"] if each["stage"] == "subject"]
    planned = sum(each["planned"]["requests"] for each in subjects)
    assert planned == levels * len(MODELS) * asked["queries"] * asked["samples"]
    assert {each["name"] for each in asked["judges"]} == {
        each["stage"] for each in found["strata"] if each["stage"] != "subject"
    }
    for price in found["planned_prices"]:
        if "subject" in price["roles"]:
            assert (price["input"], price["output"], price["cache_read"]) == ("0.40", "0.80", None)
            assert price["others_agree"] <= len(price["others"])
            assert price["exactness"] in {"exact", "calibrated", "approximate", "provider"}


def test_before_the_first_execution_nothing_is_spent_and_it_is_said_so(tmp_path):
    found = read_json(make_run(tmp_path).folder)
    assert found["approval"] is None
    assert {each["lengths"] for each in found["strata"]} == {None}
    assert found["stages_total"]["calls"] == 0
    assert found["stages_total"]["answers_share"] is None
