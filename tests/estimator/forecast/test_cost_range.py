"""A range of costs: its quantiles in JSON, and the chance of costing more than an amount."""

from dataclasses import replace

import pytest

from estimator.forecast import CostRange, PooledCost
from estimator.forecast.stratum import QUANTILES
from pricing.money import Money

WIDE = {name: 100 + p for name, p in QUANTILES.items()}


def range_of(cost: PooledCost, ceiling: str = "1000000") -> CostRange:
    return CostRange(
        cost.mean + cost.certain,
        ceiling=Money.from_usd(ceiling),
        **{name: cost.quantile(p) for name, p in QUANTILES.items()},
    )


def test_a_range_is_read_back_as_it_was_written():
    cost = CostRange(150, ceiling=Money.from_usd("900"), **WIDE)
    assert CostRange.from_json(cost.to_json()) == cost


def test_a_range_of_before_has_four_figures_and_stays_as_it_was():
    before = {"mean": "3.00", "q05": "1.00", "q50": "2.00", "q95": "7.00", "ceiling": "20.00"}
    read = CostRange.from_json(before)
    assert read.q975 is None
    assert read.to_json() == before
    assert read.chance_above(7) == pytest.approx(0.05)


@pytest.mark.parametrize("certain", [0, 2760, 200_000])
def test_the_chance_of_costing_more_is_that_of_the_distribution(certain):
    cost = PooledCost(52440, 192539252, 15, certain)
    for amount in (certain + each for each in (30_000, 40_000, 52_000, 70_000, 90_000, 110_000)):
        assert range_of(cost).chance_above(amount) == pytest.approx(
            cost.chance_above(amount), abs=0.01
        )


def test_nothing_costs_more_than_its_ceiling_and_anything_more_than_nothing():
    cost = range_of(PooledCost(100, 900, 10), ceiling="120")
    assert cost.chance_above(120) == 0
    assert 0 < cost.chance_above(119.99) < 0.4
    assert cost.chance_above(0) == 1


def test_what_is_certain_is_above_an_amount_or_not():
    same = dict.fromkeys(QUANTILES, 5.0)
    cost = CostRange(5, ceiling=Money.from_usd("9"), **same)
    assert (cost.chance_above(4.99), cost.chance_above(5.01)) == (1, 0)
    assert replace(cost, mean=0.0, **dict.fromkeys(QUANTILES, 0.0)).chance_above(1) == 0
