"""What judges cost that read only some answers: counted where it is known, else a range."""

from __future__ import annotations

import csv
from decimal import Decimal

import pytest

from estimator.forecast.history_file import read_history
from estimator.plan.plan_file import read_plan, save_plan
from estimator.plan.planner import estimate_experiment
from experiment.scoring.selection import is_of_sample
from tests.runner import sample_experiment as lab

QUERIES = 20


def judge(when, name="j", votes=1):
    return {
        "name": name,
        "model": lab.MODEL,
        "samples": votes,
        "when": when,
        "messages": [{"role": "user", "content": lab.PLAIN}],
        "sampling": {"max_tokens": 400},
    }


@pytest.fixture
def estimate(tmp_path, monkeypatch):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))

    def estimate(*judges, history=None, **options):
        sampling = {"max_tokens": 4000}
        path = lab.write(tmp_path / "e", queries=QUERIES, judges=list(judges), sampling=sampling)
        return estimate_experiment(str(path), lab.DAY, history=history, **options).plan

    return estimate


def strata_of(plan, stage="j"):
    return {each.condition: each for each in plan.strata if each.stage == stage}


def test_a_condition_is_counted_exactly(estimate):
    plan = estimate(judge({"condition": {"tier": "free"}}, votes=2))
    strata = strata_of(plan)
    assert {name: each.requests for name, each in strata.items()} == {
        "free/cot": 2 * QUERIES,
        "free/plain": 2 * QUERIES,
    }
    assert all(each.expected is None for each in strata.values())
    whole = strata_of(estimate(judge("always", votes=2)))
    assert strata["free/cot"].cost == whole["free/cot"].cost


def test_a_judge_that_waits_for_one_of_a_condition_reads_no_other(estimate):
    plan = estimate(
        judge({"judge": {"free": "positive"}}), judge({"condition": {"tier": "free"}}, "free")
    )
    assert set(strata_of(plan)) == {"free/cot", "free/plain"}


@pytest.mark.parametrize(
    "when",
    ["accepted", "not-refused", {"proxy": "accepted"}, {"judge": {"first": "positive"}},
     {"kind": ["truncated"], "rest": "0.0001%"}],
)  # fmt: skip
def test_what_the_answers_decide_is_expected_by_half_and_at_most_all(estimate, when):
    first = judge("always", "first")
    plan = estimate(judge(when), first)
    whole = strata_of(estimate(judge("always"), first))
    for name, each in strata_of(plan).items():
        assert (each.requests, each.expected) == (QUERIES, QUERIES / 2)
        assert each.cost.ceiling == whole[name].cost.ceiling  # never below what could be
        assert each.cost.mean == pytest.approx(whole[name].cost.mean / 2)
        assert each.output.mean == pytest.approx(whole[name].output.mean / 2)
        assert each.output.ceiling == whole[name].output.ceiling
        assert each.cost.q05 == pytest.approx(whole[name].cost.q05 * 0.05)
        assert each.cost.q95 == pytest.approx(whole[name].cost.q95 * 0.95)
    assert any("half of these are expected" in each for each in plan.assumptions)


@pytest.mark.parametrize("when", ["always", "answered", {"kind": ["text"]}])
def test_what_reads_nearly_every_answer_is_counted_for_every_answer(estimate, when):
    assert all(each.expected is None for each in strata_of(estimate(judge(when))).values())


def test_what_is_drawn_is_counted_and_the_rest_of_it_expected(estimate):
    plan = estimate(judge({"proxy": "accepted", "rest": "25%"}), judge({"rest": "25%"}, "k"))
    subjects = lab.make_subjects(plan)
    for name, each in strata_of(plan).items():
        drawn = sum(is_of_sample(s.id, "j", 0.25) for s in subjects if s.condition == name)
        assert each.requests == QUERIES
        assert each.expected == drawn + (QUERIES - drawn) / 2
    counts = {name: each.requests for name, each in strata_of(plan, "k").items()}
    drawn = [s.condition for s in subjects if is_of_sample(s.id, "k", 0.25)]
    assert counts == {name: drawn.count(name) for name in counts}
    assert all(each.expected is None for each in strata_of(plan, "k").values())


