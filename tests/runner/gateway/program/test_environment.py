"""A program's environment: addresses lead through the door, and no real key is in it."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from providers.registry import builtin_providers
from runner.gateway.program import (
    DUMMY_KEY,
    guarded_environment,
    list_own_addresses,
    list_ways_around,
    write_shell_lines,
)
from runner.gateway.program.variables import list_addresses

DOOR = "http://127.0.0.1:4567/SECRET"
KEY = "sk-proj-0123456789abcdef"
PROVIDERS = builtin_providers()
PAID = [each for each in PROVIDERS.values() if each.api_key_env]


def guard(**base):
    return guarded_environment(base, DOOR, PROVIDERS)


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("OPENAI_BASE_URL", "/openai/v1"),
        ("OPENAI_API_BASE", "/openai/v1"),
        ("ANTHROPIC_BASE_URL", "/anthropic"),
        ("GOOGLE_GEMINI_BASE_URL", "/google"),
        ("GROQ_BASE_URL", "/groq"),
        ("TOGETHER_BASE_URL", "/together"),
        ("OPENROUTER_API_BASE", "/openrouter/v1"),
        ("XAI_API_BASE", "/x-ai/v1"),
    ],
)
def test_addresses_lead_through_the_door_in_the_form_that_each_client_reads(variable, address):
    assert guard()[variable] == DOOR + address
    assert guard(**{variable: "https://elsewhere.example"})[variable] == DOOR + address


def test_an_address_that_inspect_would_take_for_all_providers_is_removed():
    assert "INSPECT_EVAL_MODEL_BASE_URL" not in guard(
        INSPECT_EVAL_MODEL_BASE_URL="https://x.example"
    )


def test_every_row_is_of_a_provider_and_every_paid_provider_that_is_sent_to_has_one():
    rows = list_addresses()
    assert len({each.variable for each in rows}) == len(rows)
    named = {each.provider for each in rows}
    assert named == {each.name for each in PAID if each.kind != "none"}
    for each in rows:
        assert each.basis in ("tried", "read")
        assert each.clients
        assert not each.behind or each.behind.startswith("/")


@pytest.mark.parametrize("variable", [name for each in PAID for name in each.api_key_env])
def test_a_real_key_is_replaced_wherever_it_stands(variable):
    found = guard(
        **{variable: f"{KEY}\n", "MY_KEY": KEY, "HEADERS": f"Authorization: Bearer {KEY}"}
    )
    assert found[variable] == DUMMY_KEY
    assert found["MY_KEY"] == DUMMY_KEY
    assert found["HEADERS"] == f"Authorization: Bearer {DUMMY_KEY}"
    assert KEY not in "".join(found.values())


@pytest.mark.parametrize(
    "variable",
    [
        "OPENAI_API_KEY_2",
        "OPENAI_API_KEY1",
        "ANTHROPIC_HIGH_PRIORITY_API_KEY",
        "ANTHROPIC_KEY",
        "TOGETHERAI_API_KEY",
        "OPENROUTER_KEY",
        "GOOGLE_API_KEY_2",
        "Gemini_Api_Key",
        "MISTRAL_TOKEN",
    ],
)
def test_further_keys_of_a_provider_are_replaced_too(variable):
    assert guard(**{variable: KEY, "SAME": KEY}) | {variable: DUMMY_KEY, "SAME": DUMMY_KEY} == (
        guard(**{variable: KEY, "SAME": KEY})
    )


def test_what_only_looks_like_a_key_is_left_alone():
    base = {
        "OPENAI_MAX_TOKENS": "4096",
        "DEEPSEEK_EOS_TOKEN": "</s>",
        "HF_TOKEN": "hf_0123456789abcdef",
        "GOOGLE_MAPS_API_KEY": "AIza0123456789abcdef",
        "AWS_SECRET_ACCESS_KEY": "0123456789abcdef",
        "HOME": "/home/me",
        "EMPTY": "",
    }
    found = guard(**base)
    assert {name: found[name] for name in base} == base


def test_a_short_key_does_not_shred_other_values():
    found = guard(OPENAI_API_KEY="none", SHELL_OPTIONS="nonexistent")
    assert found["OPENAI_API_KEY"] == DUMMY_KEY
    assert found["SHELL_OPTIONS"] == "nonexistent"
    found = guard(OPENAI_API_KEY="research", PROJECT="/home/research/x", COPY="research")
    assert (found["PROJECT"], found["COPY"]) == ("/home/research/x", DUMMY_KEY)


def test_keys_are_given_for_those_that_had_one_and_for_those_that_need_none():
    assert "OPENAI_API_KEY" not in guard()
    served = guarded_environment({}, DOOR, PROVIDERS, served=["openai", "google"])
    assert served["OPENAI_API_KEY"] == served["GEMINI_API_KEY"] == served["GOOGLE_API_KEY"]
    assert "ANTHROPIC_API_KEY" not in served
    assert "GOOGLE_API_KEY" not in guard(GEMINI_API_KEY=KEY), "google-genai warns where both are"


def test_other_credentials_and_other_ways_are_removed():
    base = {"ANTHROPIC_AUTH_TOKEN": KEY, "GOOGLE_GENAI_USE_VERTEXAI": "true", "COPY": KEY}
    found = guard(**base)
    assert "ANTHROPIC_AUTH_TOKEN" not in found
    assert "GOOGLE_GENAI_USE_VERTEXAI" not in found
    assert found["COPY"] == DUMMY_KEY
    assert not list_ways_around(base), "what the program does not get leads it nowhere"
    assert list_ways_around({"AZURE_OPENAI_ENDPOINT": "https://x", "AZURE_API_BASE": ""}) == {
        "AZURE_OPENAI_ENDPOINT": "Azure"
    }


@pytest.mark.parametrize(
    ("value", "led"),
    [
        ("https://api.openai.com/v1", "/openai/v1"),
        ("https://api.openai.com/v1/", "/openai/v1/"),
        ("https://api.openai.com/v1/chat/completions", "/openai/v1/chat/completions"),
        ("https://api.anthropic.com", "/anthropic"),
        ("https://openrouter.ai/api/v1", "/openrouter/v1"),
        ("https://api.groq.com/openai/v1", "/groq/v1"),
        ("https://generativelanguage.googleapis.com/v1beta", "/google/v1beta"),
        ("https://generativelanguage.googleapis.com", "/google"),
        ("https://api.openai.com.attacker.example/v1", None),
        ("http://localhost:8000/v1", None),
        ("https://example.org/https://api.openai.com/v1", None),
        ("see https://api.openai.com/v1", None),
    ],
)
def test_a_variable_of_the_programs_own_with_a_providers_address_leads_through_the_door(value, led):
    assert guard(MY_BASE=value)["MY_BASE"] == (value if led is None else DOOR + led)


def test_a_server_of_ones_own_is_named():
    base = {
        "OPENAI_BASE_URL": "http://gpu:8000/v1",
        "OPENAI_API_BASE": "https://api.openai.com/v1",
        "ANTHROPIC_BASE_URL": "",
        "OTHER": "x",
    }
    assert list_own_addresses(base, PROVIDERS) == {"OPENAI_BASE_URL": "openai"}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": "a.example, localhost"}, "a.example,localhost,127.0.0.1"),
        ({"no_proxy": "a.example"}, "a.example,127.0.0.1,localhost"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_requests_to_the_door_go_through_no_proxy(base, expected):
    found = guard(HTTPS_PROXY="http://proxy:3128", **base)
    assert found["NO_PROXY"] == found["no_proxy"] == expected
    assert found["HTTPS_PROXY"] == "http://proxy:3128"


AWKWARD = {"A": "it's", "B": "two\nlines", "C": '$HOME `id` \\ "x" %PATH%', "D": ""}


@pytest.mark.parametrize("shell", ["sh", "fish", "powershell"])
def test_lines_for_a_shell_make_the_same_environment(shell):
    program = {"powershell": "pwsh"}.get(shell, shell)
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here")
    base = {"PATH": os.environ["PATH"], "GONE": "x", "KEPT": "y", "HOME": os.environ["HOME"]}
    guarded = {"PATH": base["PATH"], "KEPT": "y", "HOME": base["HOME"]} | AWKWARD
    lines = write_shell_lines(base, guarded, shell)
    assert not [line for line in lines if "KEPT" in line]
    script = "\n".join([*lines, "env -0"])
    told = subprocess.run(
        [program, "-c", script], env=base, capture_output=True, text=True, check=True
    )
    found = dict(line.split("=", 1) for line in told.stdout.split("\0") if line)
    assert {name: found[name] for name in guarded} == guarded
    assert "GONE" not in found


def test_lines_for_powershell_quote_as_it_does():
    lines = write_shell_lines({"GONE": "x"}, {"A": "it's $x"}, "powershell")
    assert lines == [
        "Remove-Item Env:GONE -ErrorAction SilentlyContinue",
        "$env:A = 'it''s $x'",
    ]
