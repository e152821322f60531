"""Pooling: what calls of several strata cost, from those that were measured. Loads numpy late."""

from estimator.forecast.pooling.pooled_cost import (
    LengthShape,
    MeasuredStratum,
    PooledCost,
    pool_costs,
    split_variance,
)

__all__ = ["LengthShape", "MeasuredStratum", "PooledCost", "pool_costs", "split_variance"]
