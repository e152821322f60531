"""Estimating an experiment: figures that add up, refusals, plans that notice what changed."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from estimator.counting.model_families import find_family_tokenizer
from estimator.errors import BadHistory, BadPlan, DoesNotFit, StalePlan
from estimator.forecast.history_file import read_history
from estimator.plan import plan_file as plans
from estimator.plan import staleness as stale
from estimator.plan.export import estimate_to_json, open_request_export
from estimator.plan.other_providers import cost_at_other_providers
from estimator.plan.planner import EstimateOptions, estimate_experiment
from estimator.user_dirs import price_folder
from experiment.definition import BUILTIN_SOURCE, Overrides, builtin_folder
from pricing.errors import Disputed, UnknownTier, Unpriced
from pricing.rates.rate_card import Rate, RateCard
from pricing.rates.tariff import Tariff
from pricing.sources import fetched_lists as refreshed
from pricing.sources.table import make_row

DAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ARGON = "google/gemini-4-argon"  # costs more from 2026-12-01 on
RISES = date(2026, 12, 1)
DEFAULT = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(builtin_folder(), tmp_path / "af")
    return tmp_path / "af" / "experiment.yaml"


@pytest.fixture(scope="module")
def built_in():
    return estimate_experiment(BUILTIN_SOURCE, DAY)


def test_a_model_that_is_written_in_two_ways_is_warned_of_once(experiment):
    text = experiment.read_text().replace("[llama-3.1-70b]", "[gpt-4o-mini]")
    experiment.write_text(text)  # its judge is openai/gpt-4o-mini
    plan = estimate_experiment(str(experiment), DAY).plan
    assert len(plan.models) == 2
    assert sum("retires on" in each for each in plan.warnings) == 1
    assert len(set(plan.warnings)) == len(plan.warnings)


def test_input_is_the_sum_of_all_requests_counts(built_in, tmp_path):
    path = tmp_path / "requests.jsonl"
    with open_request_export(path) as each:
        estimate_experiment(BUILTIN_SOURCE, DAY, on_request=each)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for stratum in built_in.plan.strata:
        assert stratum.key == (stratum.stage, stratum.model, stratum.condition)
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
    estimate_experiment(
        BUILTIN_SOURCE,
        DAY,
        on_request=lambda _counted, _name, likely, _ceiling: costs.append(likely),
    )
    assert sum(costs) == pytest.approx(built_in.plan.total.mean, rel=1e-6)


def test_json_carries_money_as_strings_and_keeps_its_fields(built_in):
    data = estimate_to_json(built_in, None)
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
    quotes = dict(cost_at_other_providers(built_in, "llama-3.1-70b"))
    here = built_in.plan.groups["subject", "llama-3.1-70b"].mean
    assert quotes["openrouter"] == pytest.approx(here / 0.40 * 0.72), "both are flat prices"
    assert quotes["aws"] == pytest.approx(quotes["openrouter"]), "they ask the same"
    assert list(quotes.values()) == sorted(quotes.values())
    assert not {"together", "novita", "groq"} & quotes.keys(), "they no longer serve the model"


def test_several_models_are_planned_side_by_side():
    names = ("llama-3.1-8b", "gpt-4o", "gpt-5", "claude-opus-4.1")
    plan = estimate_experiment(BUILTIN_SOURCE, DAY, Overrides(models=names, limit=3)).plan
    exactness = {s.model: s.exactness for s in plan.strata if s.stage == "subject"}
    assert exactness == {
        "llama-3.1-8b": "exact",
        "gpt-4o": "exact",
        "gpt-5": "exact",
        "claude-opus-4.1": "approximate",
    }
    prefills = " ".join(note for note in plan.assumptions if "no prefill is sent" in note)
    assert "openai/gpt-4o" in prefills
    assert "openai/gpt-5" in prefills
    assert "deepinfra/llama-3.1-8b" not in prefills
    judged = [s for s in plan.strata if s.stage == "compliance"]
    assert sum(s.requests for s in judged) == 4 * 4 * 3


def test_a_prompt_that_does_not_fit_with_its_max_tokens_is_refused():
    with pytest.raises(
        DoesNotFit, match=r"free/cot, query 0.*131,072.*Lower max_tokens to at most"
    ):
        estimate_experiment(BUILTIN_SOURCE, DAY, Overrides(max_tokens=125_000))


def test_an_unpriced_judge_refuses_the_whole_plan_and_is_named(experiment):
    text = experiment.read_text().replace("openai/gpt-4o-mini", "vllm/my-judge")
    experiment.write_text(text)
    with pytest.raises(Unpriced, match=r"vllm/my-judge is unpriced(.|\n)*afcost\.prices\.yaml"):
        estimate_experiment(str(experiment), DAY)


def test_two_unpriced_models_are_named_with_lines_that_fit_under_one_key(experiment):
    text = experiment.read_text().replace("openai/gpt-4o-mini", "vllm/my-judge")
    experiment.write_text(text.replace("[llama-3.1-70b]", "[vllm/my-model]"))
    with pytest.raises(Unpriced) as refused:
        estimate_experiment(str(experiment), DAY)
    lines = [line.partition("#")[0] for line in str(refused.value).splitlines() if "…" in line]
    prices = yaml.safe_load("prices:\n" + "\n".join(lines))["prices"]
    assert set(prices) == {"vllm/my-judge", "vllm/my-model"}
    said = str(refused.value)
    assert said.count("under `prices:`") == 1, "one list"
    assert said.index("vllm/my-judge is unpriced") < said.index("under `prices:` in")
    assert "add these lines under `prices:` in afcost.prices.yaml next to the experiment:" in said


def test_a_price_file_cannot_be_beside_the_built_in_experiment():
    with pytest.raises(Unpriced, match=r"add this line .* in the working folder:\n    vllm/mine: "):
        estimate_experiment(BUILTIN_SOURCE, DAY, Overrides(models=("vllm/mine",)))


def test_a_plan_survives_saving_and_its_digest_is_over_its_content(experiment):
    made = estimate_experiment(str(experiment), DAY).plan
    path = experiment.parent.parent / "plan.json"
    plans.save_plan(made, path)
    assert plans.read_plan(path).digest == made.digest
    document = json.loads(path.read_text())
    document["strata"][0]["cost"]["q95"] = "0.01"
    path.write_text(json.dumps(document))
    with pytest.raises(BadPlan, match="was edited"):
        plans.read_plan(path)


def test_the_same_experiment_gives_the_same_plan_in_another_folder(experiment, tmp_path):
    elsewhere_folder = tmp_path / "deeper" / "af"
    shutil.copytree(experiment.parent, elsewhere_folder)
    there = estimate_experiment(str(elsewhere_folder / "experiment.yaml"), DAY).plan
    assert there.digest == estimate_experiment(str(experiment), DAY).plan.digest


CHANGES = {
    "experiment.yaml": "file experiment.yaml: changed",
    "queries.csv": "file queries.csv: changed",
    "prompts/user.md": "file prompts/user.md: changed",
    "prompts/parts/facts.md": "file prompts/parts/facts.md: changed",
}


@pytest.mark.parametrize(("file", "said"), CHANGES.items())
def test_a_changed_file_makes_a_plan_stale_and_is_named(experiment, file, said):
    made = estimate_experiment(str(experiment), DAY).plan
    fresh = stale.verify_plan(made, NOW)
    assert (fresh.models, fresh.ceiling) == (made.models, made.total.ceiling)
    path = experiment.parent / file
    path.write_text(path.read_text() + "\n# more\n")
    with pytest.raises(StalePlan, match=said):
        stale.verify_plan(made, NOW)


def test_a_missing_query_file_makes_a_plan_stale(experiment):
    made = estimate_experiment(str(experiment), DAY).plan
    (experiment.parent / "queries.csv").unlink()
    with pytest.raises(StalePlan, match=r"queries\.csv"):
        stale.verify_plan(made, NOW)


def price(experiment: Path, entry: str, output: str = "0.40") -> None:
    line = f"deepinfra/llama-3.1-70b: {{input: {entry}, output: {output}}}"
    (experiment.parent / "afcost.prices.yaml").write_text(f"prices:\n  {line}\n")


@pytest.mark.parametrize(
    ("entry", "output", "said"),
    [
        ("0.41", "0.40", r"pinned \$0\.40 in, .* now \$0\.41 in"),
        ("0.20", "0.41", r"pinned .* \$0\.40 out .* now .* \$0\.41 out"),
    ],
)
def test_a_price_that_rose_makes_a_plan_stale_and_both_are_named(experiment, entry, output, said):
    made = estimate_experiment(str(experiment), DAY).plan
    price(experiment, entry, output)
    with pytest.raises(StalePlan, match=f"price of deepinfra/llama-3.1-70b: {said}"):
        stale.verify_plan(made, NOW)


def test_a_price_that_fell_leaves_a_plan_fresh_and_reserved_as_it_was(experiment):
    made = estimate_experiment(str(experiment), DAY).plan
    price(experiment, "0.39", "0.20")
    fresh = stale.verify_plan(made, NOW)
    assert fresh.ceiling == made.total.ceiling
    model = fresh.models["llama-3.1-70b"]
    assert model.reserve.has_same_price(made.models["llama-3.1-70b"].reserve)
    assert model.card == made.models["llama-3.1-70b"].card, "it is booked as pinned"


def test_an_announced_rise_leaves_a_plan_fresh_and_raises_what_is_reserved_from_its_day(experiment):
    made = estimate_experiment(str(experiment), DAY, Overrides(models=(ARGON,), limit=3)).plan
    start = datetime.combine(RISES, datetime.min.time(), UTC)
    before = stale.verify_plan(made, NOW, start - timedelta(minutes=16))
    after = stale.verify_plan(made, NOW, start)
    endless = stale.verify_plan(made, NOW)
    assert before.ceiling == made.total.ceiling < after.ceiling == endless.ceiling
    assert after.models[ARGON].card == made.models[ARGON].card


def test_a_forecast_is_priced_on_the_day_of_the_run(experiment):
    changes = Overrides(models=(ARGON,), limit=3)
    now, then = (
        estimate_experiment(str(experiment), DAY, changes, EstimateOptions(on))
        for on in (None, RISES)
    )
    assert (now.run_date, then.run_date) == (DAY, RISES)
    assert now.plan.total.mean < then.plan.total.mean
    assert now.plan.total.ceiling < then.plan.total.ceiling
    assert any("from 2026-12-01" in warning for warning in now.plan.warnings)
    assert any("used for 2026-12-01" in note for note in then.plan.assumptions)


def test_a_forecast_rests_on_one_source_and_its_ceiling_on_the_dearest(experiment):
    changes = Overrides(models=("claude-sonnet-4.5",), limit=1)
    plan = estimate_experiment(str(experiment), DAY, changes).plan
    model = plan.models["claude-sonnet-4.5"]
    sources = [model.card, *model.offer.alternatives]
    assert all(not card.classes_above(model.reserve) for card in sources)
    assert not model.card.classes_above(model.offer.highest_on(DAY))


def fetched(price: str, day: date = DAY) -> None:
    """Leave a price list, fetched on a day, in which the default model costs this, in and out."""
    rate = Rate(Decimal(price))
    card = RateCard("deepinfra", DEFAULT, rate, rate, checked=day, source="DeepInfra's list")
    rows = {"deepinfra": {DEFAULT: make_row(Tariff.flat_rate(card))}}
    path = refreshed.price_list_path(price_folder(), "deepinfra")
    path.parent.mkdir(parents=True)
    path.write_text(refreshed.serialize_price_list("deepinfra", "https://example.org", day, rows))


@pytest.mark.usefixtures("home")
def test_sources_far_apart_are_planned_with_a_warning_and_no_run_may_begin(experiment):
    fetched("1.21")
    plan = estimate_experiment(str(experiment), DAY, Overrides(limit=1)).plan
    assert plan.models["llama-3.1-70b"].reserve.input == Rate(Decimal("1.21"))
    assert any("sources are more than 3 x apart" in warning for warning in plan.warnings)
    with pytest.raises(Disputed, match=r"DeepInfra's list says \$1\.21 in"):
        stale.verify_plan(plan, NOW)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("named", "cost"), [("0.50/0.50", "0.50"), ("litellm", "0.40"), ("deepinfra", "1.21")]
)
def test_a_user_who_names_a_price_or_a_source_settles_a_dispute(experiment, named, cost):
    fetched("1.21")
    changes = Overrides(limit=1, prices=(f"deepinfra/llama-3.1-70b={named}",))
    plan = estimate_experiment(str(experiment), DAY, changes).plan
    fresh = stale.verify_plan(plan, NOW)
    assert fresh.models["llama-3.1-70b"].reserve.input == Rate(Decimal(cost))
    assert fresh.ceiling == plan.total.ceiling


@pytest.mark.usefixtures("home")
def test_another_source_that_asks_more_raises_what_is_reserved_and_nothing_else(experiment):
    plan = estimate_experiment(str(experiment), DAY, Overrides(limit=1)).plan
    fetched("0.44", date(2026, 9, 1))
    fresh = stale.verify_plan(plan, NOW)
    assert fresh.ceiling > plan.total.ceiling
    model = fresh.models["llama-3.1-70b"]
    assert (model.card.input, model.reserve.input) == (
        Rate(Decimal("0.40")),
        Rate(Decimal("0.44")),
    )


def sampled(experiment: Path, **fields: str) -> str:
    """Add parameters to the subject's requests."""
    added = "".join(f"{name}: {value}, " for name, value in fields.items())
    text = experiment.read_text()
    assert "\nsampling: {" in text
    experiment.write_text(text.replace("\nsampling: {", f"\nsampling: {{{added}", 1))
    return str(experiment)


