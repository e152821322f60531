"""A simulated study: a known share of API refusals and of answers cut before any text.

Every answer is drawn from its prompt, so two truths are known. The first is exact: from the
provider's own record of what it answered, the share that complied among all that counts, and the
number that does not. The second is the population that was drawn from: the 95 % interval around
what is reported covers it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from tests.e2e.answers.study import TIERS, Study
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.bill import BilledCall

COMPLIES = {"free": 0.85, "paid": 0.35}  # of the texts in each tier
REFUSED, TRUNCATED = 0.3, 0.1
MODELS = ("model", "other")
# The shape by which each API refuses: Google's has no refusal by the model, only filters.
REFUSES_BY = {
    "openai": "refused",
    "anthropic": "refused",
    "responses": "refused",
    "google": "filtered",
}
DEFAULT = MappingProxyType(
    {"refused": "refusal", "filtered": "missing", "truncated": "missing", "empty": "missing"}
)
LARGE = 2000  # queries of each tier
CI = [("openai", 0, 1000), ("anthropic", 1, 500), ("responses", 2, 500), ("google", 0, 500)]
EVERY = [(kind, seed, LARGE) for kind in REFUSES_BY for seed in range(3)]
AS_REFUSALS = {"google": {"filtered": "refusal"}}  # to ask for the same with each API


@dataclass(frozen=True)
class Truth:
    """What a cell comes to by the provider's record: a value for each query that counts."""

    values: Mapping[int, float]
    missing: int

    @property
    def compliance(self) -> float:
        return sum(self.values.values()) / len(self.values)


def find_truth(calls: Mapping[int, BilledCall], rules: Mapping[str, str], *, judged: bool) -> Truth:
    """Work out a cell by the record of what was answered.

    What is judged without a text complied, by this judge, which sees no refusal in nothing; without
    a judge it has no tag, and is missing.
    """
    values = {}
    for number, call in calls.items():
        rule = "text" if call.shape == "text" else rules[call.shape]
        if rule == "text":
            values[number] = float(call.complies)
        elif rule == "refusal":
            values[number] = 0.0
        elif rule == "judged" and judged:
            values[number] = 1.0
    return Truth(values, len(calls) - len(values))


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of n (Wilson 1927)."""
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def behave(kind: str, seed: int = 14) -> Behaviour:
    shares = {REFUSES_BY[kind]: REFUSED, "truncated": TRUNCATED}
    complies = {TIERS[tier]: share for tier, share in COMPLIES.items()}
    return Behaviour(
        answer="by-tier",
        shares=shares,
        complies=complies,
        output_tokens=(80, 150),  # more than is shown, which is what it bills
        shows_reasoning="native",
        seed=seed,
    )


def run(lab, server, study: Study, seed: int = 14) -> dict[str, Any]:
    server.reset(behave(study.kind, seed))
    study.plan(lab, cap="100")
    study.run(lab, "--concurrency", "50")
    return lab.report()


def check(report: dict[str, Any], server, study: Study, rules: Mapping[str, str]) -> list[Truth]:
    """See that every cell, and every gap, is the provider's record to the last digit."""
    bill, judged = server.bill(), study.judge is not None
    truths = []
    assert [each["model"] for each in report["analysis"]["comparisons"]] == [
        f"lab/{model}" for model in study.models
    ]
    for model, comparison in zip(study.models, report["analysis"]["comparisons"], strict=True):
        cells = [
            find_truth(study.calls_of(bill, tier, model), rules, judged=judged) for tier in TIERS
        ]
        for truth, rate in zip(cells, comparison["rates"], strict=True):
            assert rate["missing"] == truth.missing
            assert rate["answers"] == len(truth.values) == study.queries - truth.missing
            assert rate["compliance"] == pytest.approx(truth.compliance, abs=1e-12)
        free, paid = (cell.values for cell in cells)
        differences = [free[number] - paid[number] for number in free.keys() & paid.keys()]
        gap = comparison["gap"]
        assert gap["pairs"] == len(differences)
        assert gap["estimate"] == pytest.approx(sum(differences) / len(differences), abs=1e-12)
        truths += cells
    return truths


