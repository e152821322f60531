"""What the tests of the gateway share: a provider for each module."""

import pytest

from tests.support.provider.server import run_provider


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider
