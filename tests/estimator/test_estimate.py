"""Estimating an experiment: figures that add up, refusals, plans that notice what changed."""

from __future__ import annotations

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from estimator import plan as plans
from estimator import stale
from estimator.errors import BadHistory, BadPlan, DoesNotFit, StalePlan
from estimator.estimate import elsewhere, estimate
from estimator.export import estimate_json, exporter
from estimator.families import tokenizer
from estimator.history import read_history
from experiment.file import BUILTIN, Changes, builtin_folder
from pricing.errors import Unpriced

DAY = date(2026, 11, 21)


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(builtin_folder(), tmp_path / "af")
    return tmp_path / "af" / "experiment.yaml"


@pytest.fixture(scope="module")
def built_in():
    return estimate(BUILTIN, DAY)


def test_input_is_the_sum_of_all_requests_counts(built_in, tmp_path):
    path = tmp_path / "requests.jsonl"
    with exporter(path) as each:
        estimate(BUILTIN, DAY, each=each)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for stratum in built_in.plan.strata:
        if stratum.stage == "subject":
            own = [
                r for r in rows if (r["stage"], r["condition"]) == ("subject", stratum.condition)
            ]
            assert len(own) == stratum.requests == 60
            assert sum(row["input_tokens"] for row in own) == stratum.input_tokens
    assert len({row["id"] for row in rows}) == len(rows) == 480


def test_the_ceiling_is_every_request_at_its_dearest_exactly(built_in):
    subjects = [s for s in built_in.plan.strata if s.stage == "subject"]
    dearest = sum(Decimal(s.input_tokens + 4096 * s.requests) * Decimal("0.40") for s in subjects)
    booked = sum(Decimal(s.cost.to_json()["ceiling"]) for s in subjects)
    assert booked == dearest / 1_000_000


def test_only_ceilings_add_up(built_in):
    plan = built_in.plan
    assert plan.total.mean == pytest.approx(sum(s.cost.mean for s in plan.strata))
    assert plan.total.ceiling.pico == sum(s.cost.ceiling.pico for s in plan.strata)
    assert plan.total.q05 < plan.total.q50 < plan.total.q95 < plan.total.ceiling.pico / 1e12


def test_each_requests_likely_cost_adds_up_to_the_total(built_in):
    costs = []
    estimate(BUILTIN, DAY, each=lambda _counted, _name, likely, _ceiling: costs.append(likely))
    assert sum(costs) == pytest.approx(built_in.plan.total.mean, rel=1e-6)


def test_json_carries_money_as_strings_and_keeps_its_fields(built_in):
    data = estimate_json(built_in, None)
    assert data["schema"] == "afcost.estimate/1"
    assert {"schema", "experiment", "plan", "strata", "total", "assumptions", "warnings"} <= set(
        data
    )
    for stratum in data["strata"]:
        assert {"stage", "provider", "model", "condition", "requests", "input_tokens", "exactness",
                "tokenizer", "output_tokens", "cost_usd", "price"} <= set(stratum)  # fmt: skip
        assert stratum["output_tokens"]["basis"] == "prior"
        assert all(isinstance(value, str) for value in stratum["cost_usd"].values())
        assert isinstance(stratum["price"]["input"], str)
    assert data["total"]["requests"] == 480
    assert sum(Decimal(s["cost_usd"]["ceiling"]) for s in data["strata"]) == Decimal(
        data["total"]["cost_usd"]["ceiling"]
    )


def test_the_same_calls_elsewhere_are_priced_with_that_providers_prices(built_in):
    quotes = dict(elsewhere(built_in, "llama-3.1-70b"))
    here = built_in.plan.groups["subject", "llama-3.1-70b"].mean
    assert quotes["openrouter"] == pytest.approx(here / 0.40 * 0.72), "both are flat prices"
    assert quotes["novita"] < here
    assert "together" not in quotes, "it no longer serves the model"


def test_several_models_are_planned_side_by_side():
    names = ("llama-3.1-8b", "gpt-4o", "gpt-5", "claude-opus-4.1")
    plan = estimate(BUILTIN, DAY, Changes(models=names, limit=3)).plan
    exactness = {s.model: s.exactness for s in plan.strata if s.stage == "subject"}
    assert exactness == {
        "llama-3.1-8b": "exact",
        "gpt-4o": "exact",
        "gpt-5": "exact",
        "claude-opus-4.1": "approximate",
    }
    assert any("gpt-4o: it takes no prefill" in note for note in plan.assumptions)
    judged = [s for s in plan.strata if s.stage == "compliance"]
    assert sum(s.requests for s in judged) == 4 * 4 * 3


def test_a_prompt_that_does_not_fit_with_its_max_tokens_is_refused():
    with pytest.raises(
        DoesNotFit, match=r"free/cot, query 0.*131,072.*Lower max_tokens to at most"
    ):
        estimate(BUILTIN, DAY, Changes(max_tokens=125_000))


def test_an_unpriced_judge_refuses_the_whole_plan_and_is_named(experiment):
    text = experiment.read_text().replace("openai/gpt-4o-mini", "vllm/my-judge")
    experiment.write_text(text)
    with pytest.raises(Unpriced, match=r"vllm/my-judge is unpriced(.|\n)*afcost\.prices\.yaml"):
        estimate(str(experiment), DAY)