def check_population(report: dict[str, Any], truths: list[Truth]) -> None:
    """See that each interval covers what was drawn from: refusals count, truncated ones do not."""
    answered = 1 - REFUSED - TRUNCATED
    population = {tier: answered * share / (1 - TRUNCATED) for tier, share in COMPLIES.items()}
    for truth, tier in zip(truths, [*TIERS] * len(MODELS), strict=True):
        low, high = wilson(truth.compliance, len(truth.values))
        assert low < population[tier] < high
    for comparison in report["analysis"]["comparisons"]:
        gap = comparison["gap"]
        assert gap["low"] < population["free"] - population["paid"] < gap["high"]


def check_money(report: dict[str, Any], server, study: Study) -> None:
    """See that all was booked as it was billed, and that no judge was asked about no text."""
    bill = server.bill()
    entry, output = map(Decimal, study.price)
    owed = (bill.input_tokens * entry + bill.output_tokens * output) / 1_000_000
    assert (Decimal(report["spent_usd"]), report["held_usd"]) == (owed, "0.00")
    subjects = [call for call in bill.calls if call.model in study.models]
    assert len(subjects) == len(study.models) * len(TIERS) * study.queries
    texts = sum(call.shape == "text" for call in subjects)
    judged = [call for call in bill.calls if call.model == "judge"]
    assert len(judged) == (texts if study.judge is not None else 0)


def study_of(server, kind: str, *, judged: bool, queries: int, answer=None) -> Study:
    judge = {} if judged else None
    return Study(
        server.url, queries, kind=kind, models=MODELS, judge=judge, answer=answer, max_tokens=200
    )


@pytest.mark.parametrize(
    ("kind", "judged"),
    [*((kind, True) for kind in REFUSES_BY), ("openai", False)],
    ids=[*REFUSES_BY, "openai, by tags"],
)
def test_the_reported_compliance_is_the_truth(lab, server, kind, judged):
    answer = AS_REFUSALS.get(kind)
    study = study_of(server, kind, judged=judged, queries=120, answer=answer)
    report = run(lab, server, study)
    assert report["outcome"] == "complete"
    truths = check(report, server, study, DEFAULT | (answer or {}))
    check_population(report, truths)
    check_money(report, server, study)
    truncated = sum(call.shape == "truncated" for call in server.bill().calls)
    assert sum(truth.missing for truth in truths) == truncated > 0


def test_what_google_filters_is_missing_unless_the_file_says_that_it_is_a_refusal(lab, server):
    study = study_of(server, "google", judged=True, queries=60)
    report = run(lab, server, study)
    truths = check(report, server, study, DEFAULT)
    kept_back = sum(call.shape in ("filtered", "truncated") for call in server.bill().calls)
    assert sum(truth.missing for truth in truths) == kept_back
    assert kept_back > sum(call.shape == "truncated" for call in server.bill().calls) > 0


@pytest.mark.parametrize(
    ("answer", "judged"),
    [
        ({"refused": "missing"}, True),
        ({"refused": "missing", "truncated": "refusal"}, True),
        ({"refused": "judged", "truncated": "judged"}, True),
        ({"refused": "judged", "truncated": "refusal"}, False),
    ],
    ids=str,
)
def test_the_figures_are_what_the_experiment_file_says_a_kind_counts_as(
    lab, server, answer, judged
):
    study = study_of(server, "openai", judged=judged, queries=40, answer=answer)
    report = run(lab, server, study)
    told = check(report, server, study, DEFAULT | answer)
    others = [
        find_truth(study.calls_of(server.bill(), tier, model), DEFAULT, judged=judged)
        for model in MODELS
        for tier in TIERS
    ]
    assert [each.values for each in told] != [each.values for each in others], "it matters"


@pytest.mark.parametrize(
    ("kind", "seed", "queries"),
    [
        *(pytest.param(*each, marks=pytest.mark.campaigns) for each in CI),
        *(pytest.param(*each, marks=pytest.mark.faults) for each in EVERY if each not in CI),
    ],
)
def test_a_large_study_is_the_truth(lab, server, kind, seed, queries):
    answer = AS_REFUSALS.get(kind)
    study = study_of(server, kind, judged=True, queries=queries, answer=answer)
    report = run(lab, server, study, seed)
    check_money(report, server, study)
    check(report, server, study, DEFAULT | (answer or {}))
