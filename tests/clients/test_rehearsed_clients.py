"""Real clients, unchanged, in a rehearsal: each reads its placeholders and goes on to its end."""

from __future__ import annotations

import json
import os
import shutil
from datetime import date

import pytest

from pricing.price_book import PriceBook
from pricing.sources import read_price_flags
from providers.registry import builtin_providers
from runner.rehearsal import RehearsalOptions, rehearse
from tests.clients.environments import CLIENTS, STRUCTURED, Clients, find_folder
from tests.clients.test_clients import ALSO, MODELS, PROVIDERS

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
GRADED = 17  # calls: 3 samples x (answer, critique, revision, 2 grades), and 2 choices


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return find_folder(tmp_path_factory.mktemp("clients"))


def rehearse_script(clients: Clients, folder, told):
    """Rehearse a script, and return the recording and what the script was told last."""
    if not clients.is_python and shutil.which("npm") is None:
        pytest.skip("Node is not here")
    command = [*clients.install(folder), str(told)]
    names = [*(f"{provider}/{model}" for provider, model in MODELS.items()), *ALSO]
    flags = read_price_flags([f"{name}=3/15" for name in names])
    book = PriceBook(date(2026, 11, 28), flag_prices=flags)
    kept = ("PATH", "HOME")
    base = {name: os.environ[name] for name in kept if name in os.environ}
    options = RehearsalOptions(builtin_providers(), book, default_limit=256)
    found = rehearse(command, options, base)
    assert found.problems == ()
    return found, json.loads(told.read_text())


@pytest.mark.parametrize("clients", CLIENTS, ids=lambda each: each.name)
def test_unchanged_clients_are_answered_in_both_runs(clients, folder, tmp_path):
    found, answers = rehearse_script(clients, folder, tmp_path / "told")
    assert len(found.calls) == len(found.longer) == len(answers)
    assert all(text.startswith("Placeholder ") for _, text in answers)
    assert {call.provider for call in found.calls} == PROVIDERS[clients.name]
    assert {call.answer_tokens for call in found.calls} <= {38, 39, 40}
    assert all(call.answer_tokens > 60 for call in found.longer)


@pytest.mark.parametrize("clients", STRUCTURED, ids=lambda each: each.script)
def test_answers_have_the_form_that_clients_ask_for(clients, folder, tmp_path):
    found, answers = rehearse_script(clients, folder, tmp_path / "told")
    assert len(found.calls) == len(found.longer) >= len(answers)
    if clients.script == "inspect_graded.py":
        assert len(found.calls) == GRADED
        assert {score for _, scores in answers for score in scores} == {"C"}
