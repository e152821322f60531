"""Running a program behind the gate: its ledger, its cap, the door, and the program itself."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pricing.money import Money
from pricing.price_book import PriceBook
from providers.provider import Provider
from providers.registry import builtin_providers
from providers.secrets import remember_secret
from runner.approval import Approval
from runner.errors import LedgerError
from runner.execution import LEASE_SECONDS, TRUSTED_PART_OF_CAP, SlowStart, StopReason
from runner.gateway.approved_program import ApprovedProgram
from runner.gateway.door import Door
from runner.gateway.gate import Gate
from runner.gateway.guard_folder import GuardFolder
from runner.gateway.intercept import (
    ConnectionTally,
    intercept_connections,
    require_cryptography,
)
from runner.gateway.models import PricedModels
from runner.gateway.program import (
    ProgramEnd,
    find_keys,
    find_written_keys,
    guarded_environment,
    run_program,
)
from runner.gateway.refused_calls import RefusedCalls
from runner.gateway.relay import Relay
from runner.gateway.spending import (
    RAISE_CAP,
    CallTally,
    PartCap,
    PartCaps,
    refuse_spent_caps,
)
from runner.ledger import (
    Balance,
    JobTable,
    Ledger,
    Location,
    PostgresLocation,
    open_job_table,
    open_ledger,
    remember_location,
)
from runner.run_folder import create_run_dir
from runner.signals import call_at_signals
from runner.state import Trust, find_trust


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """How a program is guarded.

    Attributes:
        cap: the most that its calls may cost, over all of its starts in this folder.
        by: who approves that.
        providers: where it may send to, by name.
        book: the prices.
        concurrency: calls in flight, at most.
        timeout: seconds of one call.
        default_limit: output tokens of a call that says no limit; None for the model's largest.
        caps: on parts of its calls.
        intercepts: whether its connections to providers are taken, too, whatever their address.
        starts: what is started; empty for the command of the folder.
        plan: that was approved, and has that cap; None where the cap was given without one.
        known_samples: what all calls of a sample were reserved for in earlier starts, by its size.
        ledger_url: of a shared ledger; None for a file in the folder.
        note: is told of what failed in the gateway.
        on_open: is called with the program's environment and the cap that counts, before it is
            started; without a program it is for programs that are started elsewhere, until a
            signal ends this.
    """

    cap: Money
    by: str
    providers: Mapping[str, Provider]
    book: PriceBook
    concurrency: int
    timeout: float
    default_limit: int | None = None
    ledger_url: str | None = None
    caps: Sequence[PartCap] = ()
    intercepts: bool = False
    starts: Sequence[str] = ()
    plan: ApprovedProgram | None = None
    known_samples: Mapping[int, Money] = field(default_factory=dict)
    on_open: Callable[[Mapping[str, str], Money], None] = lambda _, __: None
    note: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class GuardedRun:
    """What a guarded program came to.

    Attributes:
        end: of the program.
        tally: what became of its calls.
        balance: of the ledger.
        refusals: the calls that a cap refused.
        connections: that it made through here; None where they are not intercepted.
        known_samples: what all calls of a sample were reserved for, by its size.
    """

    end: ProgramEnd
    tally: CallTally
    balance: Balance
    refusals: RefusedCalls
    connections: ConnectionTally | None = None
    known_samples: Mapping[int, Money] = field(default_factory=dict)


def run_guarded(
    folder: GuardFolder, options: GuardOptions, environment: Mapping[str, str]
) -> GuardedRun:
    """Run a program whose calls are capped; run it again to go on under the same cap.

    Args:
        folder: of the program, with its command.
        options: how it is guarded.
        environment: of this process.

    Raises:
        RunnerError: before it is started.
    """
    known = find_keys(environment, builtin_providers())
    for key in (*known, *find_written_keys(folder.command)):
        remember_secret(key)  # a command may have one among its arguments
    if options.intercepts:
        require_cryptography()
    create_run_dir(folder.path)
    location = folder.locate_ledger(options.ledger_url)
    pinned = options.plan.plan.models if options.plan else {}
    with open_ledger(location, folder.path) as ledger:
        was_empty = ledger.is_new and not ledger.is_shared
        ledger.begin_work(folder.work)
        raise_cap = options.plan.raise_cap if options.plan else RAISE_CAP
        refuse_spent_caps(ledger, options.cap, options.caps, f"{location}", raise_cap)
        if options.plan:
            options.plan.bind(ledger, folder, location, was_empty=was_empty)
        else:
            _approve(ledger, folder, options)
        folder.save({})
        remember_location(location, folder.path)
        models = PricedModels(options.book, options.providers, pinned)
        try:
            with _join(location, ledger) as table:
                refusals = RefusedCalls(folder.path, options.note)
                running = _run(ledger, table, folder, options, models, environment, refusals)
                ended, gate, connections = asyncio.run(running)
                _record_end(ledger, gate.tally)
        finally:
            with suppress(OSError):
                folder.save(models)
        if options.caps:  # for those who ask what came of them
            with suppress(LedgerError), ledger.transaction():
                PartCaps(ledger, options.caps).look()
        samples = gate.samples.known
        return GuardedRun(ended, gate.tally, ledger.balance, refusals, connections, samples)


@contextmanager
def _join(location: Location, ledger: Ledger) -> Iterator[JobTable | None]:
    """Recover what a crash left open, and be one of those that write to a shared ledger."""
    if not isinstance(location, PostgresLocation):
        ledger.recover_work()
        yield None
        return
    with open_job_table(location, ledger, LEASE_SECONDS) as table:
        table.register(0)
        try:
            yield table
        finally:
            if not ledger.failure:  # others end what it was sending once its lease has expired
                table.unregister()


def _approve(ledger: Ledger, folder: GuardFolder, options: GuardOptions) -> None:
    """Record the cap, unless it is the one that counts already."""
    if ledger.balance.cap != options.cap:
        now = datetime.now(UTC)
        digest, name = folder.work.digest, secrets.token_hex(16)
        ledger.record_approval(Approval(digest, options.cap, options.by, now, id=name))


def _record_end(ledger: Ledger, tally: CallTally) -> None:
    """Record how a start ended, while it is still one of those that may write.

    Raises:
        LedgerError: the ledger could not be written, now or before.
    """
    if ledger.failure:
        said = "Once it can be, start the program again, which settles or holds what was in flight"
        raise LedgerError(f"{ledger.failure}\n{said}")
    is_at_cap = tally.at_cap or tally.samples_at_cap
    end = StopReason.CAP if is_at_cap else StopReason.COMPLETE
    ledger.record_end((StopReason.STOPPED if tally.stopped else end).value, tally.stopped)


async def _keep_lease(table: JobTable, gate: Gate) -> None:
    """Renew the lease of a process that shares a ledger, and end others whose lease expired."""
    try:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 4)
            await asyncio.to_thread(table.renew_lease)
            await asyncio.to_thread(table.reap_expired)
    except LedgerError as error:
        gate.stop(str(error))


async def _run(  # noqa: PLR0913 - what a guarded program runs with
    ledger: Ledger,
    table: JobTable | None,
    folder: GuardFolder,
    options: GuardOptions,
    models: PricedModels,
    environment: Mapping[str, str],
    refusals: RefusedCalls,
) -> tuple[ProgramEnd, Gate, ConnectionTally | None]:
    """Open the door, run the program, and wait for calls that it no longer waits for."""
    workers = max(1, table.count_living()) if table else 1
    with _slow_starts(ledger, options, models, workers) as make_slow_start:
        async with Relay(options.timeout, options.note) as relay:
            gate = Gate(
                ledger,
                models,
                dict(options.providers),
                relay,
                make_slow_start=make_slow_start,
                concurrency=options.concurrency,
                default_limit=options.default_limit,
                caps=options.caps,
                refusals=refusals,
                known_samples=options.known_samples,
                **_follow_plan(options.plan),
            )
            lease = asyncio.create_task(_keep_lease(table, gate)) if table else None
            try:
                async with (
                    Door(gate.handle, note=options.note) as door,
                    _led_here(door, options, environment) as (inner, connections),
                ):
                    options.on_open(inner, ledger.balance.cap)
                    try:
                        end = await _run_or_serve(options.starts or folder.command, inner)
                    finally:
                        await gate.samples.end_all()
            finally:
                if lease is not None:
                    lease.cancel()
        gate.tally.samples_at_cap = gate.samples.refused
        return end, gate, connections


@asynccontextmanager
async def _led_here(
    door: Door, options: GuardOptions, environment: Mapping[str, str]
) -> AsyncIterator[tuple[Mapping[str, str], ConnectionTally | None]]:
    """Give the environment that leads a program's calls here, and what counts its connections."""
    builtin = builtin_providers()
    served = [name for name, each in options.providers.items() if not each.builtin_url]
    inner = guarded_environment(environment, door.url, builtin, served)
    if not options.intercepts:
        yield inner, None
        return
    async with intercept_connections(door, environment, inner, builtin) as taken:
        yield taken.environment, taken.tally


