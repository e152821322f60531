"""Batches from their lines to their bill, in each form, and whatever the provider does to them.

The provider is the one of our own (`tests.support.provider.batches`), with a bill of its own: each
line that is read as answered is one that it has billed, at what it has billed.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pricing.catalog import ModelName
from providers.batches import BatchState, ChunkToSend, LineEnd, RemoteBatch
from providers.capabilities import Capability
from runner.transport.batches import (
    BadLine,
    BatchClient,
    FetchedResults,
    Found,
    LineResult,
    Uploaded,
)
from runner.transport.outcome import Answered, NotBilled, Unknown
from tests.runner.transport.batches.scripted import (
    CHUNK,
    KEY,
    build_chunk,
    build_provider,
    find_request,
    list_lines,
)
from tests.support.provider.batches.batch_behaviour import BatchBehaviour, BatchFault
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.server import run_provider

LINES = 4
# provider -> where the server takes its form
BASES = {
    "openai": "/v1",
    "groq": "/openai/v1",
    "deepinfra": "/v1/openai",
    "anthropic": "/v1",
    "google": "/v1beta",
    "openrouter": "/api/v1",
}
FORMS = pytest.mark.parametrize("name", BASES)
MAIN = pytest.mark.parametrize("name", ["openai", "anthropic", "google", "openrouter"])


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


@pytest.fixture(autouse=True)
def _a_key(monkeypatch):
    monkeypatch.setenv("MY_BATCH_KEY", KEY)


@dataclass
class Trial:
    """One chunk at one provider."""

    client: BatchClient
    name: ModelName
    folder: Path

    def write(self) -> ChunkToSend:
        written = self.client.write_lines(self.name, list_lines(LINES), self.folder / "lines")
        now = datetime.now(UTC)
        return replace(build_chunk(written.path, LINES, sent_at=now), intended_at=now)

    async def upload(self) -> ChunkToSend:
        """Write the lines, and upload them where that is done."""
        chunk = self.write()
        if self.client.takes_file(self.name):
            uploaded = await self.client.upload(self.name, chunk)
            assert isinstance(uploaded, Uploaded), uploaded
            chunk = replace(chunk, file_id=uploaded.file_id)
        return chunk

    async def create(self) -> RemoteBatch:
        """Create the batch."""
        created = await self.client.create(self.name, await self.upload())
        assert isinstance(created, RemoteBatch), created
        return created

    async def wait(self, batch_id: str) -> RemoteBatch:
        """Poll until it has ended, whatever fails meanwhile."""
        for _ in range(12):
            told = await self.client.poll(self.name, batch_id)
            if isinstance(told, RemoteBatch) and told.state is not BatchState.WORKING:
                return told
        raise AssertionError(f"it does not end: {told}")

    async def fetch(self, batch: RemoteBatch, **how: Any) -> Any:
        return await self.client.fetch_results(
            self.name, batch, self.folder / "results", LINES, **how
        )

    def read(self, fetched: FetchedResults) -> list[LineResult | BadLine]:
        return list(self.client.read_results(self.name, fetched.path, find_request))


def attempt(
    server, name, folder, what: Callable[[Trial], Awaitable[Any]], *faults, endpoint="", **more
) -> Any:
    """Have something done at a provider with such faults."""
    batches = BatchBehaviour(faults=tuple(BatchFault(kind, calls=(1,)) for kind in faults), **more)
    server.reset(Behaviour(input_tokens=40, output_tokens=20, api_key=KEY, batches=batches))

    async def doing() -> Any:
        provider = build_provider(name, f"{server.url}{BASES[name]}")
        model = ModelName(f"{name}/a-model", name, "a-model")
        known = {model: Capability(endpoint=endpoint)} if endpoint else {}
        async with BatchClient({name: provider}, 5.0, known) as client:
            return await what(Trial(client, model, folder))

    return asyncio.run(doing())


async def run_whole(trial: Trial) -> list[LineResult | BadLine]:
    """Return the results of a batch, from its lines on; what fails is tried three times."""
    batch = await trial.wait((await trial.create()).id)
    for last in (False, False, True):
        fetched = await trial.fetch(batch, takes_cut=last)
        if isinstance(fetched, FetchedResults):
            return trial.read(fetched)
    raise AssertionError(fetched)


def count(results):
    """Count what became of lines; a line that came twice counts once."""
    told = {each.custom_id: each.outcome for each in results if isinstance(each, LineResult)}
    return Counter(str(each) if isinstance(each, LineEnd) else type(each) for each in told.values())


def check_bill(server, results):
    """Hold what was read as answered against the bill."""
    server.finish_batches()
    billed = {call.custom_id for call in server.bill().billed}
    answered = {
        each.custom_id: each.outcome.response.usage
        for each in results
        if isinstance(each, LineResult) and isinstance(each.outcome, Answered)
    }
    assert answered.keys() <= billed
    assert all((usage.input, usage.output) == (40, 20) for usage in answered.values())
    free = {
        each.custom_id
        for each in results
        if isinstance(each, LineResult) and isinstance(each.outcome, NotBilled | LineEnd)
    }
    assert not free & billed
    return billed, answered


@FORMS
def test_a_batch_is_sent_done_and_read_line_by_line(server, name, tmp_path):
    results = attempt(server, name, tmp_path, run_whole)
    billed, answered = check_bill(server, results)
    assert billed == answered.keys() == {f"{CHUNK}-{n}" for n in range(LINES)}
    (account,) = server.batches()
    assert account.lines == LINES


def test_a_model_that_only_responses_serve_is_asked_by_them(server, tmp_path):
    results = attempt(server, "openai", tmp_path, run_whole, endpoint="responses")
    billed, answered = check_bill(server, results)
    assert len(billed) == len(answered) == LINES
    assert {call.path for call in server.bill().billed} == {"/v1/responses"}


@FORMS
@pytest.mark.parametrize(
    "fault", ["create_cut", "create_500", "create_lost", "create_lost_500", "create_malformed"]
)
def test_a_creation_whose_answer_is_lost_is_found_or_was_not_made(server, name, tmp_path, fault):
    async def losing(trial: Trial) -> tuple[Found, Found]:
        chunk = await trial.upload()
        created = await trial.client.create(trial.name, chunk)
        assert isinstance(created, Unknown)
        first = await trial.client.find(trial.name, chunk)
        for account in server.batches():
            await trial.wait(account.id if name != "google" else f"batches/{account.id}")
        return first, await trial.client.find(trial.name, chunk)

    first, found = attempt(server, name, tmp_path, losing, fault)
    made = [account.id for account in server.batches()]
    if fault in ("create_cut", "create_500"):
        assert made == []
        assert (found.batch, found.is_sure) == (None, True)
        return
    assert found.is_sure
    assert found.batch.id.removeprefix("batches/") == made[0]
    # Where nothing but results tells whose it is, it is not told before it has ended.
    assert first.is_sure == (name not in ("anthropic", "openrouter"))


@MAIN
@pytest.mark.parametrize("fault", ["create_402", "create_429"])
def test_a_creation_that_is_refused_is_free(server, name, tmp_path, fault):
    async def creating(trial: Trial) -> Any:
        return await trial.client.create(trial.name, await trial.upload())

    assert isinstance(attempt(server, name, tmp_path, creating, fault), NotBilled)
    assert server.batches() == ()


@pytest.mark.parametrize("name", ["openai", "google"])
@pytest.mark.parametrize("fault", ["upload_429", "upload_500", "upload_cut", "upload_lost"])
def test_a_lost_upload_is_done_again(server, name, tmp_path, fault):
    async def uploading(trial: Trial) -> Any:
        lost = await trial.client.upload(trial.name, trial.write())
        assert isinstance(lost, NotBilled | Unknown)
        return await run_whole(trial)

    results = attempt(server, name, tmp_path, uploading, fault)
    assert count(results) == {Answered: LINES}
    assert len(server.batches()) == 1


@MAIN
@pytest.mark.parametrize(
    "fault",
    [
        *("results_404", "results_500", "results_cut", "results_short", "duplicated", "unsorted"),
        *("poll_404", "poll_429", "poll_500", "poll_cut", "unknown_ids"),
    ],
)
def test_what_the_provider_does_to_polls_and_results_changes_no_result(
    server, name, tmp_path, fault
):
    results = attempt(server, name, tmp_path, run_whole, fault)
    assert count(results) == {Answered: LINES}
    check_bill(server, results)


@MAIN
@pytest.mark.parametrize("fault", ["missing", "not_json"])
def test_lines_that_cannot_be_read_are_told_apart_from_those_that_were_not_done(
    server, name, tmp_path, fault
):
    results = attempt(server, name, tmp_path, run_whole, fault)
    billed, answered = check_bill(server, results)
    assert len(billed) == LINES
    assert count(results) == {Answered: LINES // 2}
    assert len(answered) == LINES // 2


@MAIN
@pytest.mark.parametrize(("fault", "end"), [("expired", "expired"), ("cancelled", "cancelled")])
def test_what_a_batch_did_before_it_ended_is_billed_and_the_rest_is_free(
    server, name, tmp_path, fault, end
):
    results = attempt(server, name, tmp_path, run_whole, fault)
    billed, _ = check_bill(server, results)
    assert len(billed) == LINES // 2
    if name == "google":  # which has no results then
        assert results == []
    else:
        assert count(results) == {Answered: LINES // 2, end: LINES // 2}


@MAIN
def test_where_all_lines_failed_nothing_is_billed(server, name, tmp_path):
    results = attempt(server, name, tmp_path, run_whole, "all_failed")
    billed, _ = check_bill(server, results)
    assert billed == set()
    assert len(count(results)) == 1
    assert sum(count(results).values()) == LINES


@pytest.mark.parametrize("name", ["openai", "openrouter"])
@pytest.mark.parametrize(("fault", "too_many"), [("invalid", False), ("token_limit", True)])
def test_a_batch_that_is_refused_as_a_whole_says_why(server, name, tmp_path, fault, too_many):
    async def failing(trial: Trial) -> RemoteBatch:
        return await trial.wait((await trial.create()).id)

    batch = attempt(server, name, tmp_path, failing, fault)
    assert batch.state is BatchState.FAILED
    assert batch.too_many_queued is too_many
    assert batch.problem
    assert server.bill().billed == ()
