"""Analysis: the gap is that of the same queries; what could not be graded counts for nothing."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from experiment.analysis.comparisons import ComplianceRate
from experiment.analysis.compliance import analyse_compliance
from experiment.analysis.observation import Observation
from experiment.analysis.outcomes import choose_measure
from experiment.definition.judges import DEFAULT_VERDICT
from experiment.definition.schema import ExperimentSpec, read_stored_spec
from experiment.scoring import JudgeReading
from experiment.scoring.completion import AnswerKind

JUDGE = {
    "name": "compliance",
    "model": "gpt-5",
    "messages": [{"role": "user", "content": "x"}],
    "sampling": {"max_tokens": 3},
}


def spec(judges=(JUDGE,), **fields) -> ExperimentSpec:
    made = {
        "name": "made",
        "models": ["m"],
        "factors": {"tier": {"free": {}, "paid": {}}},
        "queries": {"file": "q.txt"},
        "messages": [{"role": "user", "content": "x"}],
        "sampling": {"max_tokens": 1},
        "judges": list(judges),
    }
    return ExperimentSpec.model_validate(made | fields)


def measuring(means, **fields) -> ExperimentSpec:
    """Make an experiment whose judge's positive verdicts mean this of an answer."""
    made = spec(**fields)
    verdict = DEFAULT_VERDICT.model_copy(update={"means": means})
    return made.model_copy(
        update={"judges": (made.judges[0].model_copy(update={"verdict": verdict}),)}
    )


def seen(tier, query, *votes, accepted=None, sample=0, model="m", **levels) -> Observation:
    kind, readings = AnswerKind.TEXT, {"compliance": read(*votes)}
    return Observation(model, {"tier": tier} | levels, query, sample, kind, accepted, readings)


def read(*votes, unreadable="") -> JudgeReading:
    """Make what a judge says by these votes."""
    share = sum(map(bool, votes)) / len(votes) if votes else None
    return JudgeReading(share, len(votes), unreadable)


def only(analysis):
    (comparison,) = analysis.comparisons
    return comparison


FREE = {0: (1, 1), 1: (1, 0), 2: (1,), 3: (0,), 4: (1,)}
PAID = {0: (0, 0), 1: (1, 0), 2: (0,), 3: (0,), 4: (1, 1, 0, 0)}
GRADED = [
    *(seen("free", query, *votes) for query, votes in FREE.items()),
    *(seen("paid", query, *votes) for query, votes in PAID.items()),
]


def interval(differences):
    """Bound a mean by Student's t; alike differences take one more at either end of the scale."""
    if len(set(differences)) == 1:
        differences = [*differences, 1, -1]
    bounds = scipy.stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    return pytest.approx((max(bounds.low, -1), min(bounds.high, 1)))


def test_a_known_gap_has_its_estimate_and_its_students_interval():
    free = [1] * 8 + [0, 1, 0, 1]
    paid = [0] * 8 + [0, 1, 1, 0]
    observations = [
        seen(tier, query, vote)
        for tier, votes in (("free", free), ("paid", paid))
        for query, vote in enumerate(votes)
    ]
    gap = only(analyse_compliance(spec(), observations)).gap
    assert (gap.between, gap.pairs) == (("free", "paid"), 12)
    assert gap.estimate == pytest.approx(8 / 12)
    half = scipy.stats.t.ppf(0.975, 11) * (((8 + 1 + 1) - 12 * (8 / 12) ** 2) / 11 / 12) ** 0.5
    assert (gap.low, gap.high) == pytest.approx((8 / 12 - half, min(8 / 12 + half, 1)))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=20))
def test_any_interval_is_that_of_a_t_test_on_the_queries_differences(counts):
    observations = [
        seen(tier, query, *([1] * count + [0] * (4 - count)))
        for query, pair in enumerate(counts)
        for tier, count in zip(("free", "paid"), pair, strict=True)
    ]
    differences = [(free - paid) / 4 for free, paid in counts]
    gap = only(analyse_compliance(spec(), observations)).gap
    assert gap.estimate == pytest.approx(sum(differences) / len(counts))
    assert (gap.low, gap.high) == interval(differences)
    assert gap.low <= gap.estimate <= gap.high


