"""A report says what the answers are, why results are missing, and what became of a run."""

from __future__ import annotations

import json

import pytest

from experiment.scoring import Completion
from pricing.money import Money
from runner.results import build_report
from tests.runner.recorded_run import EACH, MODELS, make_run

FIRST, SECOND = MODELS
CONDITIONS = ["free/cot", "free/plain", "paid/cot", "paid/plain"]
YES, NO = '{"refused": "no"}', '{"refused": "yes"}'
REFUSED = Completion("", "stop", refusal="I can't help with that.")
FILTERED = Completion("", "content_filter")
TRUNCATED = Completion("", "length")
EMPTY = Completion(" ", "stop")
BROKEN = Completion("half", "error")
CUT = Completion("As I was saying, the", "length")


@pytest.fixture
def recorded(tmp_path):
    return make_run(tmp_path, queries=6)


def counts_of(report, model, condition):
    (cell,) = [
        each for each in report.analysis.cells if (each.model, each.condition) == (model, condition)
    ]
    return cell


def rate_of(report, model, within, level):
    (found,) = [
        rate
        for each in report.analysis.comparisons
        if (each.model, each.within) == (model, within)
        for rate in each.rates
        if rate.level == level
    ]
    return found


def test_each_kind_of_answer_is_counted_and_only_texts_are_judged(recorded):
    with recorded.recording() as ledger:
        subjects = ledger.subjects(FIRST, "free/cot")
        for subject, said in zip(
            subjects, (CUT, REFUSED, FILTERED, TRUNCATED, EMPTY, BROKEN), strict=True
        ):
            ledger.answer(subject, said)
        ledger.judge(subjects[0], CUT, YES)
        ledger.ledger.record_end("failed")
    report = build_report(recorded.folder)
    cell = counts_of(report, FIRST, "free/cot")
    assert set(cell.kinds.values()) == {1}
    assert (len(cell.kinds), cell.answers, cell.cut) == (6, 6, 1)
    assert cell.missing == {"filtered": 1, "truncated": 1, "empty": 1, "failed": 1}
    rate = rate_of(report, FIRST, "cot", "free")
    assert (rate.answers, rate.missing, rate.missing_by) == (2, 4, cell.missing)
    assert rate.compliance == 0.5  # one text complies, one refusal through the API does not
    assert report.analysis.pooled.kinds == cell.kinds
    assert sum(report.analysis.agreement.values()) == 0  # the text has no tag


def test_what_the_experiment_says_of_kinds_is_what_they_count_as(tmp_path):
    rules = {"refused": "missing", "truncated": "refusal"}
    recorded = make_run(tmp_path, answer=rules)
    with recorded.recording() as ledger:
        first, second, _ = ledger.subjects(FIRST, "free/cot")
        ledger.answer(first, REFUSED)
        ledger.answer(second, TRUNCATED)
        ledger.ledger.record_end("complete")
    rate = rate_of(build_report(recorded.folder), FIRST, "cot", "free")
    assert (rate.compliance, rate.answers, rate.missing_by) == (0.0, 1, {"refused": 1})


def test_where_all_results_are_missing_there_is_no_rate_and_no_interval(recorded):
    with recorded.recording() as ledger:
        for condition in ("free/cot", "paid/cot"):
            for subject in ledger.subjects(FIRST, condition):
                ledger.answer(subject, TRUNCATED)
        ledger.ledger.record_end("complete")
    report = build_report(recorded.folder)
    comparison = report.analysis.comparisons[0]
    assert [rate.compliance for rate in comparison.rates] == [None, None]
    assert [rate.missing for rate in comparison.rates] == [6, 6]
    gap = comparison.gap
    assert (gap.pairs, gap.estimate, gap.low, gap.high) == (0, None, None, None)


def test_a_verdict_that_cannot_be_read_and_one_that_never_came_are_told_apart(recorded):
    with recorded.recording() as ledger:
        first, second, third, *_ = ledger.subjects(FIRST, "free/cot")
        ledger.judge(first, ledger.answer(first, "Sure."), "I would rather not say.")
        ledger.answer(second, "Sure.")
        ledger.judge(third, ledger.answer(third, "Sure."), NO)
        ledger.ledger.record_end("interrupted")
    report = build_report(recorded.folder)
    missing = counts_of(report, FIRST, "free/cot").missing
    assert missing.pop("no verdict") == 1
    ((reason, count),) = missing.items()
    assert (reason.partition(": ")[0], count) == ("unreadable verdict", 1)
    verdicts = report.verdicts["compliance"]
    assert (verdicts.verdicts, sum(verdicts.unreadable.values())) == (2, 1)


def test_cells_stand_in_the_experiments_order_however_the_answers_arrived(recorded):
    with recorded.recording() as ledger:
        for model, condition in ((SECOND, "paid/plain"), (SECOND, "free/cot"), (FIRST, "paid/cot")):
            ledger.answer(ledger.subjects(model, condition)[0], "Sure.")
    report = build_report(recorded.folder)
    expected = [(model, condition) for model in MODELS for condition in CONDITIONS]
    assert [(each.model, each.condition) for each in report.analysis.cells] == expected
    assert [(each.model, each.within) for each in report.analysis.comparisons] == [
        (model, style) for model in MODELS for style in ("cot", "plain")
    ]
    told = report.to_json()
    subjects = [each for each in told["strata"] if each["stage"] == "subject"]
    assert [(f"my-lab/{each['model']}", each["condition"]) for each in subjects] == expected
    assert list(told["counts"]) == MODELS
    assert sum(counts_of(report, FIRST, "free/cot").kinds.values()) == 0  # and it is shown


