"""Own calls are what the newest plan counts: lengths, what is answered, paid, and in flight."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from estimator.plan import save_plan
from estimator.workload import StratumKey
from experiment.scoring import Completion
from pricing.money import Money
from runner.forecasting import read_own_calls
from runner.ledger import read_ledger
from tests.runner.launch.a_study import Study
from tests.runner.recorded_run import MODELS, make_run
from tests.support.provider.server import run_provider

MODEL, CONDITION = MODELS[0], "free/cot"
SUBJECTS = StratumKey("subject", MODEL, CONDITION)
PRICES = {"input": 400_000, "output": 800_000}  # pico-dollars a token
HONEST = Money(10 * PRICES["input"] + 5 * PRICES["output"])  # of an answer as it is stated
BROKEN, FILTERED = Completion("half", "error"), Completion("", "content_filter")
CUT = Completion("As I was saying, the", "length")


@pytest.fixture
def recorded(tmp_path):
    return make_run(tmp_path, queries=6)


def read(folder):
    with read_ledger(folder.ledger_location) as reader:
        return read_own_calls(folder, reader)


def test_answers_are_calls_by_query_and_those_without_a_length_are_only_answered(recorded):
    with recorded.recording() as ledger:
        said = zip(ledger.subjects(MODEL, CONDITION), ("Yes.", CUT, FILTERED, BROKEN), strict=False)
        for subject, answer in said:
            ledger.answer(subject, answer, billed=HONEST)
    own = read(recorded.folder)
    calls = own.calls[SUBJECTS]
    assert calls.queries.tolist() == [0, 1]
    assert calls.output.tolist() == [5, 5]
    assert calls.is_cut.tolist() == [False, True]
    assert set(calls.limits) == {recorded.folder.spec.sampling.max_tokens}
    assert (calls.basis, calls.source) == ("pilot", "2 answers of this study")
    assert own.answered[SUBJECTS].tolist() == [1, 1, 1, 0, 0, 0]
    assert own.paid == Money(4 * HONEST.pico)  # also what was billed for no answer


def test_a_request_that_was_asked_again_is_one_call(recorded):
    with recorded.recording() as ledger:
        subject = ledger.subjects(MODEL, CONDITION)[2]
        ledger.answer(subject, CUT, billed=HONEST)
        ledger.answer(subject, "Yes.", billed=HONEST)
    calls = read(recorded.folder).calls[SUBJECTS]
    assert (calls.queries.tolist(), calls.output.tolist()) == ([2], [10])
    assert calls.limits.tolist() == [recorded.folder.spec.sampling.max_tokens]
    assert calls.is_cut.tolist() == [False]


def test_an_answer_that_was_cut_off_and_went_on_to_its_end_is_not_cut_off(tmp_path):
    recorded = make_run(tmp_path, queries=2, answer={"output": "out", "turns": 3})
    limit = 3 * recorded.folder.spec.sampling.max_tokens
    with recorded.recording() as ledger:
        for subject, last in zip(ledger.subjects(MODEL, CONDITION), ("Yes.", CUT), strict=True):
            ledger.answer(subject, CUT)
            ledger.answer(subject, last)
    calls = read(recorded.folder).calls[SUBJECTS]
    assert (calls.is_cut.tolist(), set(calls.limits)) == ([False, True], {limit})
    assert calls.count_censored(limit) == 0


def test_what_a_judge_reads_is_its_prompt_beyond_that_with_an_empty_answer(recorded):
    judge = recorded.folder.spec.judges[0]
    key = StratumKey(judge.name, judge.model, CONDITION)
    with recorded.recording() as ledger:
        subject = ledger.subjects(MODEL, CONDITION)[0]
        said = ledger.answer(subject, "Yes.")
        blank = next(ledger.requests.build_judge_requests(subject, None))
        empty = recorded.folder.plan.models[judge.model].count_request(blank).tokens
        answer = ledger.requests.read_subject_answer(subject, said)
        request = next(ledger.requests.build_judge_requests(subject, answer))
        billed = Money((empty + 7) * PRICES["input"] + 5 * PRICES["output"])
        ledger._settle(
            request, Completion("no"), subject.id, prompt_tokens=empty + 7, billed=billed
        )
    own = read(recorded.folder)
    assert own.calls[key].answer_input.tolist() == [7.0]
    assert own.calls[key].output.tolist() == [5]
    assert not own.calls[SUBJECTS].answer_input.any()


def test_more_than_the_stated_tokens_cost_is_an_answer_that_is_longer_than_stated(recorded):
    booked = {0: 5, 1: 12, 2: 24}
    with recorded.recording() as ledger:
        for subject in ledger.subjects(MODEL, CONDITION)[:3]:
            output = booked[subject.query] * PRICES["output"]
            ledger.answer(subject, "Here it is.", billed=Money(10 * PRICES["input"] + output))
    calls = read(recorded.folder).calls[SUBJECTS]
    assert dict(zip(calls.queries.tolist(), calls.output.tolist(), strict=True)) == booked


def test_what_is_held_beside_an_answer_is_not_a_part_of_it(recorded):
    with recorded.recording() as ledger:
        ledger.answer(ledger.subjects(MODEL, CONDITION)[0], CUT, billed=HONEST, is_held=True)
    assert read(recorded.folder).calls[SUBJECTS].output.tolist() == [5]


def test_what_has_no_outcome_yet_is_in_flight(recorded):
    with recorded.recording() as ledger:
        first, second, third = ledger.subjects(MODEL, CONDITION)[:3]
        ledger.answer(first, "Yes.")
        attempt = ledger.reserve(third)
        ledger.hold(second)
    (call,) = read(recorded.folder).in_flight
    assert (call.attempt, call.stratum, call.query) == (attempt.id, SUBJECTS, 2)
    assert call.since.tzinfo is not None


def test_an_earlier_plans_answers_count_where_the_newest_asks_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with run_provider() as server:
        check_successive_plans(Study(tmp_path, server))


def check_successive_plans(study):
    first, _ = study.run(study.plan())
    subjects = {key: n.tolist() for key, n in read(first).answered.items() if key[0] == "subject"}
    study.write("judge.md", "Did it refuse, yes or no?")
    second, _ = study.run(study.plan())
    own = read(second)
    assert {k: n.tolist() for k, n in own.answered.items() if k[0] == "subject"} == subjects
    judged = sum(n.sum() for key, n in own.answered.items() if key[0] != "subject")
    assert judged == 12
    with read_ledger(second.ledger_location) as reader:
        assert own.paid < reader.balance().settled  # the earlier verdicts have no part in it


def test_a_price_that_fell_between_two_plans_makes_no_answer_longer(recorded):
    with recorded.recording() as ledger:
        ledger.answer(ledger.subjects(MODEL, CONDITION)[0], "Yes.", billed=HONEST)
    plan = recorded.folder.plan
    halved = {
        name: replace(model, card=model.card.scaled(Decimal("0.5")))
        for name, model in plan.models.items()
    }
    now = replace(recorded.folder, plan=replace(plan, models=halved))
    assert read(now).calls[SUBJECTS].output.tolist() == [15]  # by the new plan's prices alone
    save_plan(plan, now.path / "plan-earlier.json")
    assert read(now).calls[SUBJECTS].output.tolist() == [5]
