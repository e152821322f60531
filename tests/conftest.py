"""What all tests share."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from estimator.cores import count_cores
from estimator.user_dirs import state_folder
from tests.e2e.sample_experiment import Lab
from tests.support.forks import end_forks
from tests.support.postgres.server import PostgresHandle, run_postgres

# Tests start Python hundreds of times; without its cache all of afcost is compiled each time. The
# cache stands in __pycache__, which git ignores.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Ctrl-C and the like, which a shell has its background jobs ignore, are taken; children inherit it.
for _number, _handle in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handle)

# No example has a deadline: a busy machine must not fail a test that is about something else.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_xdist_auto_num_workers() -> int | None:
    """Return half as many processes again as there are cores: many tests wait most of the time."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None  # pytest-xdist obeys it
    return max(2, count_cores() * 3 // 2)


@pytest.fixture(autouse=True, scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what afcost remembers, counts and bills, away from the user's own."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFCOST_HOME", str(folder))
        patch.delenv("ANTHROPIC_API_KEY", raising=False)  # or estimates would ask there
        yield folder


@pytest.fixture(autouse=True)
def _no_trust() -> None:
    """Let no run begin with what other tests of the same server found honestly billed."""
    shutil.rmtree(state_folder() / "trust", ignore_errors=True)


@pytest.fixture(autouse=True)
def _forks() -> Iterator[None]:
    """Let no process outlive the test that started it."""
    yield
    end_forks()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresHandle]:
    """Return a PostgreSQL server, for all tests of this process that ask for one."""
    with run_postgres() as server:
        yield server


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Return an empty folder to run the real command in."""
    return Lab(tmp_path)