def test_what_a_request_asks_for_chooses_its_price(experiment):
    changes = Overrides(models=("gpt-5",), limit=1)
    standard = estimate_experiment(str(experiment), DAY, changes).plan.models["gpt-5"]
    flex = estimate_experiment(sampled(experiment, service_tier="flex"), DAY, changes).plan.models[
        "gpt-5"
    ]
    assert flex.offer.options == (("service_tier", "flex"),)
    assert standard.card.classes_above(flex.card)
    assert not standard.card.classes_above(flex.reserve), "it may be served as a standard request"


def test_a_service_tier_without_a_known_price_is_refused(experiment):
    with pytest.raises(UnknownTier, match=r"llama-3\.1-70b with service_tier: lightning"):
        estimate_experiment(sampled(experiment, service_tier="lightning"), DAY)


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
    made = estimate_experiment(
        BUILTIN_SOURCE, DAY, history=read_history(history_file(tmp_path, rows))
    ).plan
    basis = {s.condition: s.basis for s in made.strata if s.stage == "subject"}
    assert basis == {"free/cot": "history", "paid/cot": "history",
                     "free/no-cot": "prior", "paid/no-cot": "prior"}  # fmt: skip
    outputs = {s.condition: s.output for s in made.strata if s.stage == "subject"}
    assert outputs["free/cot"].mean == pytest.approx(60 * (3000 + 195))
    assert outputs["paid/cot"].mean == pytest.approx(60 * (1000 + 195))
    for condition in conditions:
        width = outputs[condition].q95 - outputs[condition].q05
        assert width < 0.8 * outputs[condition].mean, "measured is narrower than a prior"


