"""Running a program behind the gate: its ledger, its cap, the door, and the program itself."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from pricing.money import Money
from pricing.price_book import PriceBook
from providers.provider import Provider
from providers.registry import builtin_providers
from providers.secrets import remember_secret
from runner.approval import Approval
from runner.errors import LedgerError
from runner.execution import LEASE_SECONDS, TRUSTED_PART_OF_CAP, SlowStart, StopReason
from runner.gateway.door import Door
from runner.gateway.gate import Gate
from runner.gateway.guard_folder import GuardFolder
from runner.gateway.models import PricedModels
from runner.gateway.program import ProgramEnd, find_keys, guarded_environment, run_program
from runner.gateway.refused_calls import RefusedCalls
from runner.gateway.relay import Relay
from runner.gateway.spending import CallTally, PartCap, PartCaps
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
        ledger_url: of a shared ledger; None for a file in the folder.
        note: is told of what failed in the gateway.
        on_open: is called with the program's environment before it is started; without a program
            it is for programs that are started elsewhere, until a signal ends this.
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
    on_open: Callable[[Mapping[str, str]], None] = lambda _: None
    note: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class GuardedRun:
    """What a guarded program came to.

    Attributes:
        end: of the program.
        tally: what became of its calls.
        balance: of the ledger.
        refusals: the calls that a cap refused.
    """

    end: ProgramEnd
    tally: CallTally
    balance: Balance
    refusals: RefusedCalls


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
    for key in find_keys(environment, builtin_providers()):
        remember_secret(key)  # a command may have one among its arguments
    create_run_dir(folder.path)
    location = folder.locate_ledger(options.ledger_url)
    with open_ledger(location, folder.path) as ledger:
        ledger.begin_work(folder.work)
        _approve(ledger, folder, options)
        folder.save({})
        remember_location(location, folder.path)
        models = PricedModels(options.book, options.providers)
        try:
            with _join(location, ledger) as table:
                refusals = RefusedCalls(folder.path, options.note)
                running = _run(ledger, table, folder, options, models, environment, refusals)
                ended, tally = asyncio.run(running)
        finally:
            with suppress(OSError):
                folder.save(models)
        if options.caps:  # for those who ask what came of them
            with suppress(LedgerError), ledger.transaction():
                PartCaps(ledger, options.caps).look()
        end = StopReason.CAP if tally.at_cap else StopReason.COMPLETE
        ledger.record_end((StopReason.STOPPED if tally.stopped else end).value, tally.stopped)
        return GuardedRun(ended, tally, ledger.balance, refusals)


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
) -> tuple[ProgramEnd, CallTally]:
    """Open the door, run the program, and wait for calls that it no longer waits for."""
    with _slow_starts(ledger, options, models) as make_slow_start:
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
            )
            lease = asyncio.create_task(_keep_lease(table, gate)) if table else None
            try:
                async with Door(gate.handle, note=options.note) as door:
                    served = [
                        name for name, each in options.providers.items() if not each.builtin_url
                    ]
                    inner = guarded_environment(environment, door.url, builtin_providers(), served)
                    options.on_open(inner)
                    end = await _run_or_serve(folder.command, inner)
            finally:
                if lease is not None:
                    lease.cancel()
        return end, gate.tally


async def _run_or_serve(command: Sequence[str], environment: Mapping[str, str]) -> ProgramEnd:
    """Run a program to its end or, without one, wait until a signal ends this."""
    if command:
        return await run_program(command, environment)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    for number in (signal.SIGINT, signal.SIGTERM):  # a second one ends the wait for open calls
        loop.remove_signal_handler(number)
    return ProgramEnd(0)


@contextmanager
def _slow_starts(
    ledger: Ledger, options: GuardOptions, models: PricedModels
) -> Iterator[Callable[[str], SlowStart]]:
    """Give what makes a model's slow start; trust that is gained is kept at the end."""
    trusts: dict[str, Trust] = {}
    allowance = Money(ledger.balance.cap.pico // TRUSTED_PART_OF_CAP)

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
