"""What is away is settled at the price that it was reserved by, whatever prices are now."""

from dataclasses import replace
from decimal import Decimal

import pytest

from pricing.money import Money
from pricing.rates import Offer
from runner.batches.notes.chunk_price import price_as_reserved, write_price
from runner.execution import StopReason
from tests.runner.batches.fake_batches import FakeBatches, Run
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


def test_a_note_keeps_what_a_price_bills(lab):
    model = lab.models[MODEL]
    found = price_as_reserved(at_other_prices(lab, "7").models[MODEL], write_price(model))
    assert found.offer.tariff == model.offer.tariff
    assert found.reserve == model.reserve
    assert price_as_reserved(model, None) is model
