"""What hostile inputs share: a server that listens, and a command that starts quickly."""

import pytest

from tests.hostile.scene import Scene
from tests.hostile.server import run_hostile_server
from tests.hostile.worker import warm_commands


@pytest.fixture(scope="session")
def hostile_server():
    with run_hostile_server() as server:
        yield server


@pytest.fixture(scope="session")
def commands():
    with warm_commands() as started:
        yield started


@pytest.fixture
def scene(tmp_path, hostile_server):
    return Scene(tmp_path / "scene", hostile_server.url)
