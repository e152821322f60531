"""A run with batches, whatever the provider does: each answer is paid once, below the cap."""

import pytest

from pricing.money import Money
from providers.batches import LineEnd
from runner.execution import StopReason
from runner.ledger.location import FileLocation
from runner.ledger.open import read_ledger
from tests.runner.batches.fake_batches import FakeBatches, Faults, Run
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import AMPLE, FakeProvider, always, ledger_of, make


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return make(tmp_path_factory.mktemp("experiment"), queries=4)


def a_run(lab, path, faults=Faults(), cap=AMPLE, **changes):
    return Run(lab, path, cap, FakeBatches(lab, faults), FakeProvider(lab, always()), **changes)


FAULTS = {
    "none": Faults(),
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
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_happens_all_is_answered_once_and_accounted_for(lab, tmp_path, name):
    run = a_run(lab, tmp_path / "ledger.sqlite", FAULTS[name])
    progress, _ = run.go()
    assert progress.end is StopReason.COMPLETE, progress.reason
    with ledger_of(run.path) as ledger:
        assert lab.unjudged(ledger) == []
        now = ledger.balance
        assert now.reserved == now.aside == Money()
        assert run.billed <= now.settled + now.held <= AMPLE
        if name not in ("lines are missing", "always cut half-way"):
            assert now.settled == run.billed
            assert set(run.batches.answers.values()) == {1}
        assert len(answered_texts(ledger)) == 32
        assert ledger.open_chunks() == []
    with read_ledger(FileLocation(run.path)) as reader:
        assert reader.find_tampering() is None
    assert list((tmp_path / "batches").iterdir()) == []
