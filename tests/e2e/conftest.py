"""What end-to-end tests share: a provider with its own bill, and the command in this process."""

from __future__ import annotations

import pytest

from afcost.cli import run_cli
from tests.support.provider.server import run_provider


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def afcost(tmp_path, monkeypatch, capsys):
    """Run the command line in this process, which is quicker; give what it printed and said."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, ends: int = 0) -> tuple[str, str]:
        capsys.readouterr()
        code = run_cli(list(arguments))
        printed = capsys.readouterr()
        assert code == ends, printed.err
        return printed.out, printed.err

    return run
