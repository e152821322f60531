"""The newest cap counts at once, for processes that run too: what was in flight may still come."""

from datetime import timedelta

import pytest

from estimator.plan import read_plan
from pricing.money import Money
from runner.approval import Approval, approval_path
from runner.launch import approve_plan
from runner.ledger import read_ledger
from runner.results import build_report
from runner.run_folder import locate_plan_ledger, open_run_folder
from tests.runner.sample_experiment import NOW
from tests.runner.workers import prepare
from tests.support.waiting import wait_until_billed

CONCURRENCY = 4


def lower(site, cap, at=NOW + timedelta(hours=1)):
    plan = read_plan(site.plan)
    approve_plan(plan, site.plan, Approval(plan.digest, cap, "ada", at))


def balance(site):
    plan = read_plan(site.plan)
    with read_ledger(locate_plan_ledger(site.folder, plan, site.ledger)) as reader:
        return reader.balance()


@pytest.mark.parametrize(
    ("store", "processes"),
    [
        ("file", 1),
        ("postgresql", 1),
        pytest.param("postgresql", 4, marks=pytest.mark.campaigns),
        pytest.param("postgresql", 8, marks=pytest.mark.campaigns),
    ],
)
def test_a_cap_that_is_lowered_stops_all_but_what_is_in_flight(
    server, postgres, tmp_path, store, processes
):
    url = postgres.database() if store == "postgresql" else None
    site = prepare(tmp_path, server, url, queries=60, delay=0.05)
    workers = site.start(processes, concurrency=CONCURRENCY)
    wait_until_billed(server, 40)
    before, lowered = len(server.bill().calls), Money(1)
    lower(site, lowered, NOW - timedelta(hours=2))  # a clock that was set back
    at_that_time = len(server.bill().calls)
    ends = [worker.end() for worker in workers]
    assert {end.end for end in ends} == {"cap"}, ends
    assert any("the cap was lowered to" in end.reason for end in ends), ends
    calls = len(server.bill().calls)
    assert 40 <= before <= calls < 4 * 60 * 2
    assert calls - at_that_time <= processes * CONCURRENCY
    after = balance(site)
    assert after.cap == lowered
    assert (after.reserved, after.aside) == (Money(), Money())
    assert site.billed() <= after.settled + after.held


def test_a_cap_in_the_middle_is_used_and_not_exceeded(server, tmp_path):
    site = prepare(tmp_path, server, None, queries=60, delay=0.02)
    worker = site.start(1, concurrency=CONCURRENCY)[0]
    wait_until_billed(server, 20)
    report = build_report(open_run_folder(site.folder))
    assert sum(actual.failed for _, actual in report.strata) == 0  # in flight is not failed
    cap = Money(site.cap.pico // 3)
    lower(site, cap)
    assert worker.end().end == "cap"
    assert site.billed() <= balance(site).settled <= cap
    assert site.billed().pico > 0.8 * cap.pico


@pytest.mark.parametrize("content", ["", "{", '{"approval": {}}', "another plan", "gone"])
def test_a_file_that_is_no_approval_of_this_plan_changes_no_cap(server, tmp_path, content):
    site = prepare(tmp_path, server, None, queries=8, delay=0.02)
    worker = site.start(1, concurrency=CONCURRENCY)[0]
    wait_until_billed(server, 8)
    path = approval_path(site.plan)
    if content == "gone":
        path.unlink()
    elif content == "another plan":
        digest = read_plan(site.plan).digest
        path.write_text(path.read_text().replace(digest, "0" * 64))
    else:
        path.write_text(content)
    assert worker.end().end == "complete"
    assert balance(site).cap == site.cap


def test_a_cap_that_is_raised_goes_on_with_what_waits(server, tmp_path):
    site = prepare(tmp_path, server, None, queries=8, share=0.3)
    assert site.start(1)[0].end().end == "cap"
    lower(site, Money(site.cap.pico * 4))
    assert site.start(1)[0].end().end == "complete"
    assert balance(site).cap == Money(site.cap.pico * 4)
