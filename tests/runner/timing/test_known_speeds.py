"""Known speeds: of the same model at the same address, in this study or in another."""

from __future__ import annotations

import json

import pytest

from experiment.definition.schema import ProviderFields
from pricing.money import Money
from providers.registry import load_providers
from runner.ledger import StoredAnswer
from runner.timing import find_known_speeds
from tests.runner.recorded_run import MODELS, make_run

MODEL = MODELS[0]


def record(run, times, model=MODEL, usage=None):
    """Settle an answer of ten tokens and more for each time."""
    with run.recording(Money.from_usd("1")) as ledger:
        asked = [each for each in ledger.requests.all_subject_requests() if each.model == model]
        for number, (request, seconds) in enumerate(zip(asked, times, strict=False)):
            said = json.dumps({"afcost_seconds": seconds}) if usage is None else usage
            answer = StoredAnswer(
                "", "text", "", "stop", 10, 0, 0, 10 + number, 0, None, "", "", said
            )
            ledger.ledger.settle(ledger.reserve(request), Money(1), answer)


def find(run, folder, beside=None, **changes):
    spec = run.folder.spec
    providers = load_providers(spec.providers | changes)
    return find_known_speeds(run.folder.plan, providers, folder, beside)


def test_the_studys_own_calls_come_first_then_those_of_other_runs(tmp_path):
    own = make_run(tmp_path / "a", tmp_path / "runs" / "own", queries=4)
    other = make_run(tmp_path / "b", tmp_path / "runs" / "other", queries=4, name="other")
    record(other, [4.0] * 8)
    runs = tmp_path / "runs"
    found = find(own, runs / "own", runs)
    assert list(found) == [MODEL]
    assert (found[MODEL].basis, found[MODEL].first) == ("history", 4.0)
    assert found[MODEL].source == f"8 calls of {runs / 'other'}"
    record(own, [2.0] * 8)
    found = find(own, runs / "own", runs)
    assert (found[MODEL].basis, found[MODEL].first) == ("pilot", 2.0)


def test_calls_at_another_address_or_too_few_of_them_say_nothing(tmp_path):
    run = make_run(tmp_path, queries=4)
    record(run, [2.0] * 4)
    assert find(run, tmp_path / "run") == {}
    record(run, [2.0] * 8)
    assert list(find(run, tmp_path / "run")) == [MODEL]
    moved = ProviderFields(kind="openai", base_url="http://127.0.0.1:10/v1")
    assert find(run, tmp_path / "run", **{"my-lab": moved}) == {}
    assert find(run, tmp_path / "none", tmp_path / "nowhere") == {}


@pytest.mark.parametrize("usage", ["{}", "", '{"total_tokens": 3}'])
def test_in_ledgers_of_before_the_time_is_from_reservation_to_settlement(tmp_path, usage):
    run = make_run(tmp_path, queries=4)
    record(run, [0.0] * 8, usage=usage)
    (speed,) = find(run, tmp_path / "run").values()
    assert speed.first + speed.per_token * 14 > 0


@pytest.mark.parametrize(
    "usage",
    [
        '{"afcost_seconds": "long"}',
        '{"afcost_seconds": -1}',
        '{"afcost_seconds": 1e999}',
        '["afcost_seconds"]',
        '{"choice": 0, "choices": 3}',  # a call that gave several answers
    ],
)
def test_what_is_no_time_is_passed_over(tmp_path, usage):
    run = make_run(tmp_path, queries=4)
    record(run, [0.0] * 8, usage=usage)
    assert find(run, tmp_path / "run") == {}


def test_a_folder_that_cannot_be_read_is_passed_over(tmp_path):
    run = make_run(tmp_path, queries=4)
    record(run, [2.0] * 8)
    (tmp_path / "run" / "plan.json").write_text("{")
    assert find(run, tmp_path / "run") == {}
