"""Official clients, through the gateway, to a server that others wrote: the ledger has its counts.

llama.cpp counts its own tokens, and a recorder between it and the gateway notes what it says.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from runner.gateway import open_guard_folder, read_calls
from tests.clients.environments import CLIENTS, Clients, find_folder
from tests.clients.test_clients import guard, make_command, report
from tests.support.llama.server import run_llama
from tests.support.packages.fetch import PackageMissing
from tests.support.recording_proxy import run_recorder

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
IN, OUT = Decimal("0.40"), Decimal("1.20")
PROVIDERS = ("openai", "anthropic")
_BY_NAME = {each.name: each for each in CLIENTS}
ASKING = (
    replace(_BY_NAME["official"], script="llama.py"),
    replace(_BY_NAME["javascript"], script="llama.mjs"),
)


@pytest.fixture(scope="module")
def llama():
    try:
        with run_llama(end_bias=6.5) as url:
            yield url
    except PackageMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return find_folder(tmp_path_factory.mktemp("clients"))


@pytest.mark.parametrize("clients", ASKING, ids=lambda each: each.name)
def test_the_ledger_has_the_servers_own_counts(clients: Clients, llama, folder, tmp_path):
    command = make_command(clients, folder, tmp_path / "told")
    prices = [
        word for name in PROVIDERS for word in ("--price", f"{name}/llama-3.1-tiny={IN}/{OUT}")
    ]
    with run_recorder(llama) as server:
        done = guard(server.url, tmp_path, Decimal(1), command, *prices)
        assert done.returncode == 0, done.stdout + done.stderr
        counted = Counter(sum_usage(call.usage) for call in server.calls if call.usage)
    calls = list(read_calls(open_guard_folder(tmp_path / "run")))
    assert Counter((call.answer.prompt_tokens, call.answer.output) for call in calls) == counted
    assert len(calls) == len(json.loads((tmp_path / "told").read_text()))
    assert all(call.attempt.bound >= call.answer.prompt_tokens for call in calls)
    bill = sum((p * IN + c * OUT for p, c in counted.elements()), Decimal(0)) / 1_000_000
    spent = Decimal(report(tmp_path)["spent_usd"])
    assert bill <= spent <= bill * Decimal("1.05"), "the same, or the text's own count"


def sum_usage(usage: dict[str, int]) -> tuple[int, int]:
    """Return the tokens of prompt and answer that the server reports."""
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"], usage["completion_tokens"]
    return usage["input_tokens"] + usage.get("cache_read_input_tokens", 0), usage["output_tokens"]
