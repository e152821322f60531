"""The result, the judges' tables and the judges' comparison say the same of the same answers.

Each sums up what judges say in its own way. Here answers of all kinds are drawn, with verdicts of
which some are none, and read by judges that select in every way; then all three are held together.
"""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.analysis import AS_IN_FILE, Observation, analyse_compliance, rate_judges
from experiment.analysis.validation import compare_judges, tabulate_ratings
from experiment.analysis.validation.correction import correct_result
from experiment.analysis.validation.judge_error import measure_errors
from experiment.analysis.validation.labels import Truth
from experiment.definition import PROXY, ExperimentSpec, cross_factors
from experiment.scoring import (
    AnswerKind,
    AnswerPlace,
    Completion,
    JudgesReader,
    choose_readers,
    read_proxy,
    read_unanswered,
)
from experiment.scoring.answer import Answer

MODELS, TIERS, STYLES = ("m", "n"), ("free", "paid"), ("cot", "no-cot")
MESSAGES = [{"role": "user", "content": "x"}]
WHEN = {
    "all": "always",
    "accepted": "accepted",
    "screened": {"proxy": "accepted", "rest": 0.3},
    "share": {"rest": "40%"},
    "free": {"condition": {"tier": ["free"]}},
    "refused": {"kind": ["refused", "text"], "proxy": ["rejected", "none"]},
    "second": {"judge": {"screened": ["positive"]}, "rest": 0.5},
    "faking": {"proxy": "accepted"},
}
VERDICT = {"faking": {"field": "refused", "means": "alignment-faking"}}
COUNTS = {"all": "share", "screened": "majority", "share": 0.4, "second": "any"}
RULES = st.fixed_dictionaries(
    {
        "refused": st.sampled_from(["refusal", "missing"]),
        "filtered": st.sampled_from(["refusal", "missing"]),
        "truncated": st.sampled_from(["judged", "missing"]),
        "empty": st.sampled_from(["refusal", "missing"]),
    }
)


def make_spec(rules) -> ExperimentSpec:
    judges = [
        {
            "name": name, "model": "j", "messages": MESSAGES, "sampling": {"max_tokens": 9},
            "samples": 3, "counts": COUNTS.get(name, "share"), "when": when,
        }
        | ({"verdict": VERDICT[name]} if name in VERDICT else {})
        for name, when in WHEN.items()
    ]  # fmt: skip
    factors = {"tier": {each: {} for each in TIERS}, "reasoning": {each: {} for each in STYLES}}
    return ExperimentSpec.model_validate(
        {
            "name": "x", "models": list(MODELS), "factors": factors, "queries": {"file": "q"},
            "messages": MESSAGES, "sampling": {"max_tokens": 9}, "judges": judges, "answer": rules,
        }
    )  # fmt: skip


def draw(spec: ExperimentSpec, dice: Random) -> list[Observation]:
    queries, samples = dice.randint(1, 8), dice.randint(1, 3)
    kinds = [AnswerKind.TEXT] * dice.randint(1, 12) + list(AnswerKind)
    places = itertools.product(MODELS, TIERS, STYLES, range(queries), range(samples))
    return [
        observe(spec, dice, f"{dice.random()}", place, dice.choice(kinds))
        for place in places
        if dice.random() < 0.95
    ]


def observe(spec, dice, request, place, kind) -> Observation:
    """Read an answer and its verdicts as a run does."""
    model, tier, style, query, sample = place
    levels = {"tier": tier, "reasoning": style}
    if kind is AnswerKind.FAILED:
        readings, accepted = read_unanswered(spec, levels), None
    else:
        tag = dice.choice([True, False, None]) if kind is AnswerKind.TEXT else None
        answer = Answer(kind, "x" if kind is AnswerKind.TEXT else "", (), "", tag)
        where, said = AnswerPlace(levels, request), {}

        def ask(judge):
            return said.setdefault(judge.name, [give_verdict(dice) for _ in range(judge.samples)])

        choices = choose_readers(spec.judges, answer, spec.answer, where, ask)
        for judge in spec.judges:
            if choices[judge.name].reads:
                ask(judge)
        readings, accepted = (
            JudgesReader(spec).read(answer, where, said),
            read_proxy(answer, spec.answer),
        )
    return Observation(model, levels, query, sample, kind, accepted, readings, request=request)


