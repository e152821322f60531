"""Providers' own packages make batches at the test provider, and find all that they look for."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.clients.environments import BATCHES, find_folder
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
TEXT = "Here you are."


def test_each_package_takes_the_test_providers_batches(tmp_path_factory):
    command = BATCHES.install(find_folder(tmp_path_factory.mktemp("clients")))
    with run_provider(Behaviour(text=TEXT)) as provider:
        done = subprocess.run([*command, provider.url], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        bill = provider.bill()
    openai = ["validating", "validating", "in_progress", "completed"]
    google = ["JOB_STATE_PENDING", "JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]
    assert {client: states for client, (states, _, _) in told.items()} == {
        "openai": openai,
        "groq": openai,
        "deepinfra": openai,
        "together": ["VALIDATING", "VALIDATING", "IN_PROGRESS", "COMPLETED"],
        "openrouter": openai,
        "anthropic": ["in_progress"] * 3 + ["ended"],
        "google": google,
        "google, a file": google[-1:],
        "mistral": ["QUEUED", "QUEUED", "RUNNING", "SUCCESS"],
    }
    assert all(each[1:] == [["a-1", "a-2"], [TEXT, TEXT]] for each in told.values())
    assert len(bill.delivered) == len(bill.billed) == 18
