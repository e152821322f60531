"""What is not counted but forecast: output lengths, and what they cost."""

from estimator.forecast.forecast import forecast_cost, price_request, price_strata
from estimator.forecast.history import History, read_history
from estimator.forecast.output_length import OutputLength, length_from_history, prior_length
from estimator.forecast.stratum import CostRange, Stratum, TokenRange

__all__ = [
    "CostRange",
    "History",
    "OutputLength",
    "Stratum",
    "TokenRange",
    "forecast_cost",
    "length_from_history",
    "price_request",
    "price_strata",
    "prior_length",
    "read_history",
]
