"""Restore campaigns: a copy is taken at some moment of a run, and put back at a later one.

    with stage() as place:
        restored = perform_restore(draw_restore(7), place, postgres.database)
        assert restored.of_cap <= 1

What is copied: the approval, the ledger, the whole folder, a snapshot of the database; or nothing,
and the ledger's WAL or its whole folder is removed. The run is killed before, or has ended. Then
it is called again, on the same machine or on another, which has another state directory. Where it
is refused, its user does what the error says.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psycopg
from psycopg import sql

from runner.ledger.location import FileLocation, Location, PostgresLocation
from runner.ledger.open import accept_restored_ledger
from tests.faults.audit import bill_of
from tests.faults.campaign import LOOK, STUCK, _final_bill
from tests.faults.campaign_setup import Planned, Stage
from tests.faults.launcher import Ended, Job
from tests.support.provider.behaviour import Behaviour

FILE_COPIES = ("approval", "ledger", "folder", "wal removed", "runs removed")
CALLS = 1.6  # of a job with its judge, when its answers are as long as they can be
UNFINDABLE_ELSEWHERE = ("approval", "folder")  # the watermark is put back with the file it is in
TABLES = ("entry", "answer", "attempt", "approval", "head", "job", "worker", "identity")


@dataclass(frozen=True)
class RestoreCampaign:
    """What is copied, and when.

    Attributes:
        what: is put back: one of FILE_COPIES, or "snapshot" of a database.
        jobs: what the cap holds.
        concurrency: of each run.
        taken: after so many calls the copy is taken; 0 before the first run.
        killed: after so many calls more the run is killed; None where it runs to its end.
        elsewhere: whether the next run is on another machine.
    """

    what: str
    jobs: int
    concurrency: int
    taken: int
    killed: int | None
    elsewhere: bool


@dataclass(frozen=True)
class Restored:
    """What came of it.

    Attributes:
        of_cap: true bill / cap.
        first: how the first run ended after the copy was put back.
        refused: whether that was a refusal.
        runs: how all of them ended.
    """

    of_cap: float
    first: Ended
    refused: bool
    runs: tuple[Ended, ...]


def draw_restore(seed: int) -> RestoreCampaign:
    """Draw a campaign from its number."""
    dice = Random(seed)
    jobs = dice.randint(3, 16)
    calls = int(jobs * CALLS)
    return RestoreCampaign(
        what=dice.choice((*FILE_COPIES, "snapshot", "snapshot")),
        jobs=jobs,
        concurrency=dice.choice([1, 3, 10]),
        taken=dice.choice([0, dice.randint(1, calls), dice.randint(1, calls)]),
        killed=dice.choice([None, dice.randint(0, calls), dice.randint(0, calls)]),
        elsewhere=dice.random() < 0.3,
    )


def perform_restore(
    campaign: RestoreCampaign, stage: Stage, database: Callable[[], str]
) -> Restored:
    """Perform a campaign to its end."""
    planned = stage.plan(jobs=campaign.jobs, queries=campaign.jobs, votes=1, max_tokens=24)
    stage.provider.reset(
        Behaviour(wordy=True, input_tokens="counted", output_tokens=(12, 24), delay=0.004)
    )
    url = database() if campaign.what == "snapshot" else None
    site = _Site(stage, planned, campaign, url)
    site.run_and_copy()
    site.save(site.newest)
    site.put_back()
    runs = [site.run()]
    refused = runs[0].end in ("NotApproved", "RestoredLedger", "LedgerError", "BadRun")
    if refused:
        runs += site.follow(runs[0])
    cap = planned.cap
    return Restored(bill_of(_final_bill(stage)).pico / cap.pico, runs[0], refused, tuple(runs))


@dataclass
class _Site:
    """A plan's folder, and the copies of what is in it."""

    stage: Stage
    planned: Planned
    campaign: RestoreCampaign
    url: str | None

    def __post_init__(self) -> None:
        self.copy = self.planned.folder.with_name(f"{self.planned.folder.name}-copy")
        self.newest = self.planned.folder.with_name(f"{self.planned.folder.name}-newest")
        self.home = self.planned.folder.with_name(f"{self.planned.folder.name}-home")

    @property
    def location(self) -> Location:
        if self.url is None:
            return FileLocation(self.planned.ledger)
        return PostgresLocation(self.url, self.planned.plan.study)

    @property
    def job(self) -> Job:
        return Job(
            plan=str(self.planned.path),
            folder=str(self.planned.ledger.parent),
            home=str(self.home),
            concurrency=self.campaign.concurrency,
            timeout=30.0,
            ledger=self.url,
        )

    def run_and_copy(self) -> None:
        """Run; take the copy on the way, and kill the run some calls later."""
        if self.campaign.taken == 0:
            self.save(self.copy)
        pid, ended = self.stage.launch.start(self.job), None
        if self.campaign.taken:
            ended = self._await_calls(self.campaign.taken)
            self.save(self.copy)
        if self.campaign.killed is not None and ended is None:
            ended = self._await_calls(self.campaign.taken + self.campaign.killed)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert ended or self.stage.launch.ended(within=STUCK), "it is stuck"

    def _await_calls(self, calls: int) -> Ended | None:
        """Wait until the provider has had so many calls, or the run has ended."""
        while self.stage.provider.arrived(calls, LOOK) < calls:
            if ended := self.stage.launch.ended(within=0):
                return ended
        return None

    def run(self) -> Ended:
        """Run to the end, once the lease of a worker that was killed has expired."""
        if self.url is not None:
            _expire_leases(self.url, self.schema)
        pid = self.stage.launch.start(self.job)
        ended = self.stage.launch.ended(within=STUCK)
        if ended is None:
            os.kill(pid, signal.SIGKILL)
            self.stage.launch.ended(within=STUCK)
        assert ended is not None, "it is stuck"
        return ended

    def save(self, to: Path) -> None:
        """Copy all that there is, as a backup does: also while it is being written."""
        shutil.copytree(self.planned.folder, to, copy_function=_copy_if_there)
        if self.url is not None:
            _save_snapshot(self.url, self.schema, to.name)

    @property
    def schema(self) -> str:
        return PostgresLocation(self.url or "", self.planned.plan.study).schema

    def put_back(self, what: str | None = None, copy: Path | None = None) -> None:
        """Put back what the campaign is about; another machine has another state directory."""
        what, copy = what or self.campaign.what, copy or self.copy
        folder = self.planned.folder
        if what == "approval":
            shutil.copy(copy / "plan.approval.json", folder)
        elif what == "ledger":
            shutil.rmtree(folder / "run", ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                shutil.copytree(copy / "run", folder / "run")
        elif what == "folder":
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)
        elif what == "wal removed":
            (folder / "run" / "ledger.sqlite-wal").unlink(missing_ok=True)
        elif what == "runs removed":
            shutil.rmtree(folder / "run", ignore_errors=True)
        elif self.url is not None:
            _restore_snapshot(self.url, self.schema, copy.name)
        if copy == self.copy and self.campaign.elsewhere:
            self.home = self.home.with_name(f"{self.home.name}-elsewhere")

    def follow(self, refusal: Ended) -> Iterator[Ended]:
        """Do what a refusal says: accept the older copy, or put the newest one back."""
        if "accept-restored" in refusal.reason:
            with _home(self.home):
                accept_restored_ledger(self.location)
            ended = self.run()
            yield ended
            if ended.end != "RestoredLedger":
                return
        assert "newest copy" in refusal.reason or "approve" in refusal.reason, refusal
        self.put_back("snapshot" if self.url else "folder", self.newest)
        yield self.run()


