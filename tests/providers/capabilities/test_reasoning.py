"""Whether a request reasons, by its model's default and by each form in which it can be asked."""

from __future__ import annotations

import pytest

from providers.capabilities import ReasoningState, find_reasoning, reasoning
from tests.providers.capabilities.sample_records import (
    ADAPTIVE,
    ALWAYS,
    DEFAULT,
    NEVER,
    ON_REQUEST,
    SWITCH,
    UNKNOWN,
    WAYS,
    record,
)


@pytest.fixture(autouse=True)
def _own_ways(monkeypatch):
    monkeypatch.setattr(reasoning, "load_ways", lambda: WAYS)


OFF = [
    {"reasoning": "off"},
    {"reasoning": False},
    {"reasoning": "none"},
    {"reasoning": {"enabled": False}},
    {"reasoning": {"effort": "none"}},
    {"reasoning_effort": "none"},
    {"thinking": {"type": "disabled"}},
    {"thinking": {"type": "between_tools"}},
    {"enable_thinking": False},
    {"thinking_budget": 0},
    {"thinkingConfig": {"thinkingBudget": 0}},
    {"chat_template_kwargs": {"enable_thinking": False}},
    {"chat_template_kwargs": {"thinking": False}},
    {"disable_reasoning": True},
    {"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}},
    {"extra": {"reasoning_effort": "none"}},
]
ON = [
    ({"reasoning": "high"}, "high", None),
    ({"reasoning": {"effort": "high", "exclude": True}}, "high", None),
    ({"reasoning": {"max_tokens": 2000}}, "", 2000),
    ({"reasoning": {"enabled": True}}, "medium", None),
    ({"reasoning": "on"}, "medium", None),
    ({"reasoning_effort": "minimal"}, "minimal", None),
    ({"reasoning_effort": "default"}, "medium", None),
    ({"reasoning_effort": 4000}, "", 4000),
    ({"thinking": {"type": "enabled", "budget_tokens": 4000}}, "", 4000),
    ({"thinking": {"type": "enabled"}, "reasoning_effort": "low"}, "low", None),
    ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max", None),
    ({"enable_thinking": True, "thinking_budget": 500}, "", 500),
    ({"thinking_budget": -1}, "medium", None),
    ({"chat_template_kwargs": {"enable_thinking": True}}, "medium", None),
    ({"chat_template_kwargs": {"thinking": True, "reasoning_effort": "low"}}, "low", None),
    ({"extra": {"enable_thinking": True}}, "medium", None),
]


@pytest.mark.parametrize("sampling", OFF, ids=str)
def test_off_in_any_form_counts_where_a_model_can_stop(sampling):
    assert find_reasoning(DEFAULT, sampling) == ReasoningState(on=False, asked=True)
    assert find_reasoning(ON_REQUEST, sampling) == ReasoningState(on=False, asked=True)
    assert find_reasoning(ALWAYS, sampling) == ReasoningState(on=True, level="low", asked=True)


@pytest.mark.parametrize(("sampling", "level", "budget"), ON, ids=str)
def test_on_in_any_form_counts_with_its_level_or_budget(sampling, level, budget):
    assert find_reasoning(DEFAULT, sampling) == ReasoningState(
        on=True, level=level, budget=budget, asked=True
    )


@pytest.mark.parametrize("sampling", [*OFF, *(each for each, _, _ in ON)], ids=str)
def test_a_model_that_never_reasons_does_not_whatever_is_asked(sampling):
    assert find_reasoning(NEVER, sampling) == ReasoningState(on=False)


@pytest.mark.parametrize(
    "sampling",
    [
        {},
        {"temperature": 1},
        {"reasoning": None},
        {"reasoning": {"exclude": True}},
        {"reasoning_format": "raw", "include_reasoning": False},
        {"output_config": {"format": {}}},
        {"chat_template_kwargs": {"style": "short"}},
        {"disable_reasoning": False},
    ],
    ids=str,
)
def test_without_a_word_about_reasoning_the_default_counts(sampling):
    assert find_reasoning(ALWAYS, sampling) == ReasoningState(on=True, level="medium")
    assert find_reasoning(DEFAULT, sampling) == ReasoningState(on=True, level="medium")
    assert find_reasoning(ADAPTIVE, sampling) == ReasoningState(on=False)
    assert find_reasoning(UNKNOWN, sampling) == ReasoningState(on=None)


def test_a_level_alone_does_not_turn_thinking_on():
    effort = {"output_config": {"effort": "low"}}
    assert find_reasoning(ADAPTIVE, effort) == ReasoningState(on=False)
    assert find_reasoning(DEFAULT, effort) == ReasoningState(on=True, level="low", asked=True)


def test_default_that_cannot_stop_goes_on():
    stuck = record(reasons="default", asked_by="effort", levels=("low", "high"))
    assert find_reasoning(stuck, {"reasoning": "off"}).on is True


def test_off_is_not_believed_of_a_model_of_which_nothing_is_known():
    assert find_reasoning(UNKNOWN, {"reasoning": "off"}).on is None
    known_way = record(asked_by="switch")
    assert find_reasoning(known_way, {"reasoning": "off"}).on is False
    assert find_reasoning(SWITCH, {"reasoning": "off"}).on is False


@pytest.mark.parametrize(
    ("max_tokens", "budget"), [(100_000, 8192), (4096, 2048), (None, 8192), (1100, 1024)]
)
def test_a_level_of_a_model_that_takes_only_numbers_has_its_tokens(max_tokens, budget):
    state = find_reasoning(ON_REQUEST, {"max_tokens": max_tokens, "reasoning": "medium"})
    assert state == ReasoningState(on=True, level="medium", budget=budget, asked=True)


@pytest.mark.parametrize("value", [3, [], {"effort": 3}, {"max_tokens": "x"}, {"depth": 1}])
def test_what_is_no_form_of_it_does_not_break_the_question(value):
    assert find_reasoning(DEFAULT, {"reasoning": value}).on is True
