"""`afcost models`: what each model takes, as a researcher reads it and as a program does."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering import model_view
from afcost.rendering.model_facts import ModelCapability, list_facts
from pricing.catalog import ModelName, list_aliases
from providers.capabilities import Capability, FieldRule
from providers.registry import builtin_providers

EVERYTHING = Capability(
    reasons="default",
    levels=("low", "high"),
    default_level="high",
    stops=True,
    budget=(1024, 32000),
    text="summary",
    counted="apart",
    fields={
        "temperature": FieldRule(low=0, high=2),
        "stop": FieldRule(name="stop_sequences", most=4),
        "top_k": FieldRule("ignored"),
        "logit_bias": FieldRule("refused"),
        "speed": FieldRule(only=("standard", "fast")),
    },
    while_reasoning={"temperature": FieldRule("own")},
    exclusive=(("temperature", "top_p"),),
    limit_field="max_output_tokens",
    max_output=64000,
    prefill_space=False,
    endpoint="responses",
    fee="$10 per 1,000 searches",
    notes=("ends in May",),
    sources=("the SDK's types",),
    sure="medium",
    responses_levels=("max",),
    least_output=16,
    limit_bounds_reasoning=False,
)


def model_of(takes: Capability, provider: str = "anthropic") -> ModelCapability:
    name = ModelName("m", provider, "m", "m")
    return ModelCapability(name, builtin_providers()[provider], takes, 200_000)


def test_every_fact_of_a_record_is_said_in_words():
    text = "\n".join(f"{label} {fact}" for label, fact in list_facts(model_of(EVERYTHING)))
    for said in (
        "by default, at level high by itself; can be turned off",
        "reasoning: off | low | high | max (Responses API) | {max_tokens: 1,024 to 32,000}",
        "a summary of it comes back; counted apart from the output",
        "temperature (0 to 2), stop (as stop_sequences, at most 4)",
        "left out, as it has no effect: top_k",
        "refused: logit_bias",
        "reasoning taken: none",
        "left out, as the model sets it itself: temperature",
        "only one temperature | top_p",
        "sent as max_output_tokens; at most 64,000 tokens, at least 16",
        "it does not bound the reasoning",
        "speed (only standard, fast)",
        "not while reasoning; no white space at its end",
        "endpoint responses",
        "fee $10 per 1,000 searches",
        "note ends in May",
        "source the SDK's types",
        "certainty medium",
    ):
        assert said in text


def test_a_model_that_reasons_always_cannot_be_told_not_to():
    text = str(list(list_facts(model_of(Capability(reasons="always", levels=("low",))))))
    assert "cannot be turned off" in text
    assert "off |" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_record_fits_a_terminal(monkeypatch, capsys, width):
    def terminal() -> Console:
        return Console(force_terminal=True, no_color=True, width=width, highlight=False)

    monkeypatch.setattr(draw, "stdout", terminal)
    model_view.show_model(model_of(EVERYTHING))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width + len("\x1b[1m\x1b[0m")
    assert len(lines) > 15


@pytest.mark.parametrize("width", [80, 120])
def test_the_list_fits_a_terminal_and_cuts_nothing(monkeypatch, afcost, width):
    def terminal() -> Console:
        return Console(force_terminal=True, no_color=True, width=width, highlight=False)

    monkeypatch.setattr(draw, "stdout", terminal)
    shown, _ = afcost("models", "list", "llama")
    assert max(map(len, shown.splitlines())) <= width + len("\x1b[2m\x1b[0m")
    assert "…" not in shown


def test_a_record_as_json_has_every_attribute(afcost):
    shown = json.loads(afcost("models", "show", "openai/gpt-5", "--format", "json")[0])
    assert (shown["schema"], shown["model_id"]) == ("afcost.model/1", "gpt-5")
    assert set(shown["takes"]) == set(Capability.__slots__)
    assert shown["takes"]["reasons"] == "always"
    assert all(rule["taken"] for rule in shown["takes"]["fields"].values())


def test_every_alias_is_in_the_list_once(afcost):
    listed = json.loads(afcost("models", "list", "--format", "json")[0])["models"]
    assert [each["model"] for each in listed] == list_aliases()
    rows = afcost("models", "list", "--format", "md")[0].splitlines()
    assert len(rows) == len(listed) + 2


def test_the_models_of_a_provider_are_those_that_it_serves(afcost):
    listed = json.loads(afcost("models", "list", "--provider", "groq", "--format", "json")[0])
    assert listed["models"]
    assert {each["provider"] for each in listed["models"]} == {"groq"}
    for command in ("models", "prices"):
        _, said = afcost(command, "list", "--provider", "nosuch", ends=2)
        assert "known providers: " in said


@pytest.mark.parametrize("command", ["models", "prices"])
def test_a_provider_is_named_as_in_other_tools(afcost, command):
    listed = [afcost(command, "list", "--provider", name)[0] for name in ("bedrock", "aws")]
    assert "claude" in listed[0]
    assert listed[0] == listed[1]


def test_where_no_model_is_listed_the_way_to_another_is(afcost):
    shown, _ = afcost("models", "list", "--provider", "azure")
    assert shown.startswith("No listed model at azure")
    assert "afcost models show azure/ID" in shown
    assert "No listed model matches 'nosuch'." in afcost("models", "list", "nosuch")[0]


@pytest.mark.parametrize(
    "name", ["gpt-4.1-2025-04-14", "openrouter/openai/gpt-5", "claude-haiku-4.5"]
)
def test_names_are_resolved_as_everywhere(afcost, name):
    priced = json.loads(afcost("prices", "show", name, "--format", "json")[0])
    shown = json.loads(afcost("models", "show", name, "--format", "json")[0])
    assert [shown[key] for key in ("provider", "model", "model_id")] == [
        priced[key] for key in ("provider", "model", "model_id")
    ]


def test_an_unknown_name_is_refused_as_everywhere(afcost):
    assert "'nosuch' is unknown" in afcost("models", "show", "nosuch", ends=1)[1]


def test_a_known_model_is_shown_without_the_slow_imports():
    program = (
        "import sys; from afcost.cli import run_cli; code = run_cli(['models', 'show', 'gpt-5']); "
        "slow = {'pandas', 'genai_prices', 'scipy', 'aiohttp'} & set(sys.modules); "
        "sys.exit(f'imported {slow}' if slow else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
