"""What the tests of launching share: a provider for each module, and a study at it."""

import pytest

from tests.runner.launch.a_study import Study
from tests.support.provider.server import run_provider


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def study(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Study(tmp_path, server)
