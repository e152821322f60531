"""Forecast output lengths, and what the requests cost with them."""

from estimator.forecast.forecast import forecast_cost, price_request, price_strata
from estimator.forecast.history import History, read_history
from estimator.forecast.output_length import OutputLength
from estimator.forecast.priors import describe_level
from estimator.forecast.rest import forecast_rest
from estimator.forecast.stratum import CostRange, Forecast, Stratum, TokenRange
from estimator.forecast.stratum_lengths import forecast_output_lengths

__all__ = [
    "CostRange",
    "Forecast",
    "History",
    "OutputLength",
    "Stratum",
    "TokenRange",
    "describe_level",
    "forecast_cost",
    "forecast_output_lengths",
    "forecast_rest",
    "price_request",
    "price_strata",
    "read_history",
]
