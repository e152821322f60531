"""A run with batches, whatever the provider does: each answer is paid once, below the cap."""

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from estimator.workload.model_resolution import resolve_models
from experiment.definition import SUBJECT
from experiment.definition.loader import load_experiment
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.sources.user_prices import read_user_prices
from providers.batches import LineEnd
from runner.execution import StopReason
from runner.ledger import ChunkState
from runner.ledger.location import FileLocation
from runner.ledger.open import read_ledger
from tests.runner.batches.crashes import kill_at
from tests.runner.batches.fake_batches import LIMITS, NOTHING_WRONG, FakeBatches, Faults, Run
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import (
    AMPLE,
    DAY,
    MODEL,
    FakeProvider,
    Lab,
    always,
    ledger_of,
    make,
    write,
)

JUDGE = "my-lab/llama-3.3-70b"
FAULTS = {
    "none": NOTHING_WRONG,
    "create lost, done": Faults(creation="done"),
    "create lost, not done": Faults(creation="undone"),
    "create refused": Faults(creation="refused"),
    "upload lost": Faults(upload=True),
    "queue full": Faults(validation="queue", bad=1),
    "expired": Faults(ended=LineEnd.EXPIRED),
    "cancelled": Faults(ended=LineEnd.CANCELLED),
    "all lines refused": Faults(refused=True),
    "told twice": Faults(told="twice"),
    "shuffled": Faults(told="shuffled"),
    "strange lines": Faults(told="strange"),
    "lines are missing": Faults(told="partly"),
    "cut half-way": Faults(fetching="once"),
    "always cut half-way": Faults(fetching="always"),
    "goes back": Faults(goes_back=True),
    "denied, and told": Faults(told="denied"),
    "another batch is told of": Faults(strays="poll"),
    "another chunk is told of": Faults(strays="name"),
    "created as another": Faults(strays="creation"),
    "refused once it has ended": Faults(told="partly", takes_back=True),
}
# What the provider has done and does not tell is held, and asked for again.
UNTOLD = ("lines are missing", "always cut half-way", "refused once it has ended")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return make(tmp_path_factory.mktemp("experiment"), queries=2)


@pytest.fixture(scope="module")
def judged_elsewhere(tmp_path_factory):
    """An experiment whose judge is another model than its subject."""
    folder = tmp_path_factory.mktemp("judged")
    judge = {
        "name": "compliance",
        "model": JUDGE,
        "samples": 1,
        "messages": [{"role": "user", "content": "Was this refused? Answer: {{ output }}"}],
        "sampling": {"max_tokens": 8},
    }
    experiment = load_experiment(str(write(folder, queries=4, judges=[judge])))
    prices = {"prices": {name: {"input": "0.40", "output": "0.80"} for name in (MODEL, JUDGE)}}
    (folder / "afcost.prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")
    book = PriceBook(DAY, read_user_prices([folder]))
    return Lab(experiment, resolve_models(experiment, book))


