"""What does not come is given up only after some time, whatever one clock is set to."""

from datetime import UTC, datetime, timedelta

import pytest

from pricing.money import Money
from runner.batches.notes.waiting import Moment, begin_wait, count_wait, has_waited
from runner.execution import StopReason
from runner.ledger import ChunkNote
from tests.runner.batches.fake_batches import FakeBatches, Faults, Run
from tests.runner.sample_experiment import AMPLE, MODEL, FakeProvider, always, ledger_of, make

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOTE = ChunkNote(chunk="afc-1", model=MODEL, stage="subject")
WHOLE = timedelta(minutes=15)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return make(tmp_path_factory.mktemp("experiment"), queries=1)


def a_run(lab, folder, faults):
    batches = FakeBatches(lab, faults)
    return Run(lab, folder / "ledger.sqlite", AMPLE, batches, FakeProvider(lab, always(4)))


def wait(*looks, there=True):
    """Return the note after looks at minutes of this machine's clock and the provider's."""
    moments = [
        Moment(NOW + timedelta(minutes=here), NOW + timedelta(minutes=other) if there else None)
        for here, other in looks
    ]
    note = begin_wait(NOTE, moments[0])
    for moment in moments[1:]:
        note = count_wait(note, moment, WHOLE)
    return note


def test_minutes_are_counted_from_look_to_look():
    assert wait((0, 0), (2, 2), (4, 4)).waited == 240
    assert not has_waited(wait(*((n, n) for n in range(15))), WHOLE)
    assert has_waited(wait(*((n, n) for n in range(16))), WHOLE)


@pytest.mark.parametrize(
    "looks",
    [
        [(0, 0), (1440, 1), (1441, 2)],  # this machine's clock is set forward
        [(0, 0), (1, 1440), (2, 1441)],  # what the provider says is
        [(0, 0), (-1440, 1), (0, 2)],  # it is set back, and put right
    ],
)
def test_a_clock_that_is_set_adds_nothing_that_the_other_does_not_show(looks):
    assert wait(*looks).waited <= 120


def test_where_a_provider_states_no_time_one_look_counts_for_a_third_at_most():
    note = wait((0, 0), (1440, 0), there=False)
    assert note.waited == 300
    assert not has_waited(note, WHOLE)
    assert has_waited(wait((0, 0), (9, 0), (18, 0), (27, 0), there=False), WHOLE)


def test_looks_close_together_add_up_and_are_not_all_recorded():
    looks = [(n / 10, n / 10) for n in range(151)]
    notes = {wait(*looks[: n + 1]).waited_here for n in range(len(looks))}
    assert has_waited(wait(*looks), WHOLE)
    assert len(notes) < 65


def test_a_batch_that_is_listed_late_is_not_sent_twice_though_a_clock_jumps(lab, tmp_path):
    run = a_run(lab, tmp_path, Faults(creation="done", bad=1))
    run.batches.look, run.batches.hidden = 60 * 24, 2
    progress, _ = run.go()
    assert progress.end is StopReason.COMPLETE
    assert len(run.batches.batches) == 2, "one of subjects, one of judges"
    with ledger_of(run.path) as ledger:
        assert ledger.balance.settled == run.billed


@pytest.mark.parametrize(("told_after", "held"), [(50, False), (None, True)])
def test_lines_that_results_leave_out_are_given_an_hour(lab, tmp_path, told_after, held):
    run = a_run(lab, tmp_path, Faults(told="late"))
    run.batches.look, begun = 1, run.batches.clock()
    if told_after:
        run.batches.whole_at = begun + timedelta(minutes=told_after)
    progress, _ = run.go()
    assert progress.end is StopReason.COMPLETE
    with ledger_of(run.path) as ledger:
        assert (ledger.balance.held > Money()) is held
        assert all(each.fetches < 20 for each in ledger.chunks())
    assert (max(run.batches.answers.values()) > 1) is held
    assert run.batches.clock() - begun > timedelta(minutes=told_after or 60)