def test_what_is_in_flight_is_not_failed_until_the_run_has_ended(recorded):
    with recorded.recording() as ledger:
        first, second, third, *_ = ledger.subjects(FIRST, "free/cot")
        sent = ledger.reserve(first)
        ledger.release(second)  # to be sent again
        ledger.answer(third, "Sure.")
        running = build_report(recorded.folder)
        ledger.ledger.hold(sent, "HTTP 500")
        ledger.ledger.record_end("failed", "the last words")
    (actual, *others) = [actual for _, actual in running.strata]
    assert (running.outcome, actual.requests, actual.in_flight, actual.failed) == (
        "running",
        1,
        2,
        0,
    )
    assert sum(other.in_flight + other.failed for other in others) == 0
    assert "failed" not in counts_of(running, FIRST, "free/cot").missing
    ended = build_report(recorded.folder)
    assert (ended.end, ended.reason) == ("failed", "the last words")
    assert (ended.strata[0][1].in_flight, ended.strata[0][1].failed) == (0, 2)
    assert counts_of(ended, FIRST, "free/cot").kinds["failed"] == 2


def test_what_was_being_sent_when_a_run_crashed_is_unknown(recorded):
    with recorded.recording() as ledger:
        first, second, *_ = ledger.subjects(FIRST, "free/cot")
        ledger.reserve(first)
        ledger.release(second)
    report = build_report(recorded.folder)
    assert (report.outcome, report.end, report.has_crashed) == ("partial", "", True)
    assert (report.strata[0][1].in_flight, report.strata[0][1].failed) == (1, 1)
    assert counts_of(report, FIRST, "free/cot").kinds["failed"] == 1
    assert report.to_json()["strata"][0]["in_flight"] == 1


def test_holds_of_requests_are_counted_until_they_are_resolved(recorded):
    with recorded.recording() as ledger:
        first, second, *_ = ledger.subjects(FIRST, "free/cot")
        held = ledger.hold(first)
        ledger.hold(second)
        ledger.ledger.record_end("cap")
    report = build_report(recorded.folder)
    assert (report.held_requests, report.held_for_requests) == (2, Money(2 * EACH.pico))
    with recorded.recording() as ledger:
        ledger.ledger.resolve(held.id, Money(), "the provider says so")
    again = build_report(recorded.folder)
    assert (again.held_requests, again.held_for_requests, again.end) == (1, EACH, "cap")


def test_a_filters_refusal_and_a_broken_answer_are_no_bills_above_usage(recorded):
    rule = "HTTP 400 from my-lab: filtered"
    unbilled = Completion("", "content_filter")
    with recorded.recording() as ledger:
        first, second, third, *_ = ledger.subjects(FIRST, "free/cot")
        ledger.answer(first, BROKEN, "the provider broke off (not billed: its own pages)")
        ledger.answer(second, "Sure.", "usage reports 1 prompt tokens, counted 10")
        for number in (1, 22):
            ledger.ledger.release(ledger.reserve(third), f"{rule}, request {number}")
        ledger.ledger.release(ledger.reserve(third), f"{rule}, request 3".replace("400", "403"))
        ledger.answer(third, unbilled, rule, prompt_tokens=0, is_held=True)
    report = build_report(recorded.folder)
    assert report.held_for_requests == EACH
    assert report.counts[FIRST].calls == 1  # what no usage is told of says nothing of counts
    assert report.notes == {
        "failed: the provider broke off (not billed: its own pages)": 1,
        "booked above usage: usage reports 1 prompt tokens, counted 10": 1,
        f"release: {rule}, request 1": 2,
        "release: HTTP 403 from my-lab: filtered, request 3": 1,
        f"filtered, held: {rule}": 1,
    }


def test_a_report_is_json_with_the_fields_of_before(recorded):
    told = json.loads(json.dumps(build_report(recorded.folder).to_json()))
    assert told.keys() >= {
        "schema", "plan", "approval", "outcome", "end", "spent_usd", "held_usd", "reserved_usd",
        "remaining_usd", "attempts", "strata", "forecast", "counts", "prices", "conflicts",
        "notes", "analysis", "reason", "verdicts",
    }  # fmt: skip
    assert told["schema"] == "afcost.report/1"


def test_a_complete_report_holds_each_forecast_against_what_it_came_to(recorded):
    with recorded.recording() as ledger:
        for subject in ledger.subjects(FIRST, "free/cot"):
            ledger.answer(subject, "Sure.")
        ledger.ledger.record_end("complete")
    report = build_report(recorded.folder)
    total, plan = report.total_outcome, recorded.folder.plan
    assert total.actual == report.counted_cost == report.balance.settled
    assert total.actual == Money(6 * EACH.pico // 10)
    assert (total.basis, total.quantiles["q95"]) == ("prior", plan.total.q95)
    assert total.is_inside(90) is report.inside
    found = {(s.model, s.condition): o for s, o in report.stratum_outcomes if s.stage == "subject"}
    assert found[FIRST, "free/cot"].actual == total.actual
    assert found[FIRST, "paid/cot"].actual == Money()
    assert found[FIRST, "paid/cot"].is_inside(90) is False
    said = report.to_json()
    assert said["forecast"]["levels"] == total.list_levels()
    assert [each["forecast"]["q05"] for each in said["strata"]] == [
        stratum.cost.to_json()["q05"] for stratum in plan.strata
    ]


def test_while_a_run_is_not_complete_no_range_has_held(recorded):
    with recorded.recording() as ledger:
        ledger.answer(ledger.subjects(FIRST, "free/cot")[0], "Sure.")
        ledger.ledger.record_end("cap")
    report = build_report(recorded.folder)
    assert (report.total_outcome, report.stratum_outcomes) == (None, [])
    assert report.to_json()["forecast"]["levels"] is None
