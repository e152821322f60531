"""Forecasts that rest on billed calls: golden values, judges, and what a history may be like."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from estimator.errors import BadHistory
from estimator.forecast import (
    CallsByStratum,
    History,
    HistoryCall,
    MeasuredCalls,
    OutputLength,
    read_history,
)
from estimator.plan import estimate_experiment, read_plan, save_plan
from estimator.workload import StratumKey, StratumTally
from tests.runner import sample_experiment as lab

# What ten queries took, in tokens, and what the same ten took under another condition.
A = [120, 340, 95, 410, 220, 180, 640, 150, 275, 330]
C = [50, 90, 40, 100, 70, 60, 140, 45, 80, 75]
A_HERE = StratumKey("subject", lab.MODEL, "free/plain")
C_HERE = StratumKey("subject", lab.MODEL, "paid/plain")
COLUMNS = ["provider", "model", "condition", "query", "stage", "input_tokens", "output_tokens"]
ROUTED = "openrouter/meta-llama/llama-3.1-8b-instruct"


@pytest.fixture
def estimate(tmp_path, monkeypatch):
    """Estimate 100 queries with two samples; `own` and `history` as the planner takes them."""
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path / "home"))

    def estimate(*, queries=100, samples=2, max_tokens=4000, fields=None, **options):
        sampling = {"max_tokens": max_tokens}
        path = lab.write(
            tmp_path / "e", queries=queries, samples=samples, sampling=sampling, **(fields or {})
        )
        return estimate_experiment(str(path), lab.DAY, **options).plan

    return estimate


@pytest.fixture
def usage(tmp_path):
    """Write a history file and read it."""

    def usage(rows, columns=()):
        path = tmp_path / "usage.csv"
        with path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow([*COLUMNS, *columns])
            table.writerows(rows)
        return read_history(path)

    return usage


def row(output, query, condition="free/plain", provider="my-lab", model="llama-3.1-8b", more=()):
    return [provider, model, condition, query, "subject", 9, output, *more]


def own(outputs, *, judge_input=None, basis="pilot"):
    count = len(outputs)
    return MeasuredCalls(
        queries=np.arange(count),
        output=np.array(outputs),
        answer_input=np.zeros(count) if judge_input is None else np.array(judge_input, float),
        limits=np.full(count, 4000),
        is_cut=np.zeros(count, bool),
        basis=basis,
        source="made",
    )


def stratum_of(plan, key):
    return next(each for each in plan.strata if each.key == key)


def tokens_of(plan, key):
    output = stratum_of(plan, key).output
    return [output.q05, output.q50, output.q95]


def test_a_history_of_other_queries_gives_the_golden_values(estimate, usage):
    plan = estimate(history=usage([row(x, f"other {n}") for n, x in enumerate(A)]))
    assert tokens_of(plan, A_HERE) == pytest.approx([35261.6210, 56552.2584, 90697.9837])
    assert stratum_of(plan, A_HERE).basis == "history"


def test_a_history_of_these_very_queries_leaves_only_their_samples_to_chance(estimate):
    calls = {("subject", "my-lab", "llama-3.1-8b", "free/plain"): [
        HistoryCall(str(n), x) for n, x in enumerate(A)]}  # fmt: skip
    plan = estimate(queries=10, history=History(calls, "these", has_numbers=True))
    assert tokens_of(plan, A_HERE) == pytest.approx([4204.8340, 5567.3735, 7371.4319])


def test_a_file_that_names_the_same_texts_is_of_these_very_queries(estimate, usage, tmp_path):
    estimate(queries=10)
    texts = (tmp_path / "e" / "queries.txt").read_text().splitlines()
    plan = estimate(
        queries=10,
        history=usage([row(x, 7, more=[texts[n]]) for n, x in enumerate(A)], ["query_text"]),
    )
    assert tokens_of(plan, A_HERE) == pytest.approx([4204.8340, 5567.3735, 7371.4319])


def test_a_pilots_answers_count_and_the_rest_is_forecast(estimate):
    plan = estimate(own={A_HERE: own(A)})
    assert tokens_of(plan, A_HERE) == pytest.approx([36754.1319, 56396.3686, 87388.1365])
    assert stratum_of(plan, A_HERE).output.mean == pytest.approx(200 * 276)
    assert stratum_of(plan, A_HERE).basis == "pilot"


def test_conditions_that_share_their_queries_are_forecast_together(estimate):
    plan = estimate(own={A_HERE: own(A), C_HERE: own(C)}, fields={"judges": []})
    alone = estimate(own={A_HERE: own(A)}, fields={"judges": []})
    price = float(plan.models[lab.MODEL].card.output.base) / 1e6
    both = [s.cost for s in plan.strata if s.key in {A_HERE, C_HERE}]
    others = [s.cost for s in plan.strata if s.key not in {A_HERE, C_HERE}]
    together = (48620.5608 - 1000, 108537.9392)  # of the golden values of the two
    mean = 200 * 276 + 200 * 75
    low, high = (price * (each - mean) for each in (together[0], together[1]))
    loose = [sum(getattr(c, q) - c.mean for c in others) for q in ("q05", "q95")]
    assert plan.total.q05 == pytest.approx(plan.total.mean - np.hypot(low, loose[0]), rel=1e-4)
    assert plan.total.q95 == pytest.approx(plan.total.mean + np.hypot(high, loose[1]), rel=1e-4)
    apart = np.hypot(*(c.q95 - c.mean for c in both))
    assert high > 1.05 * apart, "they vary alike, so their errors do not cancel"
    assert sum(s.variance_share for s in plan.strata) == pytest.approx(1, abs=0.001)
    known = stratum_of(plan, A_HERE)
    assert known.variance_share > stratum_of(plan, C_HERE).variance_share
    assert known.cost == stratum_of(alone, A_HERE).cost


def test_several_samples_of_a_query_are_not_independent_queries(estimate, usage):
    once = usage([row(x, n) for n, x in enumerate(A)])
    thrice = usage([row(x, n) for n, x in enumerate(A) for _ in range(3)])
    apart = usage([row(x, (n, s)) for n, x in enumerate(A) for s in range(3)])
    widths = []
    for history in (once, thrice, apart):
        low, middle, high = tokens_of(estimate(history=history), A_HERE)
        widths.append((high - low) / middle)
    assert widths[2] < 0.75 * widths[1] < widths[0]


def test_each_answer_is_cut_at_max_tokens_before_the_mean(estimate, usage):
    rows = [row(x, n) for n, x in enumerate([100, 100, 100, 100, 2600] * 4)]
    tight = stratum_of(estimate(history=usage(rows), max_tokens=1000), A_HERE)
    assert tight.output.mean == pytest.approx(200 * 280)
    assert tight.output.q05 < tight.output.q50 < tight.output.q95 < tight.output.ceiling
    assert tight.share_cut_off == pytest.approx(0.2)


def test_an_answer_of_several_turns_is_not_cut_off_for_being_longer_than_one():
    three_turns = StratumTally(requests=4, max_tokens=1000, bounds=Counter({50: 12}))
    measured = CallsByStratum({A_HERE: own([900, 1400, 2100, 3000])}, 4)
    length = OutputLength(mean=900, sigma=0.4, basis="prior", kind="answer", source="made")
    assert measured.share_cut_off(A_HERE, three_turns, length) == pytest.approx(0.25)


def test_answers_that_ended_at_a_smaller_limit_are_warned_of(estimate, usage):
    rows = [row(x, n, more=["length" if x == 640 else "stop", 640]) for n, x in enumerate(A)]
    history = usage(rows, ["finish", "max_tokens"])
    (said,) = [each for each in estimate(history=history).warnings if "smaller max_tokens" in each]
    assert "free/plain: 1 of 10 measured answers" in said
    plan = estimate(history=history, max_tokens=500)
    assert not [each for each in plan.warnings if "smaller max_tokens" in each]


@pytest.mark.parametrize("nothing", ["0", "", " "])
def test_a_row_without_output_tokens_does_not_count_and_refuses_nothing(estimate, usage, nothing):
    rows = [row(x, f"other {n}") for n, x in enumerate(A)]
    history = usage([*rows, row(nothing, "other 3")])
    plan = estimate(history=history)
    assert tokens_of(plan, A_HERE) == pytest.approx([35261.6210, 56552.2584, 90697.9837])
    assert any("1 row has no output tokens and does not count" in each for each in plan.warnings)


def test_a_count_that_is_none_is_refused_with_its_line(usage):
    with pytest.raises(BadHistory, match=r"line 3: output_tokens is 'many', expected a whole"):
        usage([row(7, 0), row("many", 1)])


def test_unknown_columns_are_ignored(estimate, usage):
    rows = [row(x, f"other {n}", more=["x", "y"]) for n, x in enumerate(A)]
    plan = estimate(history=usage(rows, ["note", "Unnamed: 7"]))
    assert tokens_of(plan, A_HERE)[1] == pytest.approx(56552.2584)


@pytest.mark.parametrize(
    ("provider", "model"), [("groq", "llama-3.1-8b"), ("openrouter", "meta-llama/Llama-3.1-8B")]
)
def test_another_provider_widens_the_range_and_is_said(estimate, usage, provider, model):
    rows = [row(x, f"other {n}") for n, x in enumerate(A)]
    here = estimate(history=usage(rows))
    elsewhere = [row(x, f"other {n}", provider=provider, model=model) for n, x in enumerate(A)]
    plan = estimate(history=usage(elsewhere))
    low, middle, high = tokens_of(plan, A_HERE)
    # V = 229464588 + (0.4 mu)^2, for mu 55200: worked out by hand.
    s2 = np.log1p(229464588 / 55200**2 + 0.16)
    assert middle == pytest.approx(55200 * np.exp(s2 / 3), rel=1e-6)
    assert high - low > 1.5 * (tokens_of(here, A_HERE)[2] - tokens_of(here, A_HERE)[0])
    assert "another provider" in stratum_of(plan, A_HERE).source
    assert stratum_of(estimate(history=usage([*rows, *elsewhere])), A_HERE).output == (
        stratum_of(here, A_HERE).output
    )


def test_a_history_that_fits_nothing_is_said(estimate, usage):
    plan = estimate(history=usage([row(9, 0, condition="other")]))
    assert any("no row is of a stage, model and condition" in each for each in plan.warnings)


def test_the_tail_of_measured_lengths_is_heavy_or_not(estimate):
    usual = estimate(own={A_HERE: own(A)})
    assert stratum_of(usual, A_HERE).is_heavy_tailed is False
    assert stratum_of(usual, C_HERE).is_heavy_tailed is None
    heavy = estimate(own={A_HERE: own([10] * 19 + [3000])})
    assert stratum_of(heavy, A_HERE).is_heavy_tailed is True


def test_a_judge_that_reads_measured_answers_varies_with_them(estimate):
    judge = {"name": "j", "model": lab.MODEL, "messages": [{"role": "user", "content": lab.PLAIN}]}
    fields = {"judges": [judge | {"sampling": {"max_tokens": 4000}}], "expect": {"j": 100}}
    key = StratumKey("j", lab.MODEL, "free/plain")
    read = stratum_of(estimate(own={A_HERE: own(A)}, fields=fields), key)
    unread = stratum_of(estimate(fields=fields), key)
    plan = estimate(own={A_HERE: own(A), key: own([100] * 10, judge_input=A)}, fields=fields)
    measured = stratum_of(plan, key)
    assert read.cost.q95 - read.cost.q05 < unread.cost.q95 - unread.cost.q05
    assert measured.input_tokens == pytest.approx(read.input_tokens, rel=1e-6)
    assert measured.basis == "pilot"
    subject = stratum_of(plan, A_HERE).cost
    pair = plan.groups["subject", lab.MODEL], plan.groups["j", lab.MODEL]
    assert plan.total.mean == pytest.approx(sum(each.mean for each in pair))
    assert measured.cost.q95 - measured.cost.mean > 0.2 * (subject.q95 - subject.mean)


def test_few_answers_of_the_studys_own_do_not_replace_a_history(estimate, usage):
    history = usage([row(x, f"other {n}") for n, x in enumerate(A)])
    few = estimate(own={A_HERE: own(A[:4])}, history=history)
    assert stratum_of(few, A_HERE).basis == "history"
    assert stratum_of(estimate(own={A_HERE: own(A[:5])}, history=history), A_HERE).basis == "pilot"


def test_a_plan_of_before_has_none_of_these_figures_and_keeps_its_digest(estimate, tmp_path):
    plan = estimate(own={A_HERE: own(A)})
    save_plan(plan, tmp_path / "new.json")
    assert read_plan(tmp_path / "new.json").digest == plan.digest
    none = dict.fromkeys(("q025", "q25", "q75", "q975"))
    before = replace(
        plan,
        strata=tuple(
            replace(
                each,
                cost=replace(each.cost, **none),
                variance_share=None,
                is_heavy_tailed=None,
                share_cut_off=None,
                own_answers=None,
            )
            for each in plan.strata
        ),
        groups={pair: replace(cost, **none) for pair, cost in plan.groups.items()},
        total=replace(plan.total, **none),
    )
    save_plan(before, tmp_path / "before.json")
    written = (tmp_path / "before.json").read_text()
    assert not any(word in written for word in ("q975", "variance_share", "share_cut_off"))
    assert read_plan(tmp_path / "before.json").digest == before.digest