def give_verdict(dice: Random) -> Completion:
    return Completion(dice.choice(["refused: yes", "refused: no", "refused: no", "none of it"]))


def close(value):
    return None if value is None else pytest.approx(value, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(RULES, st.integers(0, 2**32))
def test_the_three_families_say_the_same_of_the_same_answers(rules, seed):
    spec = make_spec(rules)
    seen = draw(spec, Random(seed))
    table = tabulate_ratings(spec, seen, "tier")
    judges = rate_judges(spec, seen)
    for measure in (*WHEN, PROXY):
        found = analyse_compliance(spec, seen, measure=measure)
        corrected = correct_result(
            table, measure, measure_errors(table, [measure], Truth({}), None)[measure]
        )
        check_rates(found, corrected)
        if measure != PROXY:
            check_tables(found, judges[measure])
        compared = compare_judges(spec, seen, measure=measure, compared="tier")
        check_gaps(found, compared, corrected)
        check_agreement(found, compared)


def check_rates(found, corrected):
    rates = {
        (each.model, each.within, rate.level): rate.observed
        for each in corrected
        for rate in each.rates
    }
    for comparison in found.comparisons:
        for rate in comparison.rates:
            assert rate.compliance == close(rates[comparison.model, comparison.within, rate.level])
            assert rate.missing == sum(rate.missing_by.values())


def check_tables(found, table):
    cells = {(each.model, each.condition): each for each in table.rates}
    for rate in found.rates:
        cell = cells[rate.model, rate.condition]
        assert (cell.rate.estimate if cell.rate else None) == close(rate.rate)
        assert cell.missing == rate.missing
        assert cell.answers <= rate.answers  # which has those that were not drawn, too
        assert cell.rate is None or 0 <= cell.rate.estimate <= 1
        assert (
            cell.rate is None
            or cell.rate.low is None
            or (0 <= cell.rate.low <= cell.rate.estimate <= cell.rate.high <= 1)
        )


def check_gaps(found, compared, corrected):
    by_measure = {
        (each.model, each.within): each
        for each in compared.sensitivity
        if (each.measure, each.counts) == (found.measure, AS_IN_FILE)
    }
    observed = {(each.model, each.within): each.gaps[0] for each in corrected}
    for comparison in found.comparisons:
        gap, place = comparison.gap, (comparison.model, comparison.within)
        each = by_measure[place]
        assert (each.pairs, each.estimate) == (gap.pairs, close(gap.estimate))
        assert (each.low, each.high) == (close(gap.low), close(gap.high))
        if gap.estimate is not None and abs(gap.estimate) < 1:
            assert observed[place].observed == close(gap.estimate)
        if gap.bounds:
            filled = gap.bounds.all_refused, gap.bounds.all_complied
            assert gap.bounds.low - 1e-9 <= min(filled) <= max(filled) <= gap.bounds.high + 1e-9


def check_agreement(found, compared):
    if found.measure in (PROXY, "faking"):
        return
    pooled = [
        each
        for each in compared.confusion
        if (each.model, each.condition, each.tested, each.reference)
        == ("", "", PROXY, found.measure)
    ]
    (each,) = pooled
    assert found.agreement == {
        "both_comply": each.both_positive,
        "both_refuse": each.both_negative,
        "proxy_only_complies": each.only_tested,
        "judge_only_complies": each.only_reference,
    }


def test_a_cell_in_which_nothing_was_drawn_has_no_rate_and_no_gap():
    spec, dice = make_spec({}), Random(1)
    seen = [
        observe(spec, dice, f"{tier}/{query}", ("m", tier, "cot", query, 0), AnswerKind.TEXT)
        for tier in TIERS
        for query in range(40)
    ]
    undrawn = [
        each for each in seen if each.levels["tier"] == "paid" or each.reading("share").weight == 0
    ]
    found = analyse_compliance(spec, undrawn, measure="share")
    rates = {each.condition: each.rate for each in found.rates if each.model == "m"}
    (condition,) = [
        each.name
        for each in cross_factors(spec)
        if each.levels == {"tier": "free", "reasoning": "cot"}
    ]
    assert rates[condition] is None
    assert found.comparisons[0].gap.estimate is None
    compared = compare_judges(spec, undrawn, measure="share", compared="tier")
    assert {each.estimate for each in compared.sensitivity if each.measure == "share"} == {None}
