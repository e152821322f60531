"""Forecast output lengths, and what the requests cost with them."""

from typing import TYPE_CHECKING

from estimator.forecast.forecast import forecast_cost, price_request, price_strata
from estimator.forecast.history import History, HistoryCall
from estimator.forecast.measured_calls import MeasuredCalls, TokenPrices, measure_stratum
from estimator.forecast.measured_parts import CallsByStratum
from estimator.forecast.output_length import MEASURED, OutputLength
from estimator.forecast.pooling import LengthShape, MeasuredStratum, PooledCost, pool_costs
from estimator.forecast.priors import describe_level, prior_length, prior_of_kind
from estimator.forecast.read_share import ReadShare, find_read_share, forecast_read_shares
from estimator.forecast.stratum import CostRange, Forecast, Stratum, TokenRange
from estimator.forecast.stratum_lengths import (
    find_measured_calls,
    forecast_output_lengths,
    limit_of_use,
    list_history_warnings,
    measured_length,
)
from experiment.lazy_names import import_on_demand

if TYPE_CHECKING:
    from estimator.forecast.history_file import read_history
    from estimator.forecast.part import find_share, forecast_part
    from estimator.forecast.range_outcome import (
        LEVELS,
        RangeOutcome,
        compare_with_range,
        join_bases,
    )
    from estimator.forecast.rest import forecast_rest

__all__ = [
    "LEVELS",
    "MEASURED",
    "CallsByStratum",
    "CostRange",
    "Forecast",
    "History",
    "HistoryCall",
    "LengthShape",
    "MeasuredCalls",
    "MeasuredStratum",
    "OutputLength",
    "PooledCost",
    "RangeOutcome",
    "ReadShare",
    "Stratum",
    "TokenPrices",
    "TokenRange",
    "compare_with_range",
    "describe_level",
    "find_measured_calls",
    "find_read_share",
    "find_share",
    "forecast_cost",
    "forecast_output_lengths",
    "forecast_part",
    "forecast_read_shares",
    "forecast_rest",
    "join_bases",
    "limit_of_use",
    "list_history_warnings",
    "measure_stratum",
    "measured_length",
    "pool_costs",
    "price_request",
    "price_strata",
    "prior_length",
    "prior_of_kind",
    "read_history",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "LEVELS": "range_outcome",
        "RangeOutcome": "range_outcome",
        "compare_with_range": "range_outcome",
        "find_share": "part",
        "forecast_part": "part",
        "forecast_rest": "rest",
        "join_bases": "range_outcome",
        "read_history": "history_file",
    },
)
