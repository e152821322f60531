"""Forecasts of a run from its own calls: what they say of those that are still to be paid."""

from runner.forecasting.known_calls import find_known_calls
from runner.forecasting.live_cost import LiveCost, PriorCost
from runner.forecasting.live_forecast import LiveForecast, LiveResult, LiveState
from runner.forecasting.live_rest import LiveStratum
from runner.forecasting.live_view import LiveView, Warned, list_warnings, view_result
from runner.forecasting.live_watch import LiveWatch
from runner.forecasting.own_calls import CallInFlight, OwnCalls, read_own_calls
from runner.forecasting.run_status import read_status
from runner.forecasting.strata_terms import StratumTerms, find_terms

__all__ = [
    "CallInFlight",
    "LiveCost",
    "LiveForecast",
    "LiveResult",
    "LiveState",
    "LiveStratum",
    "LiveView",
    "LiveWatch",
    "OwnCalls",
    "PriorCost",
    "StratumTerms",
    "Warned",
    "find_known_calls",
    "find_terms",
    "list_warnings",
    "read_own_calls",
    "read_status",
    "view_result",
]
