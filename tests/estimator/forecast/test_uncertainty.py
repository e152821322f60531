"""The costs of strata together: several models by prior err in part together."""

from __future__ import annotations

import math

import pytest

from estimator.forecast.output_length import OutputLength
from estimator.forecast.stratum import QUANTILES, CostRange, Stratum, TokenRange
from estimator.forecast.uncertainty import PriorError, UncertainCost, add_up, sum_costs
from pricing.money import Money

ANSWER, REASONING = (0.61, 0.35), (1.0, 0.9)  # sigma, and its common part
CEILING = Money.from_usd("1000000")


def cost(model: str, mean: float = 1.0, sigma: float = 0.61, common: float | None = 0.35):
    length = OutputLength(mean, sigma, "prior", "answer", "")
    loose = {name: length.quantile(p) - mean for name, p in QUANTILES.items()}
    stratum = Stratum(
        "subject", model, "all", 1, 0, "exact", TokenRange(1, 1, 1, 1, 1), "prior", "",
        CostRange(mean, mean, mean, mean, CEILING),
    )  # fmt: skip
    error = None if common is None else PriorError(model, sigma, common)
    return UncertainCost(stratum, loose, (), error)


def deviation(costs, name="q95") -> float:
    found = sum_costs(costs)
    return getattr(found, name) - found.mean


@pytest.mark.parametrize("models", [2, 4, 10])
@pytest.mark.parametrize(("sigma", "common"), [ANSWER, REASONING])
def test_the_variance_is_that_of_lognormals_with_a_common_part(models, sigma, common):
    """A lognormal with the variance of the sum, of which sum mu mu' expm1(c^2) is common."""
    costs = [cost(f"m{n}", n + 1.0, sigma, common) for n in range(models)]
    means = [each.stratum.cost.mean for each in costs]
    together = sum(means) ** 2 * math.expm1(common**2)
    apart = sum(m * m for m in means) * (math.expm1(sigma**2) - math.expm1(common**2))
    narrow = math.sqrt(math.log1p((together + apart) / sum(means) ** 2))
    total, found = OutputLength(sum(means), narrow, "prior", "answer", ""), sum_costs(costs)
    for name, p in QUANTILES.items():
        assert getattr(found, name) == pytest.approx(total.quantile(p))


def test_one_model_at_two_providers_or_in_two_conditions_errs_as_one():
    assert deviation([cost("a"), cost("a")]) == pytest.approx(2 * deviation([cost("a")]))


def test_what_is_assumed_or_judged_errs_with_all():
    alone = deviation([cost("a"), cost("b")])
    judge = cost("judge", common=None)
    assert deviation([cost("a"), cost("b"), judge]) == pytest.approx(alone + judge.loose["q95"])


def test_shares_of_the_variance_add_up_and_follow_the_means():
    strata = add_up([cost("a", 3.0), cost("b"), cost("judge", common=None)]).strata
    shares = [each.variance_share for each in strata]
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert shares[0] > shares[2] > shares[1]
