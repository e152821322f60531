"""Programs under `afcost guard` while all goes wrong: the bill is within the cap.

    pytest -m campaigns tests/faults/gateway   # as CI does
    pytest -m faults tests/faults/gateway      # every cell of the table, and 300 random campaigns

`benchmarks/gateway_faults.py` performs the same, and writes docs/gateway-faults.md.
"""

from __future__ import annotations

import pytest

from tests.faults.gateway.campaign import perform
from tests.faults.gateway.matrix import ROWS, THREADS, gateway_campaign
from tests.faults.gateway.random_campaigns import check_random
from tests.support.provider.server import run_provider

FIRST, CI, ALL = (3, 10), 12, 300
SHORT = {
    "none": (50,),
    "cut in the middle of a stream": (10,),
    "all that holds or refuses, at once": (10,),
}


@pytest.fixture(scope="module")
def server():
    with run_provider() as given:
        yield given


@pytest.mark.parametrize("seed", FIRST)
def test_no_promise_is_broken(seed, tmp_path, server):
    check_random(seed, tmp_path / "lab", server)


@pytest.mark.campaigns
@pytest.mark.parametrize("seed", [seed for seed in range(CI) if seed not in FIRST])
def test_a_few_times_more(seed, tmp_path, server):
    check_random(seed, tmp_path / "lab", server)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(CI, ALL))
def test_three_hundred_times(seed, tmp_path, server):
    check_random(seed, tmp_path / "lab", server)


def cells(*, short):
    return [
        pytest.param(row, threads, killed, id=f"{row.name}, {threads}{', killed' * killed}")
        for row in ROWS
        for threads in THREADS
        for killed in (False, True)
        if (killed and threads in SHORT.get(row.name, ())) is short
    ]


def check_cell(row, threads, killed, folder, server):
    outcome = perform(gateway_campaign(row, threads, killed=killed), folder, server)
    assert outcome.flaws == (), outcome
    if not row.lies:
        assert outcome.of_cap <= 1
    if not row.stops:
        left = outcome.cap - outcome.settled - outcome.held
        assert left <= outcome.reserved


@pytest.mark.campaigns
@pytest.mark.parametrize(("row", "threads", "killed"), cells(short=True))
def test_a_few_cells_of_the_table(row, threads, killed, tmp_path, server):
    check_cell(row, threads, killed, tmp_path / "lab", server)


@pytest.mark.faults
@pytest.mark.parametrize(("row", "threads", "killed"), cells(short=False))
def test_every_other_cell_of_the_table(row, threads, killed, tmp_path, server):
    check_cell(row, threads, killed, tmp_path / "lab", server)
