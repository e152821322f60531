"""The table's cells: true bill / cap is at most 1.00, and the cap gets used.

One of them by default, a few in CI, all of them under the marker:

    pytest -m campaigns tests/faults/test_cells.py
    pytest -m faults tests/faults/test_cells.py

`benchmarks/reliability.py` performs the same campaigns and writes docs/reliability.md.
"""

import pytest

from runner.execution.scheduler import StopReason
from tests.faults.campaign import perform
from tests.faults.fault_matrix import CONCURRENCY, ROWS, campaign

SHORT = {
    "none": (1, 10),
    "429 with Retry-After": (10,),
    "402": (10,),
    "connections refused for a while": (10,),
    "cut in the middle of a stream": (10,),
    "output beyond `max_tokens`": (10,),
    "all that holds or refuses, at once": (50,),
}


FIRST = "all that holds or refuses, at once"


def cells(*, short, names=tuple(row.name for row in ROWS)):
    return [
        pytest.param(row, concurrency, killed, id=f"{row.name}, {concurrency}{', killed' * killed}")
        for row in ROWS
        for concurrency in CONCURRENCY
        for killed in (False, True)
        if row.name in names
        if (concurrency in SHORT.get(row.name, ()) and killed is (concurrency > 1)) is short
    ]


def check(row, concurrency, killed, place):
    outcome = perform(campaign(row, concurrency, killed=killed), place)
    assert outcome.flaws == ()
    struck = {call.fault for call in place.provider.bill().calls}
    assert struck >= {fault.kind for fault in row.faults}
    assert outcome.end == (StopReason.STOPPED if row.stops else StopReason.CAP)
    assert outcome.of_cap <= (outcome.bound if row.lies else 1)
    if not row.stops:
        assert outcome.used >= 0.97
    if row.spends and not killed:
        assert outcome.of_cap >= 0.97
    if killed:
        assert "killed" in [run.end for run in outcome.runs]


@pytest.mark.parametrize(("row", "concurrency", "killed"), cells(short=True, names=(FIRST,)))
def test_a_cell_of_the_table(row, concurrency, killed, place):
    check(row, concurrency, killed, place)


@pytest.mark.campaigns
@pytest.mark.parametrize(
    ("row", "concurrency", "killed"), cells(short=True, names=tuple(set(SHORT) - {FIRST}))
)
def test_a_few_cells_of_the_table(row, concurrency, killed, place):
    check(row, concurrency, killed, place)


@pytest.mark.faults
@pytest.mark.parametrize(("row", "concurrency", "killed"), cells(short=False))
def test_every_other_cell_of_the_table(row, concurrency, killed, place):
    check(row, concurrency, killed, place)
