"""Real clients, unchanged, under `afcost guard`: whole answers, and a ledger that is the bill.

`nox -s clients` runs these; each kind of client is installed in an environment of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import pytest

from providers.registry import builtin_providers
from tests.clients.environments import CLIENTS, INTERCEPTED, Clients, find_folder
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
TEXT = "This is what the provider says, in more than a few words."
REAL_KEY = "sk-real-0123456789abcdef"
IN, OUT = Decimal(3), Decimal(15)
LIMIT = 64
LLAMA, LLAMA_TURBO = "meta-llama/llama-3.1-8b-instruct", "meta-llama/Llama-3.3-70B-Instruct-Turbo"
LLAMA_FIREWORKS = "accounts/fireworks/models/llama-v3p1-8b-instruct"
# provider -> the model that the scripts ask it for.
MODELS = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5",
    "google": "gemini-2.5-flash",
    "openrouter": LLAMA,
    "groq": "llama-3.1-8b-instant",
    "together": LLAMA_TURBO,
    "deepseek": "deepseek-chat",
    "x-ai": "grok-4",
    "fireworks": LLAMA_FIREWORKS,
    "mistral": "mistral-small-latest",
    "cerebras": "llama3.1-8b",
    "deepinfra": "meta-llama/Meta-Llama-3.1-8B-Instruct",
    "novita": LLAMA,
    "moonshotai": "kimi-k2",
}
ALSO = ("together/llama-3.1-8b-instant",)  # Together's own client asks for Groq's
THREE = {"openai", "anthropic", "google"}
PROVIDERS = {
    "official": THREE,
    "langchain": THREE,
    "javascript": THREE,
    "frameworks": {"openai", "anthropic"},
    "inspect": THREE | {"groq", "together", "openrouter", "fireworks", "deepseek"},
    "litellm": set(MODELS),
    "mistral": {"mistral"},
}
# LiteLLM's script goes on with the next model where one is refused; the others end there.
REFUSED = {"litellm": 14}
CAP = Decimal("0.0024")  # of two calls, and not of three
PROMPT = 64  # tokens that each is billed, more than any of them has


@pytest.fixture(scope="module")
def provider():
    with run_provider(
        Behaviour(text=TEXT, api_key=REAL_KEY, tier="default", input_tokens=PROMPT)
    ) as provider:
        yield provider


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return find_folder(tmp_path_factory.mktemp("clients"))


def guard(
    provider_url: str,
    folder: Path,
    cap: Decimal,
    command: list[str],
    *more: str,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """Run a command under `afcost guard`, with real keys in the environment that it is given."""
    keys = {name: REAL_KEY for each in builtin_providers().values() for name in each.api_key_env}
    del keys["GOOGLE_API_KEY"]  # google-genai warns where there are two
    kept = ("PATH", "HOME", "PYTHONPATH")
    base = {name: os.environ[name] for name in kept if name in os.environ} | keys
    base |= {"AFCOST_HOME": str(folder / "home"), **environment}
    options = [*more, "--cap", f"{cap}", "--default-max-tokens", f"{LIMIT}", "--run-dir", "run"]
    for name, model in MODELS.items():
        version = "v1beta" if name == "google" else "v1"
        options += ["--upstream", f"{name}={provider_url}/{version}", "--send-key", name]
        options += ["--price", f"{name}/{model}={IN}/{OUT}"]
    options += [word for name in ALSO for word in ("--price", f"{name}={IN}/{OUT}")]
    command = [sys.executable, "-m", "afcost", "guard", *options, "--", *command]
    return subprocess.run(
        command, cwd=folder, env=base, capture_output=True, text=True, check=False
    )


def report(folder: Path) -> dict:
    command = [sys.executable, "-m", "afcost", "report", "run", "--format", "json"]
    home = {"AFCOST_HOME": str(folder / "home")}
    done = subprocess.run(
        command, cwd=folder, env=os.environ | home, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def dollars(bill) -> Decimal:
    return (bill.input_tokens * IN + bill.output_tokens * OUT) / 1_000_000


def check_ledger_is_bill(folder: Path, bill) -> dict:
    told = report(folder)
    assert Decimal(told["spent_usd"]) == dollars(bill)
    assert told["attempts"]["settled"] == len(bill.calls)
    assert told["attempts"]["held"] == 0
    return told


def make_command(clients: Clients, folder: Path, told: Path) -> list[str]:
    if not clients.is_python and shutil.which("npm") is None:
        pytest.skip("Node is not here")
    return [*clients.install(folder), str(told)]


def check_answers(clients: Clients, provider, folder: Path, tmp_path: Path, *options: str) -> None:
    """Run a script of clients, and check its answers and the ledger."""
    command = make_command(clients, folder, tmp_path / "told")
    provider.reset()
    done = guard(provider.url, tmp_path, Decimal(1), command, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused" not in done.stderr, done.stderr
    assert "gateway" not in done.stderr, done.stderr
    answers = json.loads((tmp_path / "told").read_text())
    assert not {name: text for name, text in answers if text != TEXT}
    bill = provider.bill()
    assert len(bill.delivered) == len(bill.billed) == len(answers)
    told = check_ledger_is_bill(tmp_path, bill)
    assert {row["provider"] for row in told["strata"]} == PROVIDERS[clients.name]


@pytest.mark.parametrize("clients", CLIENTS, ids=lambda each: each.name)
def test_unchanged_clients_are_answered_and_the_ledger_is_the_bill(
    clients: Clients, provider, folder, tmp_path
):
    check_answers(clients, provider, folder, tmp_path)


@pytest.mark.parametrize("clients", INTERCEPTED, ids=lambda each: each.name)
def test_clients_with_addresses_in_their_code_are_answered_and_the_ledger_is_the_bill(
    clients: Clients, provider, folder, tmp_path
):
    check_answers(clients, provider, folder, tmp_path, "--intercept")


@pytest.mark.parametrize("clients", CLIENTS, ids=lambda each: each.name)
def test_at_the_cap_unchanged_clients_are_refused_once(
    clients: Clients, provider, folder, tmp_path
):
    command = make_command(clients, folder, tmp_path / "told")
    provider.reset()
    done = guard(provider.url, tmp_path, CAP, command)
    assert done.returncode == 4, done.stdout + done.stderr
    bill = provider.bill()
    assert 0 < dollars(bill) <= CAP
    check_ledger_is_bill(tmp_path, bill)
    refused = REFUSED.get(clients.name, 1)
    assert f"the cap was reached, {refused} call" in done.stderr, done.stderr
    assert f"cap of ${CAP} reached" in done.stdout + done.stderr or clients.name == "litellm"
