"""Every priced model with an alias: what is planned would be accepted.

A seeded tenth by default, all of it as a campaign. `python -m tests.strict.report` shows the same
with every disagreement and its source.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter

import pytest

from estimator.plan import EstimateOptions, estimate_experiment
from experiment.definition import Overrides, builtin_folder
from tests.strict.campaign import (
    ABSENT,
    ACCEPTED,
    DAY,
    FIELDS,
    LEVELS,
    PLAIN,
    REFUSALS,
    REFUSED,
    SENT,
    VARIANTS,
    Pair,
    Result,
    choose_room,
    has_level,
    list_pairs,
    run_campaign,
)
from tests.strict.report import format_disagreements, format_totals, share_refused
from tests.strict.server import run_strict_provider

MOST_REFUSED = 0.10  # of the requests whose level exists
FLAGSHIPS = {
    *("claude-opus-5.5", "claude-sonnet-5.5", "claude-haiku-5.5", "claude-fable-5.2"),
    *("gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra", "gpt-5.6-sol"),
    *("gemini-3.1-pro", "gemini-3.8-flash", "gemini-4-argon", "grok-4.3", "grok-4.7"),
    *("deepseek-v4-pro", "deepseek-v4-pro-0813", "deepseek-v4.1-flash", "kimi-k3", "kimi-k2.6"),
    *("glm-5", "glm-5.3", "minimax-m3", "qwen3.8-27b", "qwen3.6-27b", "qwen3.5-397b-a17b"),
    *("mistral-large-4", "mistral-medium-3.5", "gpt-oss-120b", "gemma-4-31b", "llama-4-maverick"),
}


def choose_tenth() -> list[Pair]:
    """Return every tenth pair of each provider in a seeded order, one at least."""
    chosen: list[Pair] = []
    for provider in sorted({pair.provider for pair in list_pairs()}):
        own = [pair for pair in list_pairs() if pair.provider == provider]
        random.Random(13).shuffle(own)
        chosen += own[: max(1, len(own) // 10)]
    return chosen


def explain(results: list[Result]) -> str:
    return "\n".join(["", *format_totals(results), "", *format_disagreements(results)])


@pytest.fixture(scope="module")
def tenth() -> list[Result]:
    return run_campaign(choose_tenth())


@pytest.fixture(scope="module")
def everything() -> list[Result]:
    return run_campaign(list_pairs())


def check(results: list[Result]) -> None:
    """Assert that nothing is sent that is refused, and that little is refused here."""
    assert len(results) >= 200
    sent = [result for result in results if result.status == SENT]
    assert not sent, explain(sent)
    counts = Counter(result.status for result in results)
    assert share_refused(counts) <= MOST_REFUSED, explain(results)
    assert counts[ACCEPTED] > len(results) / 3, explain(results)


def test_what_is_planned_for_a_tenth_of_the_models_would_be_accepted(tenth):
    check(tenth)


@pytest.mark.campaigns
def test_what_is_planned_for_every_model_would_be_accepted(everything):
    check(everything)


def test_no_other_field_is_sent_that_would_be_refused():
    results = run_campaign(choose_tenth(), tuple(FIELDS))
    sent = [result for result in results if result.status == SENT]
    assert not sent, explain(sent)


@pytest.mark.campaigns
def test_no_other_field_is_sent_that_would_be_refused_by_any_model():
    results = run_campaign(list_pairs(), tuple(FIELDS))
    sent = [result for result in results if result.status == SENT]
    assert not sent, explain(sent)
    assert len(results) == len(FIELDS) * len(list_pairs())


def test_no_flagship_is_refused_the_built_in_experiment():
    flagships = [pair for pair in list_pairs() if pair.alias in FLAGSHIPS]
    results = run_campaign(flagships, PLAIN)
    assert {pair.alias for pair in flagships} == FLAGSHIPS
    wrong = [result for result in results if result.status in (REFUSED, SENT)]
    assert not wrong, explain(wrong)


def test_no_model_is_refused_the_built_in_experiment():
    results = run_campaign(list_pairs(), ("built-in",))
    wrong = [result for result in results if result.status == REFUSED]
    assert not wrong, explain(wrong)


def test_a_flagship_that_reasons_takes_a_level_that_it_has():
    """One level at least is not refused, wherever the rules have one."""
    for pair in (each for each in list_pairs() if each.alias in FLAGSHIPS):
        levels = [level for level in LEVELS if has_level(pair, level)]
        statuses = {result.status for result in run_campaign([pair], levels)}
        assert not levels or ACCEPTED in statuses, pair.written


ESTIMATED = random.Random(13).sample(
    [(pair, variant) for pair in choose_tenth() for variant in VARIANTS if variant != "as judge"],
    12,
)


@pytest.mark.parametrize(
    ("pair", "variant"), ESTIMATED, ids=[f"{pair.written} {variant}" for pair, variant in ESTIMATED]
)
def test_an_estimate_refuses_what_the_campaign_says_that_it_refuses(tmp_path, pair, variant):
    """The campaign builds requests; the estimate itself must agree about which cannot be sent."""
    copied = shutil.copytree(builtin_folder(), tmp_path / "own")
    asked = "{max_tokens: 2000}" if variant == "budget" else f'"{variant}"'
    path = copied / "experiment.yaml"
    if variant not in PLAIN:
        text = path.read_text(encoding="utf-8")
        room = f"max_tokens: {choose_room(pair)}, reasoning: {asked}"
        path.write_text(text.replace("max_tokens: 4096", room), encoding="utf-8")
    refused = {result.status for result in run_campaign([pair], [variant])} <= {ABSENT, REFUSED}
    said = explain_refusal(path, pair)
    assert bool(said) == refused, said


def explain_refusal(path, pair: Pair) -> str:
    """Return why an estimate refuses an experiment; empty where it does not."""
    options = EstimateOptions(use_cache=False)
    try:
        estimate_experiment(str(path), DAY, Overrides(models=(pair.written,), limit=1), options)
    except REFUSALS as error:
        return str(error)
    return ""


# By API: chat completions of five kinds, Messages, and what is sent to Google.
RUN = [
    ("openai", "gpt-6.1-sol"),
    ("anthropic", "claude-opus-5-5"),
    ("google", "gemini-3.8-flash"),
    ("openrouter", "z-ai/glm-5.3"),
    ("mistral", "mistral-large-2512"),
]
RUN_IN_CAMPAIGNS = [
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-haiku-4-5"),
    ("google", "gemini-2.5-flash"),
    ("openrouter", "anthropic/claude-opus-4.8"),
    ("moonshotai", "kimi-k3"),
    ("x-ai", "grok-4.3"),
    ("deepseek", "deepseek-v4-pro"),
    ("zai", "GLM-5.3"),
    ("groq", "openai/gpt-oss-120b"),
    ("deepinfra", "anthropic/claude-opus-4-8"),
]


@pytest.mark.parametrize(
    ("provider", "model"),
    [*RUN, *(pytest.param(*each, marks=pytest.mark.campaigns) for each in RUN_IN_CAMPAIGNS)],
)
def test_a_real_run_is_answered_in_full(lab, provider, model):
    """The same over HTTP, with the real command: the model is the subject and the judge."""
    name = f"{provider}/{model}"
    with run_strict_provider() as strict:
        where = f'{{base_url: "{strict.url}/{provider}/v1", api_key_env: LAB_KEY}}'
        experiment = lab.init(**{provider: where})
        text = experiment.read_text(encoding="utf-8").replace("openai/gpt-4o-mini", name)
        experiment.write_text(text, encoding="utf-8")
        lab.prices(**{name: '{input: "0.5", output: "1"}'})
        lab.plan("af/experiment.yaml", "-m", name, "--limit", "1")
        lab.afcost("approve", "plan.json", "--cap", "1", "--yes")
        lab.afcost("run", "plan.json")
        assert strict.refusals == []
        assert strict.accepted == 8