def a_run(lab, path, faults=NOTHING_WRONG, cap=AMPLE, **changes):
    return Run(lab, path, cap, FakeBatches(lab, faults), FakeProvider(lab, always(4)), **changes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_happens_all_is_answered_once_and_accounted_for(lab, path, name):
    run = a_run(lab, path, FAULTS[name])
    progress, _ = run.go()
    assert progress.end is StopReason.COMPLETE, progress.reason
    assert progress.answered == 16
    with ledger_of(run.path) as ledger:
        assert lab.unjudged(ledger) == []
        now = ledger.balance
        assert now.reserved == now.aside == Money()
        assert run.billed <= now.settled + now.held <= AMPLE
        if name not in UNTOLD:
            assert (now.settled, now.held) == (run.billed, Money())
            assert set(run.batches.answers.values()) == {1}
        assert len(answered_texts(ledger)) == 16
        assert ledger.open_chunks() == []
    with read_ledger(FileLocation(run.path)) as reader:
        assert reader.find_tampering() is None
    assert list((path.parent / "batches").iterdir()) == []


@pytest.mark.parametrize("step", [20, 26, 47, 80])
@pytest.mark.parametrize("name", ["expired"])
def test_a_kill_loses_nothing_and_pays_nothing_twice(lab, tmp_path, name, step):
    cap = lab.dearest_job() * 10
    outcome = kill_at(lab, tmp_path / "run", cap, FAULTS[name], step)
    assert outcome.was_killed
    assert (outcome.lost, outcome.paid_twice, outcome.held) == (0, 0, Money())
    assert outcome.share <= 1


def test_nothing_is_created_once_the_approval_ended_while_a_file_was_uploaded(lab, path):
    run = a_run(lab, path)
    run.may_begin = lambda: not run.batches.uploads
    progress, _ = run.go(waits=False)
    assert progress.end is StopReason.AWAY
    assert (run.batches.uploads, run.batches.tried) == (1, 0)
    with ledger_of(path) as ledger:
        (note,) = ledger.open_chunks()
        assert note.state is ChunkState.UPLOADED


@pytest.mark.parametrize(("days", "held"), [(30, False), (40, True)])
def test_a_batch_that_its_provider_forgot_is_held_once_no_result_can_be_kept(lab, path, days, held):
    run = a_run(lab, path)
    run.batches.works = False
    run.go(waits=False)
    with ledger_of(path) as ledger:
        (note,) = ledger.open_chunks()
        asked = datetime.now(UTC) - timedelta(days=days)
        ledger.record_chunk(replace(note, asked_at=asked.isoformat()))
    part = path.parent / "batches" / f"{note.chunk}.results.jsonl.0.part"
    part.write_text("an answer")
    run.batches.knows, run.may_begin = False, lambda: False
    run.go(waits=False)
    with ledger_of(path) as ledger:
        assert (ledger.balance.held == Money(note.reserved)) is held
        assert (ledger.balance.reserved == Money()) is held
    assert part.exists() is not held


@pytest.mark.parametrize(("blocks", "largest"), [(1, 4), (2, 8)])
def test_a_batch_has_no_more_results_than_one_answer_can_have(
    judged_elsewhere, path, blocks, largest
):
    most = blocks * 4 * (2_000 + 24 * 16)
    run = a_run(judged_elsewhere, path, limits=replace(LIMITS, answer_bytes=most))
    progress, _ = run.go()
    assert progress.end is StopReason.COMPLETE
    sent = run.batches.batches.values()
    assert max(len(each.lines) for each in sent if each.lines[0][1].stage == SUBJECT) == largest


def test_without_waiting_a_run_leaves_batches_and_the_next_one_collects_them(lab, path):
    run = a_run(lab, path)
    run.batches.works = False
    for _ in range(2):
        progress, course = run.go(waits=False)
        assert progress.end is StopReason.AWAY
        assert "4 requests of my-lab/llama-3.1-8b (subject)" in course.describe_open()
    assert run.batches.tried == 1
    with ledger_of(run.path) as ledger:
        (note,) = ledger.open_chunks()
        assert ledger.balance.reserved == Money(note.reserved)
        assert ledger.balance.aside > Money(), "the judges of what is away are not covered"
    run.batches.works = True
    assert run.go()[0].end is StopReason.COMPLETE


def test_the_first_batch_of_a_model_is_one_block_and_later_ones_are_a_tenth_of_the_cap(path):
    run = a_run(make(path.parent / "e", queries=20), path, cap=Money.from_usd("0.006"))
    assert run.go()[0].end is StopReason.COMPLETE
    with ledger_of(run.path) as ledger:
        notes = [each for each in ledger.chunks() if each.stage == "subject"]
        assert notes[0].lines == 4
        assert all(each.lines % 4 == 0 for each in notes), "a block was cut"
        assert max(each.reserved for each in notes[1:]) <= run.cap.pico // 10
        assert len(notes) < 20


def test_at_the_cap_conditions_are_balanced_and_every_answer_is_judged(lab, path):
    lab = make(path.parent / "e", queries=10)
    run = a_run(lab, path, cap=lab.dearest_job() * 18)
    progress, _ = run.go()
    assert progress.end is StopReason.CAP
    assert "the next block of conditions may cost" in progress.reason
    with ledger_of(run.path) as ledger:
        assert lab.unjudged(ledger) == []
        assert ledger.balance.settled == run.billed <= run.cap
        answered = answered_texts(ledger)
    counts = Counter(each.condition for each in lab.subjects() if each.id in answered)
    assert len(set(counts.values())) == 1
    assert set(counts) == set(lab.conditions)


@pytest.mark.parametrize("batched", [{MODEL}, {JUDGE}, {MODEL, JUDGE}])
def test_models_without_batches_are_called_beside(judged_elsewhere, path, batched):
    lab = judged_elsewhere
    run = a_run(lab, path, batched=frozenset(batched))
    progress, _ = run.go()
    assert progress.end is StopReason.COMPLETE, progress.reason
    assert {each.model for each in run.calls.sent} == {MODEL, JUDGE} - batched
    with ledger_of(run.path) as ledger:
        assert lab.unjudged(ledger) == []
        assert ledger.balance.settled == run.billed
        assert len(answered_texts(ledger)) == 32


@pytest.mark.parametrize("batched", [{MODEL}, {JUDGE}])
def test_calls_that_the_cap_does_not_cover_wait_for_what_batches_free(
    judged_elsewhere, path, batched
):
    lab = judged_elsewhere
    run = a_run(lab, path, cap=lab.dearest_job() * 9, batched=frozenset(batched))
    progress, _ = run.go()
    assert progress.end in (StopReason.CAP, StopReason.COMPLETE)
    with ledger_of(run.path) as ledger:
        assert lab.unjudged(ledger) == []
        assert run.billed <= ledger.balance.settled <= run.cap


def test_only_stored_answers_are_judged_where_no_subject_may_be_asked(path):
    plain, judged = (make(path.parent / f"{votes}", queries=4, votes=votes) for votes in (0, 1))
    run = a_run(plain, path, cap=plain.dearest_job() * 10)
    assert run.go()[0].end is StopReason.CAP
    answers = len(run.batches.answers)
    assert 0 < answers < 16
    run = a_run(judged, path, answered_only=True)
    for waits in (False, True):
        progress, _ = run.go(waits=waits)
    assert progress.end is StopReason.JUDGED
    assert progress.reason == (f"{16 - answers} subject requests have no answer, and none was sent")
    assert len(run.batches.answers) == answers
    with ledger_of(path) as ledger:
        assert judged.unjudged(ledger) == []
        assert ledger.balance.reserved == ledger.balance.aside == Money()


def test_a_breach_in_a_batch_stops_the_run_and_is_booked_in_full(lab, path):
    run = a_run(lab, path, Faults(usage=100.0))
    progress, _ = run.go()
    assert progress.end is StopReason.STOPPED
    assert progress.reason.startswith("BREACH: ")
    assert run.batches.tried == 1
    with ledger_of(run.path) as ledger:
        assert ledger.balance.settled > run.billed


def test_after_a_breach_the_other_batches_of_its_model_are_cancelled_and_collected(path):
    lab = make(path.parent / "e", queries=20)
    faults = Faults(usage=100.0, honest=1, slow=5)
    run = a_run(lab, path, faults, cap=Money.from_usd("0.006"))
    progress, _ = run.go()
    assert progress.reason.startswith("BREACH: ")
    with ledger_of(path, run.cap) as ledger:
        away = [each.batch for each in ledger.open_chunks()]
    assert away
    assert sorted(run.batches.cancelled) == sorted(away)
    run.may_begin = lambda: False
    run.go(waits=False)
    with ledger_of(path, run.cap) as ledger:
        assert ledger.open_chunks() == []
        assert ledger.balance.reserved == Money()


@pytest.mark.parametrize("faults", [NOTHING_WRONG, Faults(slow=5)])
def test_an_end_without_a_breach_cancels_nothing(lab, path, faults):
    run = a_run(lab, path, faults)
    run.batches.works = False
    run.go(waits=False)
    assert run.batches.cancelled == []


def test_usage_that_is_understated_is_not_believed(lab, path):
    run = a_run(lab, path, Faults(usage=0.3))
    assert run.go()[0].end is StopReason.COMPLETE
    with ledger_of(run.path) as ledger:
        assert ledger.balance.settled >= run.billed


def test_a_batch_that_is_refused_for_good_is_named_and_costs_nothing(lab, path):
    run = a_run(lab, path, Faults(validation="invalid", bad=100))
    progress, _ = run.go()
    assert progress.end is StopReason.STOPPED
    assert progress.reason == f"{MODEL}: my-lab refused the batch: refused"
    with ledger_of(run.path) as ledger:
        assert ledger.balance.free == AMPLE


def test_what_too_many_tokens_wait_for_is_cut_smaller_each_time(lab, path):
    lab = make(path.parent / "e", queries=20)
    run = a_run(lab, path, Faults(validation="queue", bad=3))
    assert run.go()[0].end is StopReason.COMPLETE
    with ledger_of(run.path) as ledger:
        tokens = [each.tokens for each in ledger.chunks() if each.is_queue_full]
        assert tokens == sorted(tokens, reverse=True)
        assert ledger.balance.settled == run.billed


def test_a_request_that_is_never_answered_is_given_up_after_some_batches(lab, path):
    run = a_run(lab, path, Faults(refused=True, bad=1000))
    progress, _ = run.go()
    assert progress.end is StopReason.FAILED
    assert len(progress.failed) == 8
    with ledger_of(run.path) as ledger:
        assert ledger.balance.free == AMPLE


@pytest.mark.faults
@pytest.mark.parametrize("name", FAULTS)
def test_kills_at_every_step_lose_nothing_and_pay_nothing_twice(lab, tmp_path, name):
    cap = lab.dearest_job() * 10
    for step in itertools.count(1):
        outcome = kill_at(lab, tmp_path / f"{step}", cap, FAULTS[name], step)
        assert outcome.share <= 1
        assert outcome.lost == 0
        assert name in UNTOLD or (outcome.paid_twice, outcome.held) == (0, Money())
        if not outcome.was_killed:
            return