def _follow_plan(plan: ApprovedProgram | None) -> dict[str, Any]:
    """Return what a plan has a gate do: name stages, and say how its cap is raised."""
    return {"name_stage": plan.name_stage, "raise_cap": plan.raise_cap} if plan else {}


async def _run_or_serve(command: Sequence[str], environment: Mapping[str, str]) -> ProgramEnd:
    """Run a program to its end or, without one, wait until a signal ends this."""
    if command:
        return await run_program(command, environment)
    ended = asyncio.Event()
    with call_at_signals(ended.set):
        await ended.wait()  # a second signal ends the wait for open calls
    return ProgramEnd(0)


@contextmanager
def _slow_starts(
    ledger: Ledger, options: GuardOptions, models: PricedModels, workers: int
) -> Iterator[Callable[[str], SlowStart]]:
    """Give what makes a model's slow start; trust that is gained is kept at the end.

    Each of the processes that share a ledger has its part of what may be at risk sooner.
    """
    trusts: dict[str, Trust] = {}
    allowance = Money(ledger.balance.cap.pico // (TRUSTED_PART_OF_CAP * workers))

    def make(name: str) -> SlowStart:
        model = models[name]
        trusts[name] = find_trust(options.providers[model.name.provider].base_url, model)
        return SlowStart(options.concurrency, trusts[name], allowance)

    try:
        yield make
    finally:
        for trust in trusts.values():
            if ledger.stop_reason.startswith("BREACH"):
                trust.lose()
            trust.save()
