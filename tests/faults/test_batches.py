"""Batches at the test provider, over HTTP: a run is killed at every step, under every fault.

One command is killed as a process, with `kill -9`, in `tests/e2e/test_batches.py`.
"""

import pytest

from tests.faults.batch_campaign import SOME_FAULTS, has_fault, perform
from tests.runner.batches.served_batches import (
    FAULTS,
    make_served,
    with_keys,
)
from tests.support.provider.batches.served_forms import FORMS, MAIN_FORMS
from tests.support.provider.server import run_provider

_OF_MAIN_FORMS = (
    *("none", "create_lost", "create_500", "token_limit", "expired", "all_failed"),
    *("results_cut", "unsorted"),
)
_SOME = [
    *((form, fault) for form in MAIN_FORMS for fault in _OF_MAIN_FORMS),
    *((form, fault) for form in FORMS if form not in MAIN_FORMS for fault in SOME_FAULTS),
]
_EVERY = [
    (form, fault)
    for form in FORMS
    for fault in (FAULTS if form in MAIN_FORMS else SOME_FAULTS)
    if has_fault(form, fault)
]


@pytest.fixture(scope="module")
def provider():
    with run_provider() as handle:
        yield handle


@pytest.fixture
def campaign(provider, tmp_path, monkeypatch):
    """Kill runs of a form under a fault at each of some steps, until one comes to its end."""

    def perform_campaign(form: str, fault: str, stride: int) -> None:
        served = make_served(tmp_path / "e", form, provider)
        with with_keys(monkeypatch):
            found = perform(served, tmp_path, fault, stride)
        assert found.flaws == ()
        assert found.runs > 1

    return perform_campaign


@pytest.mark.campaigns
@pytest.mark.parametrize(("form", "fault"), _SOME)
def test_kills_at_some_steps_lose_nothing_and_pay_nothing_twice(campaign, form, fault):
    campaign(form, fault, 20 if form not in MAIN_FORMS else 40)


@pytest.mark.faults
@pytest.mark.parametrize(("form", "fault"), _EVERY)
def test_kills_at_every_step_lose_nothing_and_pay_nothing_twice(campaign, form, fault):
    campaign(form, fault, 1)