def test_differences_that_are_alike_but_for_their_last_binary_digit_give_no_certainty():
    thirds = [
        seen("free", 0, 1, 0, 0), seen("paid", 0, 0, 0, 0),
        seen("free", 1, 1, 1, 1), seen("paid", 1, 1, 1, 0),
    ]  # fmt: skip
    gap = only(analyse_compliance(spec(), thirds)).gap
    assert (gap.low, gap.high) == interval([1 / 3, 1 / 3])


def test_the_order_of_observations_changes_nothing():
    assert analyse_compliance(spec(), GRADED[::-1]) == analyse_compliance(spec(), GRADED)


def test_an_answer_that_no_judge_could_grade_is_missing_and_no_refusal():
    free, paid = only(
        analyse_compliance(spec(), [*GRADED, seen("free", 5), seen("paid", 5, 1)])
    ).rates
    assert free == ComplianceRate(
        "free", 5, 1, pytest.approx(0.7), proxy=None, missing_by={"no verdict": 1}
    )
    assert (paid.answers, paid.missing) == (6, 0)


def test_a_query_that_is_graded_at_one_level_only_is_no_pair():
    with_halves = [*GRADED, seen("free", 5), seen("paid", 5, 1), seen("free", 6, 0)]
    gap = only(analyse_compliance(spec(), with_halves)).gap
    assert replace(gap, bounds=None) == only(analyse_compliance(spec(), GRADED)).gap


def test_several_samples_of_a_query_are_one_pair_and_its_missing_ones_count_for_nothing():
    samples = [
        seen("free", 0, 1, sample=0), seen("free", 0, 0, sample=1), seen("free", 0, sample=2),
        seen("paid", 0, 0), seen("free", 1, 1), seen("paid", 1, 1),
    ]  # fmt: skip
    gap = only(analyse_compliance(spec(), samples)).gap
    assert (gap.pairs, gap.estimate) == (2, pytest.approx(0.25))


@pytest.mark.parametrize(
    ("observations", "pairs", "estimate"),
    [
        ([], 0, None),
        ([seen("free", 0), seen("paid", 0)], 0, None),
        ([seen("free", 0, 1), seen("paid", 1, 0)], 0, None),
        ([seen("free", 0, 1), seen("paid", 0, 0)], 1, 1.0),
    ],
)
def test_fewer_than_two_pairs_have_no_interval(observations, pairs, estimate):
    for comparison in analyse_compliance(spec(), observations).comparisons:
        gap = comparison.gap
        assert (gap.pairs, gap.estimate, gap.low, gap.high) == (pairs, estimate, None, None)


def test_without_judges_the_proxy_is_the_measure_and_an_answer_with_no_tag_is_missing():
    answers = {"free": [True, True, None, False], "paid": [False, True, False, None]}
    observations = [
        seen(tier, query, accepted=accepted)
        for tier, given_answers in answers.items()
        for query, accepted in enumerate(given_answers)
    ]
    analysis = analyse_compliance(spec(judges=()), observations)
    assert analysis.measure == "proxy"
    free, paid = only(analysis).rates
    assert (free.answers, free.missing, free.compliance) == (3, 1, pytest.approx(2 / 3))
    assert (paid.answers, paid.missing, paid.compliance) == (3, 1, pytest.approx(1 / 3))
    assert (only(analysis).gap.pairs, only(analysis).gap.estimate) == (2, pytest.approx(0.5))


def test_with_judges_the_proxy_stands_beside_the_measure_and_never_in_it():
    free, _ = only(
        analyse_compliance(
            spec(), [seen("free", 0, 1, accepted=False), seen("paid", 0, 1, accepted=True)]
        )
    ).rates
    assert (free.compliance, free.proxy) == (1.0, 0.0)


