"""Real clients, unchanged, come to the door by their environment alone, and get whole answers.

`nox -s clients` runs these; each kind of client is installed in an environment of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from providers.registry import builtin_providers
from runner.gateway.door import Door
from runner.gateway.program import DUMMY_KEY, ProgramEnd, guarded_environment, run_program
from tests.clients.environments import CLIENTS, Clients, find_folder
from tests.clients.relay import REAL_KEY, Relay
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
TEXT = "This is what the provider says, in more than a few words."
THREE = {"openai", "anthropic", "google"}
PROVIDERS = {
    "official": THREE,
    "langchain": THREE,
    "javascript": THREE,
    "frameworks": {"openai", "anthropic"},
    "inspect": THREE | {"groq", "together", "openrouter", "fireworks", "deepseek"},
    "litellm": THREE
    | {"openrouter", "groq", "together", "deepseek", "x-ai", "fireworks", "mistral"}
    | {"cerebras", "deepinfra", "novita", "moonshotai"},
}


@dataclass(frozen=True)
class Job:
    """What a script did: how it ended, and what came to the door."""

    end: ProgramEnd
    relay: Relay
    notes: list[str]


@pytest.fixture(scope="module")
def provider():
    with run_provider(Behaviour(text=TEXT, api_key=REAL_KEY, tier="default")) as provider:
        yield provider


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return find_folder(tmp_path_factory.mktemp("clients"))


async def do_job(provider_url: str, command: list[str], told: Path) -> Job:
    """Run a script as `afcost guard` does, with real keys in the environment that it is given."""
    keys = {name: REAL_KEY for each in builtin_providers().values() for name in each.api_key_env}
    del keys["GOOGLE_API_KEY"]  # google-genai warns where there are two
    base = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | keys
    notes: list[str] = []
    async with aiohttp.ClientSession() as session:
        relay = Relay(provider_url, session)
        async with Door(relay, note=notes.append) as door:
            environment = guarded_environment(base, door.url, builtin_providers())
            assert REAL_KEY not in str(environment)
            end = await run_program([*command, str(told)], environment)
    return Job(end, relay, notes)


@pytest.mark.parametrize("clients", CLIENTS, ids=lambda each: each.name)
def test_unchanged_clients_come_to_the_door(clients: Clients, provider, folder, tmp_path):
    if not clients.is_python and shutil.which("npm") is None:
        pytest.skip("Node is not here")
    command = clients.install(folder)
    provider.reset()
    told = tmp_path / "told"
    job = asyncio.run(do_job(provider.url, [*command], told))
    assert (job.end.code, job.end.problem, job.end.left_running) == (0, "", ())
    answers = json.loads(told.read_text())
    assert not {name: text for name, text in answers if text != TEXT}
    bill = provider.bill()
    assert len(bill.delivered) == len(bill.billed) == len(answers) == len(job.relay.paths)
    assert {each.removeprefix("Bearer ") for each in job.relay.keys} == {DUMMY_KEY}
    asked = {path.partition("/")[0] for path in job.relay.paths}
    assert asked == PROVIDERS[clients.name]
    assert not job.relay.strange
    assert not job.notes
