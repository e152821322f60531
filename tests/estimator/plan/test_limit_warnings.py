"""A `max_tokens` that would cut off many answers is named, with one that would not."""

from __future__ import annotations

import re

import numpy as np
import pytest

from estimator.forecast import MeasuredCalls
from estimator.forecast.priors import prior_length
from estimator.plan.limit_warnings import list_limit_warnings
from estimator.workload import StratumKey
from experiment.definition import list_uses
from pricing.catalog import ModelName
from providers.capabilities import Capability
from tests.estimator.forecast.planned_models import JUDGE, Planned, spec_of

ALWAYS = Capability(reasons="always")
NEVER = Capability(reasons="never")
WAYS = {"way": {"cot": {}, "no-cot": {}}}


def warn(capability, max_tokens, expect=None, calls=None, **fields):
    spec = spec_of(expect, sampling={"max_tokens": max_tokens}, **fields)
    model = Planned(capability, name=ModelName("m", "lab", "m", "m"))
    models = {"m": model, "j": model}
    lengths = {
        StratumKey(use.stage, use.model, use.condition.name): prior_length(spec, use, model)
        for use in list_uses(spec)
    }
    measured = dict.fromkeys(lengths, calls) if calls else {}
    return list(list_limit_warnings(spec, models, lengths, measured))


def made_calls(output, limit, cut=()):
    """Return measured calls of as many queries, of which some ended at their limit."""
    number = len(output)
    is_cut = np.isin(np.arange(number), cut)
    queries, limits = np.arange(number), np.full(number, limit)
    return MeasuredCalls(
        queries, np.array(output), np.zeros(number), limits, is_cut, "pilot", "a pilot"
    )


def numbers(text):
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", text)]


def test_a_model_that_reasons_needs_more_than_the_built_in_limit():
    (warning,) = warn(ALWAYS, 4096, {"subject": "scratchpad"})
    limit, share, enough, _ = numbers(warning)
    assert limit == 4096
    assert 20 <= share <= 50
    assert "may be empty" in warning
    assert warn(ALWAYS, enough, {"subject": "scratchpad"}) == []
    assert enough == 10_000


def test_measured_answers_say_for_themselves_what_is_cut_off():
    calls = made_calls([60, 70, 80, 90, 1700, 100, 110, 120, 130, 140], 4096)
    (warning,) = warn(NEVER, 200, calls=calls)  # their mean is above the limit, one in ten is not
    assert "would cut off about 10% of the answers, as measured; 2,000 would be enough" in warning
    assert warn(NEVER, 2000, calls=calls) == []
    assert warn(ALWAYS, 200, calls=made_calls([60] * 10, 4096)) == []


def test_a_measured_answer_may_be_longer_than_one_of_its_turns():
    calls = made_calls([60, 70, 80, 300, 350], 3 * 200)
    assert warn(NEVER, 200, calls=calls)
    assert warn(NEVER, 200, calls=calls, answer={"output": "out", "turns": 3}) == []


def test_how_long_answers_become_that_were_all_cut_off_is_not_known():
    calls = made_calls([8] * 10, 8, cut=range(10))
    (warning,) = warn(NEVER, 8, calls=calls)
    assert "would cut off nearly all of the answers, as measured; how much they need" in warning
    assert "was not measured" in warning
    assert "would be enough" not in warning


@pytest.mark.parametrize("kind", ["answer", "scratchpad"])
def test_a_model_that_does_not_reason_is_fine_with_the_built_in_limit(kind):
    assert warn(NEVER, 4096, {"subject": kind}) == []


def test_only_conditions_that_are_cut_off_are_named():
    (warning,) = warn(NEVER, 2000, {"cot": "scratchpad"}, factors=WAYS)
    assert "answers in cot, by" in warning
    assert "empty" not in warning
    (warning,) = warn(ALWAYS, 2000, {"cot": "scratchpad"}, factors=WAYS)
    assert "answers, by" in warning


@pytest.mark.parametrize(("capability", "warns"), [(ALWAYS, True), (NEVER, False)])
def test_a_verdict_needs_room_for_hidden_reasoning(capability, warns):
    found = warn(capability, 100_000, judges=[JUDGE])
    assert [("judge strict" in text, "max_tokens 500" in text) for text in found] == (
        [(True, True)] if warns else []
    )


def test_ten_tokens_are_no_verdict_at_all():
    judge = JUDGE | {"sampling": {"max_tokens": 10}}
    for capability in (ALWAYS, NEVER):
        (warning,) = warn(capability, 100_000, judges=[judge])
        assert "nearly all of the replies of judge strict" in warning


def test_models_with_the_same_limit_are_named_in_one_warning():
    spec = spec_of({"subject": "scratchpad"}, models=["a", "b"], sampling={"max_tokens": 4096})
    models = {name: Planned(ALWAYS, name=ModelName(name, "lab", name, name)) for name in "ab"}
    lengths = {
        StratumKey(use.stage, use.model, use.condition.name): prior_length(
            spec, use, models[use.model]
        )
        for use in list_uses(spec)
    }
    (warning,) = list_limit_warnings(spec, models, lengths)
    assert warning.startswith("max_tokens 4,096 would cut off many of the answers, by the forecast")
    for name in ("lab/a", "lab/b"):
        assert f"{name} about 25% (10,000 would be enough for 95% of them)" in warning


def test_no_limit_is_proposed_that_the_model_refuses():
    (warning,) = warn(Capability(reasons="always", max_output=4096), 2000)
    assert "4,096, the most that it takes, would still cut off about 25%" in warning


def test_a_limit_that_is_the_models_own_is_not_to_be_raised():
    (warning,) = warn(Capability(reasons="always", max_output=4096), 4096)
    assert warning.endswith("it takes no more, so ask for less text or less reasoning")


def test_a_number_that_the_user_expects_counts():
    (warning,) = warn(NEVER, 4096, {"m": 9000})
    assert numbers(warning)[2] > 9000


def test_a_budget_of_reasoning_leaves_no_more_to_cut_off():
    spec = {"sampling": {"max_tokens": 6000, "reasoning": {"max_tokens": 4000}}}
    made = spec_of(**spec)
    model = Planned(Capability(reasons="on_request"))
    (use,) = list_uses(made)
    lengths = {StratumKey("subject", "m", "all"): prior_length(made, use, model)}
    assert list(list_limit_warnings(made, {"m": model}, lengths)) == []
