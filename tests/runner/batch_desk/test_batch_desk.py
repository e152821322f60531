"""Batches that are ended by hand: their money is free, or held, and no key goes astray."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pricing.catalog import ModelName
from pricing.money import Money
from providers.failures import describe_unsent
from providers.registry import builtin_providers
from runner.batch_desk import BatchDesk
from runner.batch_desk.batch_keys import refuse_unconfirmed_keys
from runner.errors import BadRun, NotApproved
from runner.ledger import ChunkNote, ChunkState
from runner.transport import NotBilled
from tests.runner.sample_experiment import MODEL, an_attempt, ledger_of

CAP, EACH, COVER = Money.from_usd("1"), Money.from_usd("0.10"), Money.from_usd("0.30")
NOTE = ChunkNote(
    chunk="afc-0123456789abcdef-0",
    model=MODEL,
    stage="subject",
    intended_at="2026-11-28T12:00:00+00:00",
)


@asynccontextmanager
async def ask_nobody():
    yield None


@pytest.fixture
def opened(tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", CAP) as ledger:
        lines = [[(an_attempt(f"job{n}", f"job{n}"), EACH)] for n in range(2)]
        ledger.reserve_chunk(NOTE, lines, COVER)
        names = {MODEL: ModelName(MODEL, "my-lab", "llama-3.1-8b")}
        yield ledger, BatchDesk(ledger, names, ask_nobody, tmp_path)


def test_what_was_never_sent_is_free_once_it_is_cancelled_and_cannot_be_given_up(opened):
    ledger, desk = opened
    (note,) = desk.find_open([NOTE.chunk])
    assert not asyncio.run(desk.find_why_to_keep(note)).may_go
    asyncio.run(desk.cancel([note]))
    assert ledger.balance.free == CAP
    (ended,) = ledger.chunks()
    assert (ended.state, ended.released) == (ChunkState.ENDED, 2)
    with pytest.raises(BadRun, match="no batch that is open"):
        desk.find_open([NOTE.chunk])


def test_what_is_given_up_is_held_also_where_a_crash_came_half_way(opened):
    ledger, desk = opened
    (note,) = desk.find_open()
    entries = [entry for line in ledger.open_lines(note).values() for entry in line]
    first = ledger.chunk_attempts(entries)[0]
    ledger.hold(first.attempt, "before a crash")
    desk.give_up(note, "nobody knows it")
    assert (ledger.balance.held, ledger.balance.free) == (EACH * 2, CAP - EACH * 2)
    (ended,) = ledger.chunks()
    assert (ended.held, ended.problem) == (2, "it was given up: nobody knows it")


def test_a_model_that_no_plan_has_can_be_given_up(opened):
    ledger, desk = opened
    ledger.record_chunk(replace(ledger.chunks()[0], state=ChunkState.CREATED, model="gone/model"))
    (note,) = desk.find_open()
    judged = asyncio.run(desk.find_why_to_keep(note))
    assert judged.may_go
    assert "gone/model" in judged.why


def test_what_cannot_be_reached_is_given_up_only_once_it_is_due(opened, tmp_path):
    class Unreachable:
        async def poll(self, *_):
            return NotBilled(describe_unsent("there is no network"))

    @asynccontextmanager
    async def ask():
        yield Unreachable()

    ledger, _ = opened
    names = {MODEL: ModelName(MODEL, "my-lab", "llama-3.1-8b")}
    desk = BatchDesk(ledger, names, ask, tmp_path)
    now = datetime.now(UTC)
    for asked, may_go in ((now, False), (now - timedelta(hours=25), True)):
        note = replace(
            NOTE, state=ChunkState.CREATED, batch="b", window=24.0, asked_at=asked.isoformat()
        )
        judged = asyncio.run(desk.find_why_to_keep(note))
        assert judged.may_go is may_go
        assert "no network" in judged.why


def test_a_key_goes_nowhere_that_no_approval_has_confirmed(tmp_path):
    known = builtin_providers()["openai"]
    refuse_unconfirmed_keys([known], "")
    elsewhere = replace(known, base_url="https://elsewhere.example/v1", builtin_url=False)
    for plan_file in ("", str(tmp_path / "plan.json")):
        with pytest.raises(NotApproved, match="key openai=OPENAI_API_KEY"):
            refuse_unconfirmed_keys([elsewhere], plan_file)
