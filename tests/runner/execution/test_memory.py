"""What a run keeps of its requests in memory: of those that are open, not of all that it sent."""

from __future__ import annotations

from pricing.money import Money
from tests.runner.sample_experiment import FakeProvider, always, execution, finish, ledger_of, make


def test_of_a_finished_job_nothing_is_kept(tmp_path):
    lab = make(tmp_path / "e", queries=10, votes=2)
    with ledger_of(tmp_path / "ledger.sqlite", Money(10**15)) as ledger:
        running = execution(lab, ledger, FakeProvider(lab, always()), concurrency=8)
        finish(running)
        assert ledger.count_answered() > 0
        assert not running._answered
        assert not running._retries
        assert not running._attempt_runner.last_attempts
        assert not running._worst_case._counts
        assert not running._jobs._seen


def test_of_jobs_that_were_done_before_nothing_is_kept_either(tmp_path):
    lab = make(tmp_path / "e", queries=10, votes=2)
    with ledger_of(tmp_path / "ledger.sqlite", Money(10**15)) as ledger:
        finish(execution(lab, ledger, FakeProvider(lab, always())))
        again = execution(lab, ledger, FakeProvider(lab, always()))
        assert not again._answered
        finish(again)
        assert not again._answered
        assert not again._attempt_runner.last_attempts
