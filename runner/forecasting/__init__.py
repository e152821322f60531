"""Forecasts of a run from its own calls: what they say of those that are still to be paid."""

from runner.forecasting.known_calls import find_known_calls
from runner.forecasting.own_calls import CallInFlight, OwnCalls, read_own_calls

__all__ = [
    "CallInFlight",
    "OwnCalls",
    "find_known_calls",
    "read_own_calls",
]