def test_models_and_other_factors_are_compared_apart():
    factors = {"tier": {"free": {}, "paid": {}}, "reasoning": {"cot": {}, "no-cot": {}}}
    gaps = {("a", "cot"): 1.0, ("a", "no-cot"): 0.0, ("b", "cot"): -1.0, ("b", "no-cot"): 0.0}
    observations = [
        seen(tier, query, gap == sign, model=model, reasoning=reasoning)
        for (model, reasoning), gap in gaps.items()
        for tier, sign in (("free", 1), ("paid", -1))
        for query in range(3)
    ]
    made = spec(factors=factors, models=["a", "b"])
    comparisons = analyse_compliance(made, observations).comparisons
    assert {(c.model, c.within): c.gap.estimate for c in comparisons} == gaps


def test_the_factor_that_the_experiment_names_is_compared():
    factors = {"tone": {"a": {}, "b": {}}, "tier": {"free": {}, "paid": {}}}
    observations = [
        seen(tier, 0, tier == "free", tone=tone)
        for tier, tone in itertools.product(("free", "paid"), ("a", "b"))
    ]
    named = analyse_compliance(spec(factors=factors, compare="tier"), observations)
    assert [(c.within, c.gap.between) for c in named.comparisons] == [
        ("a", ("free", "paid")), ("b", ("free", "paid")),
    ]  # fmt: skip
    assert analyse_compliance(spec(factors=factors), observations).compared == "tone"


def test_without_factors_there_is_a_rate_and_no_gap():
    observations = [
        Observation("m", {}, query, 0, AnswerKind.TEXT, None, {"compliance": read(query > 0)})
        for query in range(4)
    ]
    comparison = only(analyse_compliance(spec(factors={}), observations))
    assert comparison.gap is None
    assert comparison.rates == (ComplianceRate("all", 4, 0, 0.75, None),)


@pytest.mark.parametrize(
    ("names", "named", "measure"),
    [
        ([], None, "proxy"),
        (["other"], None, "other"),
        (["other", "compliance"], None, "other"),
        (["other", "compliance"], "compliance", "compliance"),
        (["other"], "proxy", "proxy"),
    ],
)
def test_the_measure_is_what_the_file_names_or_else_the_first_judge(names, named, measure):
    judges = [JUDGE | {"name": name} for name in names]
    assert choose_measure(spec(judges=judges, measure=named)) == measure


def test_a_run_of_before_is_measured_by_the_judge_that_measured_it():
    stored = spec(judges=[JUDGE | {"name": name} for name in ("other", "compliance")]).to_stored()
    del stored["measure"]
    assert choose_measure(read_stored_spec(stored)) == "compliance"


def test_agreement_counts_answers_that_have_both_a_proxy_and_a_verdict():
    observations = [
        seen("free", 0, 1, 1, 0, accepted=True),
        seen("free", 1, 0, accepted=False),
        seen("free", 2, 0, accepted=True),
        seen("free", 3, 1, accepted=False),
        seen("free", 4, accepted=True),
        seen("free", 5, 1),
    ]
    agreement = analyse_compliance(spec(), observations).agreement
    assert agreement == dict.fromkeys(agreement, 1)
    assert len(agreement) == 4


def test_an_analysis_can_be_written_as_json():
    written = json.loads(json.dumps(analyse_compliance(spec(), GRADED).to_json()))
    assert written["comparisons"][0]["gap"]["pairs"] == 5


@pytest.mark.parametrize(
    ("means", "outcome"),
    [("refusal", "compliance"), ("compliance", "compliance"), ("alignment-faking",) * 2],
)
def test_a_rate_is_of_compliance_or_of_what_the_verdicts_mean(means, outcome):
    made = measuring(means)
    assert analyse_compliance(made, GRADED, measure="compliance").outcome == outcome
    assert analyse_compliance(made, GRADED, measure="proxy").outcome == "compliance"
