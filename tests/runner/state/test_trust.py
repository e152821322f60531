"""Trust in bills outlives a run, belongs to one address, model and price, and ends in a breach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from estimator.user_dirs import state_folder
from pricing.money import Money
from runner.execution import SlowStart
from runner.state import find_trust
from tests.runner import sample_experiment as labs

HERE = "https://lab.example/v1"


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))
    return labs.make(tmp_path / "e").models[labs.MODEL]


def earn(model, answers, address=HERE):
    trust = find_trust(address, model)
    for _ in range(answers):
        trust.gain()
    trust.save()
    return trust


def known(model, address=HERE):
    return find_trust(address, model).answers


def trust_file():
    (path,) = (state_folder() / "trust").glob("*.json")
    return path


def test_answers_of_several_runs_add_up_for_this_address_model_and_price_alone(model):
    earn(model, 30)
    earn(model, 12)
    assert known(model, HERE + "/") == 42
    assert known(model, "https://elsewhere.example/v1") == 0
    assert known(replace(model, name=replace(model.name, id="another"))) == 0
    dearer = replace(model.offer, tariff=model.offer.tariff.map_cards(lambda card: card.scaled(2)))
    assert known(replace(model, offer=dearer)) == 0
    renamed = model.offer.tariff.map_cards(lambda card: replace(card, source="another list"))
    assert known(replace(model, offer=replace(model.offer, tariff=renamed))) == 42


def test_two_processes_at_once_lose_nothing_of_each_other(model):
    earn(model, 5)
    mine, others = find_trust(HERE, model), find_trust(HERE, model)
    mine.gain()
    others.gain()
    mine.save()
    others.save()
    assert known(model) == 7


def test_a_breach_takes_all_at_once_also_what_others_gained_before_it(model):
    earn(model, 40)
    mine, others = find_trust(HERE, model), find_trust(HERE, model)
    others.gain()
    mine.lose()
    assert known(model) == 0
    others.save()
    mine.gain()
    mine.save()
    assert known(model) == 0
    earn(model, 3)
    assert known(model) == 3


def test_after_an_outage_only_what_was_answered_since_counts(model):
    earn(model, 40)
    trust = find_trust(HERE, model)
    trust.gain()
    trust.restart()
    for _ in range(2):
        trust.gain()
    trust.save()
    assert known(model) == 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"answers": 9}', '{"answers": -1, "mark": ""}', '{"answers": true}']
)
def test_a_damaged_file_is_no_trust_and_is_replaced(model, text):
    earn(model, 40)
    trust_file().write_text(text)
    assert known(model) == 0
    earn(model, 2)
    assert known(model) == 2


def test_the_file_is_private_and_names_no_address(model):
    earn(model, 1)
    assert trust_file().stat().st_mode & 0o077 == 0
    assert "lab.example" not in trust_file().read_text() + trust_file().name


@pytest.mark.parametrize(
    ("answers", "allowance", "first"),
    [(500, 10_000, 50), (20, 10_000, 20), (500, 90, 9), (0, 900, 1)],
)
def test_a_run_begins_with_what_trust_the_allowance_and_the_concurrency_allow(
    model, answers, allowance, first
):
    start = SlowStart(50, earn_and_find(model, answers), Money(allowance))
    start.meet(Money(10))
    assert start.size == first
    start.meet(Money(30))  # a request that may cost more
    assert start.size <= max(1, allowance // 30)


def earn_and_find(model, answers):
    earn(model, answers)
    return find_trust(HERE, model)
