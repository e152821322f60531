"""A sequential test by its commands: a large gap stops a run early, and none lets it end."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from tests.runner import sample_experiment
from tests.support.provider.behaviour import Behaviour

MORE = "my-lab/llama-3.1-70b"
QUERIES, LOOKS = 50, 5
LARGE = {"free tier": 0.9, "paid tier": 0.1}
NONE = {"number 1": 1.0, "number 3": 1.0, "tier": 0.0}  # by the query alone: no chance of a gap


@pytest.fixture
def written(server, tmp_path):
    """Return what writes an experiment with a sequential test, and lets the provider answer so."""

    def write(complies, **changes):
        server.reset(
            Behaviour(input_tokens="counted", output_tokens=3, complies=complies, models=("x",))
        )
        fields = {
            "queries": QUERIES,
            "factors": {"tier": {"free": {"tier": "free"}, "paid": {"tier": "paid"}}},
            "messages": [{"role": "user", "content": "You serve the {{ tier }} tier. {{ query }}"}],
            "sequential": {"looks": LOOKS},
        }
        path = sample_experiment.write(
            tmp_path / "e",
            votes=0,
            base_url=f"{server.url}/v1",
            **fields | changes,
        )
        prices = {
            name: {"input": "0.40", "output": "0.80"} for name in (sample_experiment.MODEL, MORE)
        }
        own = path.parent / "afcost.prices.yaml"
        own.write_text(yaml.safe_dump({"prices": prices}), encoding="utf-8")

    return write


def plan(afcost):
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "1", "--yes")


def report(afcost):
    return json.loads(afcost("report", "runs/small", "--format", "json")[0])


def status(afcost):
    return json.loads(afcost("status", "runs/small", "--format", "json")[0])


def flat(text):
    return " ".join(text.split())


def test_a_large_gap_stops_the_run_at_a_look_and_the_rest_is_not_paid(afcost, server, written):
    written(LARGE)
    plan(afcost)
    said = flat(afcost("run", "plan.json")[1])
    found = report(afcost)
    looks = found["sequential"]["looks"]
    assert (found["outcome"], found["end"]) == ("partial", "shown")
    assert len(looks) < LOOKS
    assert [each["shown"] for each in looks] == [False] * (len(looks) - 1) + [True]
    assert abs(looks[-1]["t"]) > looks[-1]["bound"]
    assert 0 < looks[-1]["low"] < looks[-1]["estimate"] < looks[-1]["high"]
    queries = QUERIES * len(looks) // LOOKS
    assert looks[-1]["queries"] == queries
    assert len(server.bill().billed) == 2 * queries
    spent, saved = Decimal(found["spent_usd"]), Decimal(found["sequential"]["saved_usd"])
    assert abs(saved / spent - Decimal(QUERIES - queries) / queries) < Decimal("0.01")
    assert f"gap between free and paid was shown at look {len(looks)} of 5" in said
    assert "Running it again sends nothing" in said
    assert "was not spent" in said
    shown = flat(afcost("report", "runs/small")[0])
    assert "stopped early: the gap was shown" in shown
    assert "the repeated interval holds" in shown


def test_running_it_again_sends_nothing_until_it_is_planned_without_the_test(
    afcost, server, written
):
    written(LARGE)
    plan(afcost)
    afcost("run", "plan.json")
    before = len(server.bill().billed)
    looks = report(afcost)["sequential"]["looks"]
    dry = flat(afcost("run", "plan.json", "--dry-run")[0])
    assert "stopped early: the gap was shown; nothing would be sent" in dry
    assert "shown at look" in afcost("run", "plan.json")[1]
    assert len(server.bill().billed) == before
    assert report(afcost)["sequential"]["looks"] == looks
    path = Path("e/experiment.yaml")
    fields = yaml.safe_load(path.read_text())
    del fields["sequential"]
    path.write_text(yaml.safe_dump(fields, sort_keys=False), encoding="utf-8")
    plan(afcost)
    afcost("run", "plan.json")
    assert len(server.bill().billed) == 2 * QUERIES, "an answer was paid twice, or left out"
    assert report(afcost)["outcome"] == "complete"


def test_the_status_of_a_run_that_ended_early_forecasts_no_end_that_will_not_come(afcost, written):
    written(LARGE)
    plan(afcost)
    afcost("run", "plan.json")
    said = afcost("status", "runs/small")[0]
    assert "stopped early: the gap was shown" in said
    assert "Running it again sends nothing" in flat(said)
    assert "At the end" not in said
    found = status(afcost)
    assert (found["forecast"]["state"], found["forecast"]["left"]) == ("done", 0)
    assert Decimal(found["forecast"]["likely_usd"]) == Decimal(found["spent_usd"])
    asked = sum(each["answered"] for each in found["strata"])
    assert found["forecast"]["not_asked"] == 2 * QUERIES - asked > 0
    assert not any("less than its plan" in each["text"] for each in found["warnings"])


def test_a_run_that_a_look_ended_is_no_forecast_that_held_or_failed(afcost, written):
    written(LARGE)
    plan(afcost)
    afcost("run", "plan.json")
    found = report(afcost)
    assert found["forecast"]["inside"] is None
    assert found["forecast"]["levels"] is None
    shown = afcost("report", "runs/small")[0]
    assert "forecast against actual" not in shown
    assert "ended at a look" in flat(shown)
    kept = json.loads(afcost("calibration", "--format", "json")[0])
    assert found["plan"]["digest"] not in {each["plan"] for each in kept["finished"]}
    assert "ended at a look" in flat(afcost("calibration", "runs/small", ends=2)[1])


def test_without_a_gap_every_look_is_taken_and_all_is_asked(afcost, server, written):
    written(NONE)
    plan(afcost)
    afcost("run", "plan.json")
    found = report(afcost)
    assert (found["outcome"], found["end"]) == ("complete", "complete")
    assert [each["number"] for each in found["sequential"]["looks"]] == [1, 2, 3, 4, 5]
    assert not any(each["shown"] for each in found["sequential"]["looks"])
    assert found["sequential"]["saved_usd"] == "0.00"
    assert len(server.bill().billed) == 2 * QUERIES
    assert "no look showed a gap" in flat(afcost("report", "runs/small")[0])


def test_a_run_that_reached_no_look_has_tested_nothing(afcost, written):
    written(LARGE)
    afcost("estimate", "e/experiment.yaml", "-o", "plan.json")
    afcost("approve", "plan.json", "--cap", "0.0003", "--yes")
    afcost("run", "plan.json", ends=4)
    found = report(afcost)
    assert found["sequential"]["looks"] == []
    assert found["sequential"]["next_look_at"] == QUERIES // LOOKS
    assert status(afcost)["forecast"]["next_look_at"] == QUERIES // LOOKS
    shown = flat(afcost("status", "runs/small")[0])
    assert shown.count("The forecast is of the whole run; the look after 10 queries may") == 1
    said = flat(afcost("report", "runs/small")[0])
    assert "no test was done yet" in said
    assert "only looks test, and reading a report is none" in said


def test_of_two_models_each_has_its_own_test_and_is_stopped_by_it(afcost, server, written):
    one_of_two = {MORE.partition("/")[2]: 1.0, **LARGE}  # the other one has no gap at all
    written(one_of_two, models=[sample_experiment.MODEL, MORE], queries=60)
    plan(afcost)
    afcost("run", "plan.json")
    found = report(afcost)["sequential"]
    ends = {each["model"]: each for each in found["looks"] if each["shown"]}
    assert set(ends) == {sample_experiment.MODEL}
    asked = [ends[sample_experiment.MODEL]["queries"], 60]
    assert asked[0] != asked[1], "the test needs two models that end at different looks"
    assert len(server.bill().billed) == 2 * sum(asked)
    assert found["design"]["alpha"] == 0.025
    assert found["design"]["bounds"][-1] > 2.2414, "a single test at 2.5 % asks for as much"
    assert {each["model"] for each in found["looks"]} == {sample_experiment.MODEL, MORE}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sequential": {"looks": 1}}, "sequential.looks: "),
        ({"sequential": {"look": 5}}, "sequential.look: unknown field; known fields: looks"),
        ({"sequential": {"looks": 5, "one_sided": True}}, "sequential.one_sided: unknown field"),
        ({"factors": {}}, "it tests the gap between two levels of a factor, and there are no"),
        (
            {"factors": {"tier": {each: {"tier": each} for each in ("a", "b", "c")}}},
            "tier has 3 levels; name a factor of two levels as `compare`",
        ),
        ({"sequential": {"looks": 10}, "queries": 19}, "19 queries are too few for 10 looks"),
    ],
)
def test_what_cannot_be_tested_is_refused_with_its_field(afcost, written, changes, said):
    written(NONE, **changes)
    assert said in flat(afcost("estimate", "e/experiment.yaml", ends=1)[1])
