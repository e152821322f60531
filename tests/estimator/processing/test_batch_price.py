"""Which models of a plan are asked in batches, and at which price."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from estimator.plan import (
    EstimateOptions,
    estimate_experiment,
    read_plan,
    save_plan,
    verify_plan,
)
from estimator.processing import batch_offer, price_as_batch
from experiment.definition import Overrides
from experiment.errors import BadExperiment
from pricing.errors import UnknownTier

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = NOW.date()
MODELS = "[{name: claude-sonnet-4.5, batch: yes}, deepinfra/llama-3.3-70b, openrouter/gpt-4o]"


@pytest.fixture
def plan(tmp_path):
    """Return a function that plans an experiment of some models, with a judge."""

    def make(models=MODELS, judge="{}", overrides=Overrides(), more=""):
        (tmp_path / "q.txt").write_text("one\n")
        path = tmp_path / "experiment.yaml"
        path.write_text(
            f"name: n\nmodels: {models}\nqueries: {{file: q.txt}}\n{more}\n"
            "sampling: {max_tokens: 90}\nmessages: [{role: user, content: '{{ query }}'}]\n"
            "judges:\n- name: j\n  model: gpt-4o-mini\n  sampling: {max_tokens: 90}\n"
            "  messages: [{role: user, content: 'J {{ output }}'}]\n"
            f"  <<: {judge}\n"
        )
        options = EstimateOptions(use_cache=False)
        return estimate_experiment(str(path), DAY, overrides, options).plan

    return make


def batched(plan) -> set[str]:
    return {written for written, model in plan.models.items() if model.offer.is_batch}


def test_only_what_the_file_says_is_batched_and_at_half_the_price(plan) -> None:
    planned, calls = plan(), plan(MODELS.replace("batch: yes", "batch: no"))
    assert batched(planned) == {"claude-sonnet-4.5"}
    assert batched(calls) == set()
    ours, theirs = (each.models["claude-sonnet-4.5"].card for each in (planned, calls))
    assert ours.has_same_price(theirs.scaled(Decimal("0.5")))
    assert planned.digest != calls.digest
    assert planned.requests == calls.requests  # what is sent is the same


def test_all_are_batched_where_a_price_is_known_but_for_those_of_which_the_file_says_no(plan):
    every = plan(
        "[claude-sonnet-4.5, deepinfra/llama-3.3-70b, openrouter/gpt-4o]", more="batch: yes"
    )
    assert batched(every) == {"claude-sonnet-4.5", "deepinfra/llama-3.3-70b", "gpt-4o-mini"}
    but = plan(MODELS.replace("yes", "no"), "{batch: no}", Overrides(batch=True))
    assert batched(but) == {"deepinfra/llama-3.3-70b"}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("openrouter/gpt-4o", "no batch price is known at openrouter"),
        ("together/gpt-oss-120b", "no batch price is known at together"),
        ("fireworks/gpt-oss-120b", "afcost sends no batches to fireworks"),
    ],
)
def test_a_batch_without_a_known_price_is_refused_with_the_next_step(plan, model, said) -> None:
    with pytest.raises(UnknownTier, match=said):
        plan(f"[{{name: {model}, batch: yes}}]")


def test_a_model_that_is_both_batched_and_called_has_two_names(plan) -> None:
    with pytest.raises(BadExperiment, match=r"in batches.*write it as provider/model"):
        plan("[{name: gpt-4o-mini, batch: yes}]")
    assert batched(plan("[{name: openai/gpt-4o-mini, batch: yes}]")) == {"openai/gpt-4o-mini"}


def test_a_plan_of_batches_is_read_back_and_holds(plan, tmp_path) -> None:
    planned = plan(overrides=Overrides(batch=True))
    save_plan(planned, tmp_path / "plan.json")
    read = read_plan(tmp_path / "plan.json")
    assert read.digest == planned.digest
    assert read.changes.batch
    verified = verify_plan(read, NOW)
    for written in batched(planned):
        assert batch_offer(verified, written) == planned.models[written].offer


def test_a_plan_of_calls_has_batch_offers_of_today(plan) -> None:
    verified = verify_plan(plan(MODELS.replace("yes", "no")), NOW)
    offers = {written: batch_offer(verified, written) for written in verified.models}
    assert [written for written, offer in offers.items() if offer is None] == ["openrouter/gpt-4o"]
    model, offer = verified.models["claude-sonnet-4.5"], offers["claude-sonnet-4.5"]
    assert offer is not None
    priced = price_as_batch(model, offer, NOW, NOW + timedelta(days=1))
    assert priced.reserve.output.base * 2 == model.reserve.output.base
    assert priced.offer.is_batch
    assert priced.name == model.name


def test_an_offer_above_what_is_reserved_for_a_call_is_none(plan) -> None:
    verified = verify_plan(plan(MODELS.replace("yes", "no")), NOW)
    models = {
        written: replace(each, reserve=each.reserve.scaled(Decimal("0.4")))
        for written, each in verified.models.items()
    }
    assert batch_offer(replace(verified, models=models), "claude-sonnet-4.5") is None
