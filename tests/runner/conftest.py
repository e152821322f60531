"""Experiments that are made once for all tests of this room, and ledgers without number."""

import itertools
from functools import cache

import pytest

from tests.runner import sample_experiment as lab


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Return an experiment of `sample_experiment.EXPERIMENTS` by its name, each made once."""
    folder = tmp_path_factory.mktemp("experiments")
    return cache(lambda name: lab.make(folder / name.replace(" ", "-"), **lab.EXPERIMENTS[name]))


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """Return the path of a new ledger at each call; a property needs many."""
    folder, numbers = tmp_path_factory.mktemp("ledgers"), itertools.count()
    return lambda: folder / f"{next(numbers)}.sqlite"
