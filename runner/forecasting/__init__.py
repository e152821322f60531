"""Forecasts of a run from its own calls: what they say of those that are still to be paid."""

from runner.forecasting.own_calls import CallInFlight, OwnCalls, read_own_calls

__all__ = [
    "CallInFlight",
    "OwnCalls",
    "read_own_calls",
]
