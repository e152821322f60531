"""Jobs that are known to be done without their texts are done; of no other is anything lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.prompts import KnownVerdicts
from experiment.prompts.request_builder import RequestBuilder
from runner.execution.queues.done_jobs import find_done_places
from runner.execution.queues.earlier_answers import EarlierAnswers
from runner.execution.scheduler import StopReason
from runner.ledger.schema import Work
from tests.runner import sample_experiment as lab
from tests.runner.execution.test_selected_judges import JUDGES, talking
from tests.runner.ledger_texts import answered_completions

SEED = "a seed"
KINDS = {"two votes": {"votes": 2}, "no judge": {"votes": 0}, "selected": {"judges": JUDGES}}
WORK = Work("the only work", study="a study")
FATES = {"busy": 0.2, "lost": 0.2, "refused": 0.05}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("done")
    return {
        name: lab.make(folder / name.replace(" ", "-"), queries=4, **changes)
        for name, changes in KINDS.items()
    }


def list_done(made, ledger):
    """Return the places of which nothing is left, by all texts of a ledger."""
    answered = answered_completions(ledger)
    return {
        place
        for place in range(made.requests.subject_count)
        if has_nothing_left(made, made.requests.request_at(SEED, place), answered)
    }


def has_nothing_left(made, subject, answered):
    if subject.id not in answered:
        return False
    judges = made.judges_of(subject, answered[subject.id], KnownVerdicts(answered))
    return all(each.id in answered for each in judges)


def find_done(made, ledger):
    return {n for n, done in enumerate(find_done_places(made.requests, SEED, ledger)) if done}


@settings(lab.STEADY, max_examples=6)
@given(seed=lab.SEEDS, name=st.sampled_from(sorted(KINDS)), jobs=st.integers(2, 20))
def test_what_is_found_is_done_and_nothing_is_paid_twice(made, tmp_path_factory, seed, name, jobs):
    one = made[name]
    with lab.ledger_of(
        tmp_path_factory.mktemp("l") / "l.sqlite", one.dearest_job() * jobs
    ) as ledger:
        ledger.begin_work(WORK)
        lab.finish(lab.execution(one, ledger, lab.FakeProvider(one, talking(seed, **FATES))))
        found, answered = find_done(one, ledger), answered_completions(ledger)
        assert found <= list_done(one, ledger)
        ledger.record_approval(lab.approval(lab.AMPLE, plan="more"))
        again = lab.FakeProvider(one, talking(seed))
        assert lab.finish(lab.execution(one, ledger, again)).end is StopReason.COMPLETE
        assert answered.keys().isdisjoint(each.id for each in again.sent)
        assert len(list_done(one, ledger)) == one.requests.subject_count


@pytest.mark.parametrize("name", ["two votes", "no judge"])
def test_all_of_a_plain_run_is_found_and_read_by_no_later_one(made, tmp_path, name):
    one = made[name]
    with lab.ledger_of(tmp_path / "ledger.sqlite", lab.AMPLE) as ledger:
        assert find_done(one, ledger) == set()
        ledger.begin_work(WORK)
        lab.finish(lab.execution(one, ledger, lab.FakeProvider(one, lab.always())))
        assert find_done(one, ledger) == set(range(one.requests.subject_count))
        later = lab.execution(one, ledger, lab.FakeProvider(one, lab.always()))
        later._queue._earlier = None  # of what is done nothing is asked
        assert lab.finish(later).end is StopReason.COMPLETE


def test_where_a_second_plan_was_begun_each_job_is_read(made, tmp_path):
    one = made["two votes"]
    with lab.ledger_of(tmp_path / "ledger.sqlite", lab.AMPLE) as ledger:
        ledger.begin_work(WORK)
        lab.finish(lab.execution(one, ledger, lab.FakeProvider(one, lab.always())))
        ledger.begin_work(Work("another", study=WORK.study))
        ledger.continue_work()
        assert len(ledger.works()) == 2
        assert find_done(one, ledger) == set()


def test_where_a_cell_would_be_asked_otherwise_each_job_is_read(made, tmp_path, monkeypatch):
    """A version that names verdicts otherwise asks for them again, as it did before."""
    one = made["two votes"]
    with lab.ledger_of(tmp_path / "ledger.sqlite", lab.AMPLE) as ledger:
        ledger.begin_work(WORK)
        lab.finish(lab.execution(one, ledger, lab.FakeProvider(one, lab.always())))
        name = RequestBuilder.verdict_id
        monkeypatch.setattr(RequestBuilder, "verdict_id", lambda *args: name(*args)[:-1] + "x")
        assert find_done(one, ledger) == set()


@pytest.mark.parametrize("sequential", [False, True])
def test_a_place_is_found_by_what_stands_there(tmp_path, sequential):
    changes = {"factors": {"tier": {"free": {"tier": "free"}, "paid": {"tier": "paid"}}}}
    changes |= {"messages": [{"role": "user", "content": "{{ tier }}: {{ query }}"}]}
    changes |= {"sequential": {"looks": 2}} if sequential else {}
    requests = lab.make(tmp_path / "e", queries=5, votes=0, samples=3, **changes).requests
    for place in range(requests.subject_count):
        each = requests.request_at(SEED, place)
        cell = place % len(requests.cells)
        assert requests.find_place(SEED, cell, each.query, each.sample) == place
    assert requests.find_place(SEED, 0, 5, 0) is None
    assert requests.find_place(SEED, 0, 0, 3) is None


def test_answers_are_read_job_by_job(made, tmp_path):
    one = made["selected"]
    with lab.ledger_of(tmp_path / "ledger.sqlite", one.dearest_job() * 8) as ledger:
        lab.finish(lab.execution(one, ledger, lab.FakeProvider(one, talking(7))))
        answered, earlier = answered_completions(ledger), EarlierAnswers(ledger, one.requests)
        found = {}
        for subject in one.subjects():
            if (said := earlier.get(subject.id)) is None:
                continue
            found[subject.id] = said
            for each in one.judges_of(subject, said, KnownVerdicts(earlier)):
                assert each.id in earlier
                found[each.id] = earlier.get(each.id)
        assert found == answered
        assert len(earlier._job) < len(answered)
