"""Batches at servers that others wrote: a second opinion on what is sent and how it is read.

`nox -s clients` runs these; each server is installed in an environment of its own. llmock speaks
OpenAI's and Mistral's batches, mock-ai-api Anthropic's, whose batches never say that they ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from providers.batches import BatchState, RemoteBatch
from runner.transport.batches import BatchClient, Found, LineResult, Uploaded
from runner.transport.outcome import Answered
from tests.clients.environments import Clients, find_folder
from tests.runner.transport.batches.scripted import (
    KEY,
    ModelName,
    build_chunk,
    build_provider,
    find_request,
    list_lines,
)
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]
LLMOCK = Clients("llmock", ("llmock==0.2.2",), "")
MOCK_AI_API = Clients("mock-ai-api", ("mock-ai-api==0.1.1",), "")
LINES = 3


@pytest.fixture(autouse=True)
def _a_key(monkeypatch):
    monkeypatch.setenv("MY_BATCH_KEY", KEY)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return find_folder(tmp_path_factory.mktemp("clients"))


@contextlib.contextmanager
def run_server(clients: Clients, folder: Path) -> Iterator[str]:
    """Serve on a free port until the block ends; return the address."""
    python = Path(clients.install(folder)[0])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = {
        "llmock": [str(python.with_name("llmock")), "serve", "--port", port],
        "mock-ai-api": [
            *(str(python), "-m", "uvicorn", "app.anthropic_app:app"),
            *("--host", "127.0.0.1", "--port", port),
        ],
    }[clients.name]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: is_open(int(port)))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def is_open(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def batch_at(url: str, name: str, model: str, tmp_path: Path) -> tuple[Found, list[LineResult]]:
    """Have three requests done as a batch; return how it was found and what came of its lines."""
    wire = ModelName(f"{name}/{model}", name, model)
    now = datetime.now(UTC)

    async def doing() -> tuple[Found, list[LineResult]]:
        async with BatchClient({name: build_provider(name, url)}) as client:
            written = client.write_lines(wire, list_lines(LINES), tmp_path / "lines.jsonl")
            chunk = replace(build_chunk(written.path, LINES, sent_at=now), intended_at=now)
            if client.takes_file(wire):
                uploaded = await client.upload(wire, chunk)
                assert isinstance(uploaded, Uploaded)
                chunk = replace(chunk, file_id=uploaded.file_id)
            created = await client.create(wire, chunk)
            assert isinstance(created, RemoteBatch)
            found = await client.find(wire, chunk)
            batch = await poll(client, wire, created)
            fetched = await client.fetch_results(wire, batch, tmp_path / "results", LINES)
            read = list(client.read_results(wire, fetched.path, find_request))
            return found, read

    return asyncio.run(doing())


async def poll(client: BatchClient, name: ModelName, batch: RemoteBatch) -> RemoteBatch:
    """Wait until a batch has ended; one that never says so has its results at once."""
    if name.provider == "anthropic":
        return replace(batch, state=BatchState.ENDED, results=(batch.id,))
    until = time.monotonic() + 30
    while time.monotonic() < until:
        told = await client.poll(name, batch.id)
        assert isinstance(told, RemoteBatch), told
        if told.state is not BatchState.WORKING:
            return told
        await asyncio.sleep(0.2)
    raise AssertionError(f"{batch.id} does not end")


def check(found: Found, read: list[LineResult]) -> None:
    assert found.batch is not None
    assert found.is_sure
    check_lines(read)


def check_lines(read: list[LineResult]) -> None:
    assert sorted(each.custom_id for each in read) == [line.custom_id for line in list_lines(LINES)]
    assert all(isinstance(each.outcome, Answered) for each in read)


def test_llmock_does_batches_of_openais_and_of_mistrals_form(folder, tmp_path):
    with run_server(LLMOCK, folder) as url:
        check(*batch_at(f"{url}/v1", "openai", "gpt-4o-mini", tmp_path))
        check(*batch_at(f"{url}/mistral/v1", "mistral", "mistral-small-latest", tmp_path))


def test_mock_ai_api_does_batches_of_anthropics_form(folder, tmp_path):
    with run_server(MOCK_AI_API, folder) as url:
        found, read = batch_at(f"{url}/v1", "anthropic", "claude-haiku-4-5", tmp_path)
    assert "1 batch that may be it" in found.why
    check_lines(read)
