"""Hidden reasoning is named: which model does it, and which condition is none without it."""

from __future__ import annotations

import pytest

from estimator.plan.reasoning_notes import list_reasoning_notes, list_unreasoned_conflicts
from pricing.catalog import ModelName
from providers.capabilities import Capability
from tests.estimator.forecast.planned_models import JUDGE, Planned, spec_of

CROSSED = {"factors": {"tier": {"free": {}, "paid": {}}, "way": {"written": {}, "bare": {}}}}
EXPECTED = {"written": "scratchpad", "bare": "answer"}
ALWAYS = Capability(reasons="always", default_level="medium")
BY_DEFAULT = Capability(reasons="default", stops=True, text="summary")


def note(capability, **sampling):
    spec = spec_of(sampling={"max_tokens": 10} | sampling)
    return list(list_reasoning_notes(spec, {"m": Planned(capability)}))


@pytest.mark.parametrize(
    ("capability", "sampling", "said"),
    [
        (ALWAYS, {}, "always reasons before it answers, level medium"),
        (BY_DEFAULT, {}, "reasons by default before it answers; a summary of it comes back"),
        (BY_DEFAULT, {"reasoning": "high"}, "reasons, as asked, before it answers, level high"),
        (BY_DEFAULT, {"reasoning": {"max_tokens": 2000}}, "at most 2,000 tokens"),
        (BY_DEFAULT, {"reasoning": "off"}, "does not reason before it answers: turned off"),
        (Capability(reasons="on_request"), {}, "does not reason before it answers unless asked to"),
        (Capability(reasons="never"), {}, "does not reason before it answers"),
        (Capability(), {}, "may reason before it answers, which is not known"),
    ],
)
def test_each_model_is_said_to_reason_or_not(capability, sampling, said):
    (text,) = note(capability, **sampling)
    assert text.startswith("lab/m ")
    assert said in text


def test_models_that_reason_alike_are_named_together():
    spec = spec_of(models=["a", "b", "c"], sampling={"max_tokens": 10})
    models = {
        name: Planned(capability, name=ModelName(name, "lab", name, name))
        for name, capability in {"a": ALWAYS, "b": BY_DEFAULT, "c": ALWAYS}.items()
    }
    alike, other = list_reasoning_notes(spec, models)
    assert alike.startswith("lab/a, lab/c: each always reasons before it answers")
    assert other.startswith("lab/b reasons by default")


def test_a_model_that_reasons_as_a_judge_only_is_said_to_do_so_there():
    judge = JUDGE | {"model": "m", "sampling": {"max_tokens": 10, "reasoning": "high"}}
    spec = spec_of(judges=[judge])
    plain, asked = list_reasoning_notes(spec, {"m": Planned(Capability(reasons="on_request"))})
    assert plain.endswith("(all)")
    assert asked.endswith("(judge strict)")


def conflicts(capability, expect=EXPECTED, sampling=None, **fields):
    spec = spec_of(expect, sampling={"max_tokens": 10} | (sampling or {}), **(CROSSED | fields))
    return list(list_unreasoned_conflicts(spec, {"m": Planned(capability)}))


def test_a_condition_without_a_scratchpad_is_none_on_a_model_that_reasons():
    (text,) = conflicts(ALWAYS)
    assert text.startswith("lab/m: conditions free/bare, paid/bare are not without reasoning")
    assert "cannot be turned off" in text
    (text,) = conflicts(BY_DEFAULT)
    assert "turn it off there with `sampling: {reasoning: off}`" in text


@pytest.mark.parametrize("reasons", ["on_request", "unknown"])
def test_a_model_that_was_asked_to_reason_need_not_be_asked(reasons):
    (text,) = conflicts(Capability(reasons=reasons), sampling={"reasoning": "high"})
    assert "turn it off there with `sampling: {reasoning: off}`" in text


def test_models_that_conflict_alike_are_named_together():
    spec = spec_of(EXPECTED, models=["a", "b", "c"], sampling={"max_tokens": 10}, **CROSSED)
    models = {
        name: Planned(capability, name=ModelName(name, "lab", name, name))
        for name, capability in {"a": ALWAYS, "b": BY_DEFAULT, "c": ALWAYS}.items()
    }
    cannot, can = list_unreasoned_conflicts(spec, models)
    assert cannot.startswith("lab/a, lab/c: conditions free/bare, paid/bare are not")
    assert can.startswith("lab/b: ")


@pytest.mark.parametrize(
    ("capability", "sampling"),
    [
        (BY_DEFAULT, {"reasoning": "off"}),
        (Capability(reasons="on_request"), {}),
        (Capability(reasons="never"), {}),
    ],
)
def test_it_is_one_where_the_model_does_not_reason(capability, sampling):
    assert conflicts(capability, sampling=sampling) == []


def test_a_level_that_is_named_so_needs_no_expectation():
    factors = {"way": {"cot": {}, "no-cot": {}}}
    (text,) = conflicts(ALWAYS, {}, factors=factors)
    assert "condition no-cot is not without reasoning" in text
    assert conflicts(ALWAYS, {}) == []
