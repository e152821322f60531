"""A pilot of a study whose ledger several processes share: the same queries, each paid once."""

import pytest

from runner.execution.progress import StopReason
from runner.launch.run_options import RunOptions
from runner.pilot import PilotGoal, run_pilot
from tests.runner.sample_experiment import NOW
from tests.runner.workers import prepare

CALLS = 2 * 4  # an answer and its judge, of each condition


@pytest.fixture(scope="module")
def server():
    from tests.support.provider.server import run_provider  # noqa: PLC0415 - starts a process

    with run_provider() as provider:
        yield provider


def pilot(site, most):
    options = RunOptions(folder=site.folder, ledger_url=site.ledger, concurrency=4)
    return run_pilot(site.plan, NOW, PilotGoal(1e-6, most), options)


def test_it_asks_its_own_queries_and_a_run_asks_the_others(server, postgres, tmp_path):
    site = prepare(tmp_path, server, postgres.database(), queries=9)
    found = pilot(site, 6)
    assert (found.progress.end, found.asked, found.has_ended) == (StopReason.PILOT, 6, True)
    assert [(look.queries, look.calls) for look in found.looks] == [(5, 40), (6, 48)]
    assert len(server.bill().billed) == CALLS * 6
    assert found.looks[-1].paid == site.billed() == site.report().balance.settled
    assert site.report().end == "pilot"

    assert [look.queries for look in pilot(site, 7).looks] == [5, 7]
    assert len(server.bill().billed) == CALLS * 7
    (worker,) = site.start(1)
    assert worker.end().end == "complete"
    assert len(server.bill().billed) == CALLS * 9
    assert site.billed() == site.report().balance.settled
