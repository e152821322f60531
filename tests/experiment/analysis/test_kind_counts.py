"""Kinds of answers: each is counted once, and what is missing has one reason."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiment.analysis.compliance import analyse_compliance
from experiment.analysis.kind_counts import count_kinds
from experiment.analysis.observation import Observation
from experiment.scoring.completion import AnswerKind
from tests.experiment.analysis.test_compliance import only, read, spec

JUDGE, PROXY = "compliance", "proxy"
TEXT, REFUSED, TRUNCATED = AnswerKind.TEXT, AnswerKind.REFUSED, AnswerKind.TRUNCATED


def of(kind, *votes, tier="free", query=0, accepted=None, unreadable="", **more) -> Observation:
    levels = {"tier": tier}
    readings = {"compliance": read(*votes, unreadable=unreadable)}
    return Observation("m", levels, query, 0, kind, accepted, readings, **more)


OBSERVATIONS = st.lists(
    st.builds(
        of,
        st.sampled_from(AnswerKind),
        tier=st.sampled_from(["free", "paid"]),
        query=st.integers(0, 4),
        accepted=st.none() | st.booleans(),
        is_cut=st.booleans(),
        unreadable=st.sampled_from(["", "an echo", "unfinished"]),
    )
)


@given(observations=OBSERVATIONS, measure=st.sampled_from(["compliance", "proxy"]))
def test_every_answer_has_one_kind_and_every_missing_result_one_reason(observations, measure):
    analysis = analyse_compliance(spec(measure=measure), observations)
    pooled = analysis.pooled
    assert pooled.kinds == {kind.value: 0 for kind in AnswerKind} | Counter(
        each.kind.value for each in observations
    )
    for name in pooled.kinds:
        assert pooled.kinds[name] == sum(cell.kinds[name] for cell in analysis.cells)
    summed: Counter[str] = sum((Counter(cell.missing) for cell in analysis.cells), Counter())
    assert summed == pooled.missing
    rates = only(analysis).rates
    assert sum(rate.missing for rate in rates) == sum(pooled.missing.values())
    assert all(rate.missing == sum(rate.missing_by.values()) for rate in rates)


@pytest.mark.parametrize(
    ("observation", "measure", "reason"),
    [
        (of(TRUNCATED), JUDGE, "truncated"),
        (of(TRUNCATED), PROXY, "truncated"),
        (of(TEXT), JUDGE, "no verdict"),
        (of(TEXT), PROXY, "no tag"),
        (of(TEXT, unreadable="an echo"), JUDGE, "unreadable verdict: an echo"),
        (of(TEXT, unreadable="an echo"), PROXY, "no tag"),
        (of(AnswerKind.EMPTY, unreadable="an echo"), JUDGE, "unreadable verdict: an echo"),
        (of(AnswerKind.FAILED), JUDGE, "failed"),
    ],
)
def test_why_a_result_is_missing(observation, measure, reason):
    assert count_kinds([observation], measure=measure).missing == {reason: 1}


def test_what_has_a_result_is_not_missing_and_only_texts_are_cut():
    seen = [of(TEXT, 1, is_cut=True), of(REFUSED, 0), of(TRUNCATED, 0, is_cut=True)]
    counts = count_kinds(seen, measure=JUDGE)
    assert (counts.answers, counts.cut, counts.missing) == (3, 1, {})


def test_tag_and_judge_are_compared_on_texts_alone():
    seen = [of(TEXT, 1, accepted=True), of(REFUSED, 0, accepted=False)]
    agreement = analyse_compliance(spec(), seen).agreement
    assert agreement["both_comply"] == sum(agreement.values()) == 1


def test_pairs_rest_on_queries_with_a_result_at_both_levels():
    seen = [
        *(of(TEXT, 1, query=query) for query in range(3)),
        *(of(TEXT, 0, query=query, tier="paid") for query in range(2)),
        of(TRUNCATED, query=2, tier="paid"),
        of(REFUSED, 0, query=3),
    ]
    comparison = only(analyse_compliance(spec(), seen))
    assert comparison.rates[0].compliance == 0.75  # the refusal through the API counts
    assert (comparison.gap.pairs, comparison.gap.estimate) == (2, 1.0)
