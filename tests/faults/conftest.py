"""One provider and one launcher of runs for all campaigns of a module."""

import pytest

from tests.faults.campaign_setup import stage


@pytest.fixture(scope="module")
def place():
    with stage() as given:
        yield given
