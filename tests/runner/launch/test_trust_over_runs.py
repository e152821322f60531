"""A run begins with as many requests in flight as earlier runs here found honestly billed."""

from __future__ import annotations

import pytest

from estimator.plan import plan_file as plans
from estimator.plan.planner import estimate_experiment
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import save_approval
from runner.execution.scheduler import StopReason
from tests.runner import sample_experiment as lab
from tests.runner.sample_experiment import NOW, honest, run_plan
from tests.support.provider.behaviour import Fault

QUERIES, IN_FLIGHT = 6, 8  # of four conditions


@pytest.fixture(autouse=True)
def _own_home(monkeypatch, tmp_path):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))


@pytest.fixture
def run_study(server, tmp_path):
    """Return what runs a study, and tells how many calls the provider answered.

    A hundredth of its cap pays for so many requests of the mean size; the largest is larger.
    """

    def run(name, *, hundredth=2, breaks=False):
        url, folder = f"{server.url}/v1", tmp_path / name
        source = lab.write(folder / "e", queries=QUERIES, votes=0, base_url=url, name=name)
        plan, path = estimate_experiment(str(source), lab.DAY).plan, folder / "plan.json"
        plans.save_plan(plan, path)
        requests = 4 * QUERIES
        cap = Money(plan.total.ceiling.pico * 100 * hundredth // requests)
        save_approval(Approval(plan.digest, cap, "ada", NOW), path)
        faults = (Fault("over_max", probability=1),) if breaks else ()
        server.reset(honest(path, faults=faults, delay=0.1))
        _, progress = run_plan(path, NOW, folder=folder / "run", concurrency=IN_FLIGHT)
        assert progress.end is (StopReason.STOPPED if breaks else StopReason.COMPLETE)
        return len(server.bill().calls)

    return run


@pytest.mark.parametrize(("hundredth", "sent"), [(4, 3), (IN_FLIGHT + 1, IN_FLIGHT)])
def test_a_breach_after_honest_runs_meets_what_a_hundredth_of_the_cap_pays(
    run_study, hundredth, sent
):
    run_study("honest")
    assert run_study("then-not", hundredth=hundredth, breaks=True) == sent
    assert run_study("nor-then", hundredth=IN_FLIGHT + 1, breaks=True) == 1