def test_a_plan_survives_saving_and_its_digest_is_over_its_content(experiment):
    made = estimate(str(experiment), DAY).plan
    path = experiment.parent.parent / "plan.json"
    plans.save(made, path)
    assert plans.read(path).digest == made.digest
    document = json.loads(path.read_text())
    document["strata"][0]["cost"]["q95"] = "0.01"
    path.write_text(json.dumps(document))
    with pytest.raises(BadPlan, match="was edited"):
        plans.read(path)


def test_the_same_experiment_gives_the_same_plan_in_another_folder(experiment, tmp_path):
    elsewhere_folder = tmp_path / "deeper" / "af"
    shutil.copytree(experiment.parent, elsewhere_folder)
    there = estimate(str(elsewhere_folder / "experiment.yaml"), DAY).plan
    assert there.digest == estimate(str(experiment), DAY).plan.digest


CHANGES = {
    "experiment.yaml": "file experiment.yaml: changed",
    "queries.csv": "file queries.csv: changed",
    "prompts/user.md": "file prompts/user.md: changed",
    "prompts/parts/facts.md": "file prompts/parts/facts.md: changed",
}


@pytest.mark.parametrize(("file", "said"), CHANGES.items())
def test_a_changed_file_makes_a_plan_stale_and_is_named(experiment, file, said):
    made = estimate(str(experiment), DAY).plan
    assert stale.check(made, DAY).plan is made
    path = experiment.parent / file
    path.write_text(path.read_text() + "\n# more\n")
    with pytest.raises(StalePlan, match=said):
        stale.check(made, DAY)


def test_a_missing_query_file_makes_a_plan_stale(experiment):
    made = estimate(str(experiment), DAY).plan
    (experiment.parent / "queries.csv").unlink()
    with pytest.raises(StalePlan, match=r"queries\.csv"):
        stale.check(made, DAY)


def test_a_changed_price_makes_a_plan_stale_and_both_are_named(experiment):
    made = estimate(str(experiment), DAY).plan
    prices = experiment.parent / "afcost.prices.yaml"
    prices.write_text("prices:\n  deepinfra/llama-3.1-70b: {input: 0.41, output: 0.40}\n")
    with pytest.raises(StalePlan, match=r"was \$0\.40 in .* is \$0\.41 in"):
        stale.check(made, DAY)


def history_file(tmp_path: Path, rows: list[str]) -> Path:
    path = tmp_path / "usage.csv"
    header = "provider,model,condition,query,stage,input_tokens,output_tokens,cost_usd"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_forecast_rests_on_history_where_there_is_one(tmp_path):
    conditions = {"free/cot": 3000, "paid/cot": 1000}
    rows = [
        f"deepinfra,llama-3.1-70b,{condition},{query},subject,6000,{mean + query * 10},0.003"
        for condition, mean in conditions.items()
        for query in range(40)
    ]
    made = estimate(BUILTIN, DAY, history=read_history(history_file(tmp_path, rows))).plan
    basis = {s.condition: s.basis for s in made.strata if s.stage == "subject"}
    assert basis == {"free/cot": "history", "paid/cot": "history",
                     "free/no-cot": "prior", "paid/no-cot": "prior"}  # fmt: skip
    outputs = {s.condition: s.output for s in made.strata if s.stage == "subject"}
    assert outputs["free/cot"].mean == pytest.approx(60 * (3000 + 195))
    assert outputs["paid/cot"].mean == pytest.approx(60 * (1000 + 195))
    for condition in conditions:
        width = outputs[condition].q95 - outputs[condition].q05
        assert width < 0.8 * outputs[condition].mean, "measured is narrower than a prior"


def test_measured_strata_err_apart_so_their_total_is_narrower_than_their_sum(tmp_path):
    rows = [
        f"deepinfra,llama-3.1-70b,{tier}/{reasoning},{query},subject,6000,{500 + query % 7 * 300},0"
        for tier in ("free", "paid")
        for reasoning in ("cot", "no-cot")
        for query in range(30)
    ]
    made = estimate(BUILTIN, DAY, history=read_history(history_file(tmp_path, rows))).plan
    group = made.groups["subject", "llama-3.1-70b"]
    strata = [s.cost for s in made.strata if s.stage == "subject"]
    summed = sum(cost.q95 - cost.mean for cost in strata)
    assert 0.4 * summed < group.q95 - group.mean < 0.65 * summed, "about half, for four strata"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("deepinfra,llama-3.1-70b,free/cot,0,subject,10,zero,", "line 2: output_tokens is 'zero'"),
        ("deepinfra,llama-3.1-70b,free/cot,0,subject,10,0,", "line 2: output_tokens is '0'"),
        ("deepinfra,llama-3.1-70b,free/cot,0,subject,10,1.5,", "line 2: output_tokens is '1.5'"),
    ],
)
def test_bad_history_names_the_line(tmp_path, row, said):
    with pytest.raises(BadHistory, match=said):
        read_history(history_file(tmp_path, [row]))


def test_history_without_a_column_names_it(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text("provider,model\na,b\n")
    with pytest.raises(BadHistory, match="lacks the columns condition, query"):
        read_history(path)


def test_a_judges_prompt_is_forecast_with_the_answers_in_it(built_in):
    judge = tokenizer("gpt-4o-mini")
    strata = {s.condition: s for s in built_in.plan.strata if s.stage == "compliance"}
    blank = judge.count_text((builtin_folder() / "prompts" / "judge.compliance.md").read_text())
    for stratum in strata.values():
        assert stratum.input_tokens > 60 * blank
        assert stratum.exactness == "approximate"
    assert strata["free/cot"].input_tokens > strata["free/no-cot"].input_tokens
