"""Batches at the test provider, over HTTP: a run is killed at every step, under every fault.

What is killed is the process as its ledger and its provider see it: from a step on, nothing reaches
either of them. One command is killed as a process, with `kill -9`.
"""

import itertools

import pytest

from tests.runner.batches.served_batches import (
    FAULTS,
    FOREVER,
    FORMS,
    UNTOLD,
    kill_served,
    make_served,
    with_keys,
)
from tests.support.provider.server import run_provider

_MOST_STEPS = 2_000
_SOME = ("none", "create_lost", "create_500", "expired", "all_failed", "results_cut", "unsorted")


@pytest.fixture(scope="module")
def provider():
    with run_provider() as handle:
        yield handle


@pytest.fixture
def campaign(provider, tmp_path, monkeypatch):
    """Kill runs of a form under a fault at each of some steps, until one comes to its end."""

    def perform(form: str, fault: str, stride: int) -> None:
        lab = make_served(tmp_path / "e", form, provider)
        with with_keys(monkeypatch):
            for step in itertools.count(1, stride):
                assert step < _MOST_STEPS
                folder = tmp_path / f"{step}"
                outcome = kill_served(lab, folder, form, provider, fault, step)
                assert outcome.share <= 1
                assert outcome.lost == 0 or (form, fault) in FOREVER, outcome.reason
                assert outcome.paid_twice == 0 or fault in UNTOLD
                if not outcome.was_killed:
                    return

    return perform


@pytest.mark.campaigns
@pytest.mark.parametrize("fault", _SOME)
@pytest.mark.parametrize("form", FORMS)
def test_kills_at_some_steps_lose_nothing_and_pay_nothing_twice(campaign, form, fault):
    campaign(form, fault, 40)


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("form", FORMS)
def test_kills_at_every_step_lose_nothing_and_pay_nothing_twice(campaign, form, fault):
    campaign(form, fault, 1)
