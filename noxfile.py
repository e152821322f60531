"""The steps that a change must pass. `nox` runs all of them, `nox -s lint` one of them.

nox rather than a justfile, because it is Python and comes with `pip install '.[test]'`; each step
is written here once, for contributors and for `.ci/run`. Steps run in the environment that nox
itself is installed in, because the tests need the packages that are there already; only `install`
makes a new one, because it shows that a fresh environment is enough.
"""

from __future__ import annotations

import os
import shutil
import sys

import nox
from nox.command import CommandFailed

nox.options.default_venv_backend = "none"
nox.options.sessions = ["install", "lint", "types", "tests", "campaigns", "browser"]


@nox.session(venv_backend="venv", reuse_venv=False)
def install(session: nox.Session) -> None:
    """Run the README's first command in a fresh environment, outside of the checkout."""
    session.install(".")
    session.chdir(session.create_tmp())  # the installed packages, not those of the checkout
    session.run("afcost", "estimate", "--model", "llama-3.1-70b")


@nox.session
def lint(session: nox.Session) -> None:
    """Check the code's style and format."""
    _run_module(session, "ruff", "check", ".")
    _run_module(session, "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, as strictly as pyproject.toml says."""
    _run_module(session, "mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the fast tests; `nox -s tests -- tests/pricing` runs some of them."""
    _run_module(session, "pytest", "--durations=5", *session.posargs)


@nox.session
def campaigns(session: nox.Session) -> None:
    """Run what CI runs beside the fast tests: faults, processes that share a cap, many chats."""
    _run_module(session, "pytest", "-m", "campaigns", "--durations=5")


@nox.session(venv_backend="venv", reuse_venv=False)
def browser(session: nox.Session) -> None:
    """Look at the pages in Chromium, in a fresh environment; CI installs Chromium where it can."""
    if "CI" in os.environ and shutil.which("chromium") is None:
        _install_chromium(session)
    session.install(".[page,postgres,browser]")  # the tests have a PostgreSQL in common
    needs = {"AFCOST_NEEDS_BROWSER": "1"} if shutil.which("chromium") else {}
    session.run("python", "-m", "pytest", "tests/browser", *session.posargs, env=needs)


@nox.session(venv_backend="venv", reuse_venv=False)
def readers(session: nox.Session) -> None:
    """Let Inspect and pandas read exports, in a fresh environment: they bring many packages."""
    session.install(".[test,inspect,parquet]")
    session.run("python", "-m", "pytest", "-m", "readers", "-n", "0")


@nox.session(venv_backend="venv", reuse_venv=False)
def cluster(session: nox.Session) -> None:
    """Let Ray start workers on this machine, in a fresh environment: it brings 240 MB."""
    session.install(".[test,cluster]")
    session.run("python", "-m", "pytest", "-m", "cluster", "-n", "0")


@nox.session(venv_backend="venv", reuse_venv=True)
def clients(session: nox.Session) -> None:
    """Let real clients of providers come to the gateway's door; each is installed by its test."""
    session.install(".[test]")
    folder = {"AFCOST_CLIENTS": str(session.cache_dir.resolve() / "clients")}
    session.run("python", "-m", "pytest", "-m", "clients", "-n", "0", *session.posargs, env=folder)


@nox.session
def docs(session: nox.Session) -> None:
    """Run only the tests of documents and examples; `tests` includes them."""
    _run_module(session, "pytest", "tests/test_docs.py", "tests/test_examples.py")


def _install_chromium(session: nox.Session) -> None:
    """Install Debian's Chromium; where that is not possible the tests say what they skip."""
    try:
        session.run("apt-get", "update", "-qq", external=True)
        session.run("apt-get", "install", "-qq", "-y", "chromium", external=True, silent=True)
    except CommandFailed:
        session.warn("Chromium cannot be installed here: the pages are not looked at")


def _run_module(session: nox.Session, *arguments: str) -> None:
    session.run(sys.executable, "-m", *arguments)