@contextlib.contextmanager
def _home(folder: Path) -> Iterator[None]:
    before = os.environ.get("AFCOST_HOME")
    os.environ["AFCOST_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["AFCOST_HOME"]
        else:
            os.environ["AFCOST_HOME"] = before


def _copy_if_there(source: str, to: str) -> None:
    """Copy a file; one that is only there for a moment may be gone by then."""
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, to)


def _save_snapshot(url: str, schema: str, name: str) -> None:
    """Copy a schema as of one moment."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        there = connection.execute("SELECT to_regclass(%s)", (f'"{schema}".head',)).fetchone()
        connection.execute(f'CREATE SCHEMA "{name}"')
        for table in TABLES if there and there[0] else ():
            copied = f'"{name}".{table} AS SELECT * FROM "{schema}".{table}'
            connection.execute(f"CREATE TABLE {copied}")


def _restore_snapshot(url: str, schema: str, name: str) -> None:
    """Put a schema back to what it was; where it was not there yet, it is gone."""
    with psycopg.connect(url) as connection:
        _disconnect_others(connection)
        copied = connection.execute("SELECT to_regclass(%s)", (f'"{name}".head',)).fetchone()
        lost = f"{schema}_lost"
        names = connection.execute("SELECT nspname FROM pg_namespace").fetchall()
        if not (copied and copied[0]):
            connection.execute(f'ALTER SCHEMA "{schema}" RENAME TO "{lost}"')
            return
        if (lost,) in names:
            connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
            connection.execute(f'ALTER SCHEMA "{lost}" RENAME TO "{schema}"')
        connection.execute("SET LOCAL session_replication_role = replica")
        tables = ", ".join(f'"{schema}".{table}' for table in TABLES)
        connection.execute(f"TRUNCATE {tables} CASCADE")
        for table in TABLES:
            connection.execute(f'INSERT INTO "{schema}".{table} SELECT * FROM "{name}".{table}')


def _expire_leases(url: str, schema: str) -> None:
    """Wait, as it were, until the leases of workers that were killed have expired."""
    with psycopg.connect(url) as connection:
        there = connection.execute("SELECT to_regclass(%s)", (f'"{schema}".worker',)).fetchone()
        if there and there[0]:
            late = "UPDATE {}.worker SET until = now() - interval '1 second'"
            connection.execute(sql.SQL(late).format(sql.Identifier(schema)))


def _disconnect_others(connection: psycopg.Connection) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def amount(restored: Restored) -> str:
    """Return a campaign's figure with how it went, in a line."""
    ends = " > ".join(run.end for run in restored.runs)
    return f"{restored.of_cap:.3f} {'refused' if restored.refused else 'went on'}: {ends}"