def history(path, *, read, answers=40, votes=("0",), columns=()):
    """Write billed usage: `read` of so many answers of each condition were read by the judge."""
    names = ["provider", "model", "condition", "query", "stage", "input_tokens", "output_tokens"]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*names, "vote", *columns])
        for condition in ("free/cot", "free/plain", "paid/cot", "paid/plain"):
            for query in range(answers):
                stages = [("subject", "0")] + [("j", v) for v in votes] * (query < read[condition])
                for stage, vote in stages:
                    rows.writerow(["my-lab", "llama-3.1-8b", condition, query, stage, 9, 100, vote])
    return read_history(path)


READ = {"free/cot": 40, "free/plain": 10, "paid/cot": 1, "paid/plain": 0}


def test_history_says_how_many_answers_a_judge_reads(estimate, tmp_path):
    known = history(tmp_path / "usage.csv", read=READ, votes=("0", "1"))
    plan = estimate(judge({"proxy": "accepted"}, votes=2), history=known)
    for name, each in strata_of(plan).items():
        share = (READ[name] + 0.5) / 41
        assert each.requests == 2 * QUERIES
        assert each.expected == pytest.approx(2 * QUERIES * share, abs=0.01)
        if 0 < READ[name] < 40:
            assert each.cost.q05 < each.cost.mean < each.cost.q95 < each.cost.ceiling.as_float
    assert any("10 of 40 answers were read in usage.csv" in each for each in plan.assumptions)


def test_what_is_drawn_in_any_case_is_part_of_what_history_measured(estimate, tmp_path):
    known = history(tmp_path / "usage.csv", read=dict.fromkeys(READ, 20))
    plan = estimate(judge({"proxy": "accepted", "rest": "25%"}), history=known)
    for each in strata_of(plan).values():
        assert each.expected == pytest.approx(QUERIES / 2, abs=0.01)


def test_history_of_other_judges_or_without_votes_says_nothing_of_it(estimate, tmp_path):
    known = history(tmp_path / "usage.csv", read=READ)
    plan = estimate(judge("accepted", "other"), history=known)
    assert all(each.expected == QUERIES / 2 for each in strata_of(plan, "other").values())
    text = (tmp_path / "usage.csv").read_text().replace(",vote", ",choice")
    (tmp_path / "usage.csv").write_text(text)
    plan = estimate(judge("accepted"), history=read_history(tmp_path / "usage.csv"))
    assert all(each.expected == QUERIES / 2 for each in strata_of(plan).values())


def test_the_requests_as_listed_cost_what_is_expected_together(estimate):
    costs = []
    plan = estimate(
        judge({"proxy": "accepted", "rest": "25%"}),
        judge({"judge": {"j": "positive"}}, "k"),
        on_request=lambda *each: costs.append(Decimal(each[2])),
    )
    assert float(sum(costs)) == pytest.approx(plan.total.mean, rel=1e-6)
    assert len(costs) == plan.request_count


def test_a_plan_keeps_what_is_expected_and_one_without_it_is_written_as_before(estimate, tmp_path):
    plan = estimate(judge({"proxy": "accepted"}), judge("always", "k"))
    save_plan(plan, tmp_path / "plan.json")
    again = read_plan(tmp_path / "plan.json")
    assert again.digest == plan.digest
    assert [each.expected for each in again.strata] == [each.expected for each in plan.strata]
    assert (tmp_path / "plan.json").read_text().count('"expected"') == len(strata_of(plan))


def test_a_cached_count_knows_what_the_answers_decide(estimate):
    first = estimate(judge({"proxy": "accepted", "rest": "25%"}))
    assert estimate(judge({"proxy": "accepted", "rest": "25%"})).strata == first.strata


def test_judges_stand_in_the_files_order_in_each_condition_whichever_reads_first(estimate):
    """In one condition the first judge reads a few of the later answers only."""
    some = judge({"condition": {"style": "plain"}, "rest": "20%"}, "some")
    plan = estimate(some, judge("always", "all"))
    assert {each.condition: each.requests for each in plan.strata if each.stage == "some"}[
        "free/cot"
    ] < QUERIES
    assert [(each.stage, each.condition) for each in plan.strata] == [
        (stage, condition)
        for condition in ("free/cot", "free/plain", "paid/cot", "paid/plain")
        for stage in ("subject", "some", "all")
    ]
    assert [stage for stage, _ in plan.groups] == ["subject", "some", "all"]
