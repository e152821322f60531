"""Forecast output lengths, and what the requests cost with them."""

from estimator.forecast.forecast import forecast_cost, price_request, price_strata
from estimator.forecast.history import History, read_history
from estimator.forecast.measured_calls import MeasuredCalls
from estimator.forecast.output_length import OutputLength
from estimator.forecast.pooled_cost import LengthShape, MeasuredStratum, PooledCost, pool_costs
from estimator.forecast.priors import describe_level, prior_length
from estimator.forecast.range_outcome import (
    LEVELS,
    RangeOutcome,
    compare_with_range,
    join_bases,
)
from estimator.forecast.read_share import ReadShare, find_read_share, forecast_read_shares
from estimator.forecast.rest import forecast_rest
from estimator.forecast.stratum import CostRange, Forecast, Stratum, TokenRange
from estimator.forecast.stratum_lengths import forecast_output_lengths

__all__ = [
    "LEVELS",
    "CostRange",
    "Forecast",
    "History",
    "LengthShape",
    "MeasuredCalls",
    "MeasuredStratum",
    "OutputLength",
    "PooledCost",
    "RangeOutcome",
    "ReadShare",
    "Stratum",
    "TokenRange",
    "compare_with_range",
    "describe_level",
    "find_read_share",
    "forecast_cost",
    "forecast_output_lengths",
    "forecast_read_shares",
    "forecast_rest",
    "join_bases",
    "pool_costs",
    "price_request",
    "price_strata",
    "prior_length",
    "read_history",
]
