"""Looks of a sequential test: taken once, after complete queries, and the same after a restart."""

from dataclasses import replace

import pytest

from estimator.plan.plan_file import save_plan
from estimator.plan.planner import estimate_experiment
from experiment.definition.loader import load_experiment
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import save_approval
from runner.errors import CannotSend
from runner.execution.scheduler import StopReason
from runner.launch import sequential_run
from runner.launch.preflight import refuse_shared_test
from runner.ledger.location import PostgresLocation
from runner.results.report import build_report
from tests.runner import sample_experiment as lab
from tests.runner.sample_experiment import NOW, run_plan
from tests.support.provider.behaviour import Behaviour

QUERIES, LOOKS = 40, 4
FIELDS = {
    "factors": {"tier": {"free": {"tier": "free"}, "paid": {"tier": "paid"}}},
    "messages": [{"role": "user", "content": "You serve the {{ tier }} tier. {{ query }}"}],
    "sequential": {"looks": LOOKS},
    "samples": 2,
}
BEHAVIOUR = Behaviour(
    input_tokens="counted", output_tokens=3, complies={"free tier": 0.55, "paid tier": 0.4}
)


@pytest.fixture
def planned(server, tmp_path):
    """Give the path of an approved plan of 40 queries, two samples each, with four looks."""
    return plan(server, tmp_path)


def plan(server, tmp_path, votes=0):
    source = lab.write(
        tmp_path / "e", queries=QUERIES, votes=votes, base_url=f"{server.url}/v1", **FIELDS
    )
    path = tmp_path / "plan.json"
    made = estimate_experiment(str(source), lab.DAY).plan
    save_plan(made, path)
    save_approval(Approval(made.digest, Money.from_usd("1"), "ada", NOW), path)
    server.reset(BEHAVIOUR)
    return path


def read(run):
    return build_report(run).sequential.recorded


@pytest.mark.parametrize("votes", [0, 2])
def test_a_look_waits_for_all_samples_and_votes_of_its_queries_and_for_no_others(
    server, tmp_path, monkeypatch, votes
):
    planned = plan(server, tmp_path, votes)
    sent_by = []
    take = sequential_run.take_looks

    def note(spec, seen, design, number, models):
        seen = list(seen)
        sent_by.append((number, len(server.bill().calls), len(seen)))
        return take(spec, seen, design, number, models)

    monkeypatch.setattr(sequential_run, "take_looks", note)
    run, progress = run_plan(planned, NOW, folder=tmp_path / "run", concurrency=16)
    assert progress.end is StopReason.COMPLETE
    each = 2 * 2 * QUERIES // LOOKS
    assert sent_by == [(n, n * each * (1 + votes), n * each) for n in range(1, LOOKS + 1)]
    assert votes or [look.pairs for look in read(run).looks] == [10, 20, 30, 40]


def test_a_run_that_dies_at_a_look_takes_the_same_one_when_it_goes_on(
    planned, tmp_path, monkeypatch
):
    record, lost = sequential_run.record_looks, []

    def die(ledger, design, looks):
        if looks[0].number == 2:
            lost.extend(looks)
            raise RuntimeError("killed before the look was recorded")
        record(ledger, design, looks)

    monkeypatch.setattr(sequential_run, "record_looks", die)
    with pytest.raises(RuntimeError, match="killed"):
        run_plan(planned, NOW, folder=tmp_path / "run")
    monkeypatch.setattr(sequential_run, "record_looks", record)
    run, progress = run_plan(planned, NOW, folder=tmp_path / "run")
    assert progress.end is StopReason.COMPLETE
    looks = read(run).looks
    assert [look.number for look in looks] == [1, 2, 3, 4]
    assert [looks[1]] == lost


def test_answers_that_failed_are_missing_from_their_look_which_is_not_taken_again(
    planned, server, tmp_path
):
    table = lab.honest(planned).input_tokens
    known = dict(list(table.items())[5:])  # the provider refuses five prompts with a 400
    server.reset(replace(BEHAVIOUR, input_tokens=known))
    run, progress = run_plan(planned, NOW, folder=tmp_path / "run", concurrency=1)
    assert progress.end is StopReason.FAILED
    looks = read(run).looks
    assert [look.number for look in looks] == [1, 2, 3, 4]
    assert looks[-1].pairs == QUERIES - 5
    server.reset(BEHAVIOUR)
    run, progress = run_plan(planned, NOW, folder=tmp_path / "run")
    assert progress.end is StopReason.COMPLETE
    assert read(run).looks == looks


def test_a_shared_ledger_is_refused(tmp_path):
    experiment = load_experiment(str(lab.write(tmp_path / "e", queries=QUERIES, **FIELDS)))
    shared = PostgresLocation("postgresql://ada@127.0.0.1/db", "small")
    with pytest.raises(CannotSend, match="without --ledger"):
        refuse_shared_test(shared, experiment)
