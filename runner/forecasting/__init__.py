"""Forecasts of a run from its own calls: what they say of those that are still to be paid.

What computes them needs numpy, so it is imported when it is first asked for: a command that only
shows or keeps a forecast starts without it.
"""

from typing import TYPE_CHECKING

from experiment.lazy_names import import_on_demand
from runner.forecasting.live_result import LiveCost, LiveResult, LiveState, PriorCost
from runner.forecasting.live_view import LiveView, Warned, list_warnings, view_result
from runner.forecasting.run_status import read_status
from runner.forecasting.strata_terms import StratumTerms, find_terms

if TYPE_CHECKING:
    from runner.forecasting.known_calls import find_calls_of_run, find_known_calls
    from runner.forecasting.live_forecast import LiveForecast
    from runner.forecasting.live_rest import LiveStratum
    from runner.forecasting.live_watch import LiveWatch
    from runner.forecasting.own_calls import CallInFlight, OwnCalls, read_own_calls

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
    "find_calls_of_run",
    "find_known_calls",
    "find_terms",
    "list_warnings",
    "read_own_calls",
    "read_status",
    "view_result",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "CallInFlight": "own_calls",
        "LiveForecast": "live_forecast",
        "LiveStratum": "live_rest",
        "LiveWatch": "live_watch",
        "OwnCalls": "own_calls",
        "find_calls_of_run": "known_calls",
        "find_known_calls": "known_calls",
        "read_own_calls": "own_calls",
    },
)
