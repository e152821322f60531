"""What is away is settled at the price that it was reserved by, whatever prices are now."""

from dataclasses import replace
from decimal import Decimal

import pytest

from pricing.money import Money
from pricing.rates import Offer
from runner.batches.notes.chunk_price import price_as_reserved, write_price
from runner.execution import StopReason
from tests.runner.batches.fake_batches import FakeBatches, Faults, Run
from tests.runner.sample_experiment import AMPLE, MODEL, FakeProvider, always, ledger_of, make


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return make(tmp_path_factory.mktemp("experiment"), queries=2)


def at_other_prices(lab, factor):
    """Return an experiment whose model costs so many times as much now."""
    model = lab.models[MODEL]
    tariff = model.offer.tariff.map_cards(lambda card: card.scaled(Decimal(factor)))
    card = model.card.scaled(Decimal(factor))
    priced = replace(model, offer=Offer(tariff), card=card, reserve=card)
    return replace(lab, models={MODEL: priced})


@pytest.mark.parametrize("factor", ["0.5", "3"])
def test_a_batch_that_is_away_is_settled_at_the_price_it_was_reserved_by(lab, tmp_path, factor):
    path = tmp_path / "ledger.sqlite"
    run = Run(lab, path, AMPLE, FakeBatches(lab), FakeProvider(lab, always(4)))
    run.batches.works = False
    run.go(waits=False)
    with ledger_of(path) as ledger:
        (note,) = ledger.open_chunks()
        assert note.price is not None
    run.lab, run.may_begin, run.batches.works = at_other_prices(lab, factor), lambda: False, True
    for _ in range(3):
        run.go(waits=False)
    assert len(run.batches.answers) == note.lines
    with ledger_of(path) as ledger:
        assert ledger.balance.settled == run.billed > Money()
        (ended,) = ledger.chunks()
        assert (ended.is_open, ended.price) == (False, None)


def test_a_model_without_a_price_is_collected_and_sent_no_more(lab, tmp_path):
    path = tmp_path / "ledger.sqlite"
    run = Run(lab, path, AMPLE, FakeBatches(lab), FakeProvider(lab, always(4)))
    run.batches.works = False
    run.go(waits=False)
    run.unpriced, run.batches.works = frozenset({MODEL}), True
    progress, _ = run.go()
    assert progress.end is StopReason.STOPPED
    assert "its price in batches is not known any more" in progress.reason
    assert len(run.batches.batches) == 1
    with ledger_of(path) as ledger:
        assert ledger.open_chunks() == []
        assert ledger.balance.settled == run.billed > Money()


@pytest.fixture
def unsent(lab, tmp_path):
    """A run whose first batch is reserved, and could not be sent yet."""
    batches = FakeBatches(lab, Faults(creation="refused", bad=1))
    run = Run(lab, tmp_path / "ledger.sqlite", AMPLE, batches, FakeProvider(lab, always(4)))
    assert run.go(waits=False)[0].end is StopReason.AWAY
    return run


def test_what_was_not_sent_yet_is_reserved_once_more_at_the_price_of_now(lab, unsent):
    unsent.lab = unsent.batches.lab = at_other_prices(lab, "3")
    assert unsent.go()[0].end is StopReason.COMPLETE
    with ledger_of(unsent.path) as ledger:
        first, *others = ledger.chunks()
        assert (first.settled, first.released) == (0, first.attempts)
        assert ledger.balance.settled == unsent.billed
        assert sum(each.settled for each in others) == 2 * len(lab.subjects())


@pytest.mark.parametrize("of", ["plan", "model", "cap"])
def test_what_was_not_sent_yet_is_free_where_nothing_is_sent_any_more(unsent, of):
    if of == "plan":
        unsent.collects_only = "prices rose"
    elif of == "model":
        unsent.unpriced = frozenset({MODEL})
    else:
        unsent.cap = Money.from_usd("0.000000001")
    progress, _ = unsent.go(waits=False)
    assert progress.end is (StopReason.CAP if of == "cap" else StopReason.STOPPED)
    assert (unsent.batches.tried, unsent.billed) == (1, Money())
    with ledger_of(unsent.path, unsent.cap) as ledger:
        assert ledger.open_chunks() == []
        assert ledger.balance.reserved == ledger.balance.aside == Money()


def test_a_note_keeps_what_a_price_bills(lab):
    model = lab.models[MODEL]
    found = price_as_reserved(at_other_prices(lab, "7").models[MODEL], write_price(model))
    assert found.offer.tariff == model.offer.tariff
    assert found.reserve == model.reserve
    assert price_as_reserved(model, None) is model