def measured_in_four_conditions(tmp_path, query_of):
    """Return how wide the total is that billed usage predicts, and how wide its strata are."""
    rows = [
        f"deepinfra,llama-3.1-70b,{condition},{query_of(at, query)},subject,6000,"
        f"{500 + query % 7 * 300},0"
        for at, condition in enumerate(("free/cot", "free/no-cot", "paid/cot", "paid/no-cot"))
        for query in range(30)
    ]
    made = estimate_experiment(
        BUILTIN_SOURCE, DAY, history=read_history(history_file(tmp_path, rows))
    ).plan
    group = made.groups["subject", "llama-3.1-70b"]
    strata = [s.cost for s in made.strata if s.stage == "subject"]
    return (group.q95 - group.mean) / sum(cost.q95 - cost.mean for cost in strata)


def test_strata_of_other_queries_err_apart_and_those_of_the_same_queries_together(tmp_path):
    apart = measured_in_four_conditions(tmp_path, lambda at, query: f"{at}-{query}")
    same = measured_in_four_conditions(tmp_path, lambda _, query: query)
    assert 0.52 < apart < 0.65, "the run's own queries are the same in all conditions"
    assert 0.9 < same <= 1.01, "and so are the measured ones: they vary alike"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("deepinfra,llama-3.1-70b,free/cot,0,subject,10,zero,", "line 2: output_tokens is 'zero'"),
        ("deepinfra,llama-3.1-70b,free/cot,0,subject,10,-1,", "line 2: output_tokens is '-1'"),
        ("deepinfra,llama-3.1-70b,free/cot,0,subject,10,1e99,", "line 2: output_tokens is '1e99'"),
        ("deepinfra,llama-3.1-70b,free/cot,0,subject,10,1.5,", "line 2: output_tokens is '1.5'"),
    ],
)
def test_bad_history_names_the_line(tmp_path, row, said):
    with pytest.raises(BadHistory, match=said):
        read_history(history_file(tmp_path, [row]))


def test_history_in_another_encoding_says_which_to_save_it_in(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_bytes("provider,model\na,Zürich\n".encode("latin-1"))
    with pytest.raises(BadHistory, match=r"usage\.csv is not UTF-8 .*; save it as UTF-8"):
        read_history(path)


def test_history_without_a_column_names_it(tmp_path):
    path = tmp_path / "usage.csv"
    path.write_text("provider,model\na,b\n")
    with pytest.raises(BadHistory, match="is missing columns condition, query"):
        read_history(path)


def test_a_judges_prompt_is_forecast_with_the_answers_in_it(built_in):
    judge = find_family_tokenizer("gpt-4o-mini")
    strata = {s.condition: s for s in built_in.plan.strata if s.stage == "compliance"}
    blank = judge.count_text((builtin_folder() / "prompts" / "judge.compliance.md").read_text())
    for stratum in strata.values():
        assert stratum.input_tokens > 60 * blank
        assert stratum.exactness == "approximate"
    assert strata["free/cot"].input_tokens > strata["free/no-cot"].input_tokens
