"""Priors: which class a stratum is forecast by, from its model's record and its own fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from estimator.forecast.priors import prior_length, share_in_judge_prompt
from experiment.definition import list_uses
from pricing.catalog import ModelName, list_aliases, provider_ids
from providers.capabilities import Capability, find_capability
from providers.registry import builtin_providers
from tests.estimator.forecast.planned_models import JUDGE, Planned, spec_of

ANSWER, SCRATCHPAD, REASONING, VERDICT, REASONED_VERDICT = 440, 1710, 3300, 190, 720
ALWAYS = Capability(
    reasons="always", default_level="medium", levels=("minimal", "low", "medium", "high")
)
BY_DEFAULT = Capability(reasons="default", stops=True)
ON_REQUEST = Capability(reasons="on_request", stops=True)
NEVER = Capability(reasons="never")
PREFILLED = [{"role": "user", "content": "{{ query }}"}, {"role": "assistant", "content": "<"}]


def forecast(capability, expect=None, *, stage=0, continues=False, scale=1.0, **fields):
    spec = spec_of(expect, **fields)
    use = list(list_uses(spec))[stage]
    return prior_length(spec, use, Planned(capability, continues, scale))


def with_reasoning(capability, reasoning, **fields):
    return forecast(capability, sampling={"max_tokens": 8000, "reasoning": reasoning}, **fields)


@pytest.mark.parametrize(
    ("capability", "mean"),
    [(ALWAYS, REASONING), (BY_DEFAULT, REASONING), (ON_REQUEST, ANSWER), (NEVER, ANSWER)],
)
def test_what_a_model_does_by_itself_decides_its_class(capability, mean):
    assert forecast(capability).mean == mean


@pytest.mark.parametrize("capability", [ON_REQUEST, BY_DEFAULT])
def test_what_a_request_asks_for_decides_before_what_its_model_does(capability):
    assert with_reasoning(capability, "medium").mean == REASONING
    assert with_reasoning(capability, "off").mean == ANSWER


def test_a_level_multiplies_what_is_reasoned():
    means = {level: with_reasoning(ALWAYS, level).mean / REASONING for level in ALWAYS.levels}
    assert means == pytest.approx({"minimal": 0.28, "low": 0.53, "medium": 1, "high": 1.8})
    above = Capability(reasons="default", default_level="low", levels=("xhigh", "max"))
    assert with_reasoning(above, "max").mean > with_reasoning(above, "xhigh").mean > 1.8 * REASONING


@pytest.mark.parametrize("level", ["low", "medium", "high", ""])
def test_a_model_that_nothing_is_asked_of_is_forecast_as_models_come(level):
    by_itself = Capability(reasons="default", default_level=level, levels=("low", "medium", "high"))
    assert forecast(by_itself).mean == REASONING
    asked = 1 if level == "high" else 1.8  # its own level, asked for by its name, is no other
    assert with_reasoning(by_itself, "high").mean == pytest.approx(asked * REASONING)


def test_a_budget_limits_the_reasoning_and_leaves_the_answer():
    small, usual = (with_reasoning(ON_REQUEST, {"max_tokens": n}) for n in (1024, 4000))
    assert ANSWER < small.mean < 1024 + ANSWER
    assert small.mean < usual.mean < REASONING
    assert usual.quantile(0.95) < 4000 + 3 * ANSWER
    assert with_reasoning(ON_REQUEST, {"max_tokens": 10**6}).mean == pytest.approx(REASONING)


def test_a_level_that_is_a_number_of_tokens_there_is_limited_by_it():
    budgets = replace(ON_REQUEST, asked_by="thinking_budget", budgets={"low": 1024})
    assert with_reasoning(budgets, "low").mean < 1024 + ANSWER


def test_not_known_is_as_wide_as_both_classes_and_says_so():
    length = forecast(Capability())
    plain, reasoning = forecast(NEVER), forecast(ALWAYS)
    assert length.mean == (ANSWER + REASONING) / 2
    assert length.quantile(0.05) < plain.quantile(0.25)
    assert length.quantile(0.95) > reasoning.quantile(0.75)
    assert "not known whether it reasons" in length.source


def test_a_scratchpad_is_not_added_to_hidden_reasoning():
    assert forecast(NEVER, {"subject": "scratchpad"}).mean == SCRATCHPAD
    assert forecast(ALWAYS, {"subject": "scratchpad"}).mean == REASONING


def test_an_answer_that_is_begun_for_a_model_that_reasons_may_be_of_either_class():
    begun = forecast(ALWAYS, {"subject": "scratchpad"}, continues=True, messages=PREFILLED)
    assert begun.mean == (SCRATCHPAD + REASONING) / 2
    left_out = forecast(ALWAYS, {"subject": "scratchpad"}, messages=PREFILLED)
    assert left_out.mean == REASONING
    plain = forecast(NEVER, {"subject": "scratchpad"}, continues=True, messages=PREFILLED)
    assert plain.mean == SCRATCHPAD


@pytest.mark.parametrize(("capability", "mean"), [(NEVER, VERDICT), (ALWAYS, REASONED_VERDICT)])
def test_a_judge_has_a_class_of_its_own(capability, mean):
    length = forecast(capability, stage=1, judges=[JUDGE])
    assert (length.mean, length.kind) == (mean, "verdict")


def test_priors_are_in_the_tokens_of_the_model():
    assert forecast(ALWAYS, scale=1.2).mean == pytest.approx(1.2 * REASONING)
    assert forecast(NEVER, scale=1.2).mean == pytest.approx(1.2 * ANSWER)


def test_what_is_expected_of_a_model_comes_before_its_levels_and_the_subject():
    fields = {"factors": {"way": {"cot": {}}}}
    assert forecast(NEVER, {"m": 900, "cot": 800, "subject": 700}, **fields).mean == 900
    assert forecast(NEVER, {"cot": 800, "subject": 700}, **fields).mean == 800
    assert forecast(NEVER, {"subject": 700}, **fields).mean == 700


def test_a_model_may_be_named_in_any_of_its_ways():
    for name in ("m", "alias", "lab/alias"):
        spec = spec_of({name: 900})
        model = Planned(NEVER, name=ModelName("m", "lab", "id", "alias"))
        assert prior_length(spec, next(iter(list_uses(spec))), model).mean == 900


def test_what_is_expected_of_a_judge_comes_before_its_model():
    judged = {"stage": 1, "judges": [JUDGE]}
    assert forecast(NEVER, {"strict": 90, "j": 80, "subject": 70}, **judged).mean == 90
    assert forecast(NEVER, {"j": 80, "subject": 70}, **judged).mean == 80
    assert forecast(NEVER, {"subject": 70}, **judged).mean == VERDICT


def test_a_number_is_the_whole_output_of_which_a_judge_reads_the_visible_part():
    hidden, plain = forecast(ALWAYS, {"m": 9000}), forecast(NEVER, {"m": 9000})
    assert hidden.mean == plain.mean == 9000
    assert share_in_judge_prompt(hidden, "output") * 9000 == pytest.approx(ANSWER)
    assert share_in_judge_prompt(plain, "output") == 1


def test_a_judge_does_not_read_hidden_reasoning():
    length = forecast(ALWAYS)
    assert share_in_judge_prompt(length, "output") * length.mean == pytest.approx(ANSWER)


@pytest.mark.parametrize("alias", list_aliases())
def test_no_model_that_reasons_is_forecast_by_the_prior_of_those_that_do_not(alias):
    for provider, model_id in provider_ids(alias).items():
        at = builtin_providers()[provider]
        capability = find_capability(at, model_id)
        model = Planned(capability, name=ModelName(alias, provider, model_id, alias))
        for messages in (PREFILLED[:1], PREFILLED):
            model.continues = at.prefill != "none" and capability.prefill is not False
            spec = spec_of(messages=messages)
            length = prior_length(spec, next(iter(list_uses(spec))), model)
            if capability.reasons in ("always", "default"):
                assert length.mean >= (ANSWER + REASONING) / 2, f"{provider}/{alias}"
            elif capability.reasons != "unknown":
                assert length.mean == ANSWER, f"{provider}/{alias}"


def test_a_judge_reads_as_much_of_the_reasoning_as_the_provider_shows():
    shares = {}
    for text in ("full", "summary", "none", "unknown"):
        length = forecast(replace(ALWAYS, text=text))
        shares[text] = share_in_judge_prompt(length, "reasoning")
        assert share_in_judge_prompt(length, "output") * length.mean == pytest.approx(ANSWER)
    assert shares["none"] == 0
    assert shares["full"] == pytest.approx(1 - ANSWER / length.mean)
    assert 0 < shares["summary"] < shares["unknown"] < shares["full"]
    assert share_in_judge_prompt(forecast(replace(NEVER, text="full")), "reasoning") == 0
