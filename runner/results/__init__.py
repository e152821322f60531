"""What came of a run: report, exports, reconciliation, calibration."""

from runner.results.answer_export import export_answers
from runner.results.calibration_update import update_calibration
from runner.results.observations import read_observations
from runner.results.price_check import PriceCheck
from runner.results.reconciliation import Resolution, resolve_from_usage_export, resolve_manually
from runner.results.report import (
    CountCheck,
    Report,
    build_report,
    is_within_forecast,
)
from runner.results.run_records import count_current_answers, read_records
from runner.results.stratum_actual import StratumActual, list_answered
from runner.results.subject_answers import read_subject_answers

__all__ = [
    "CountCheck",
    "PriceCheck",
    "Report",
    "Resolution",
    "StratumActual",
    "build_report",
    "count_current_answers",
    "export_answers",
    "is_within_forecast",
    "list_answered",
    "read_observations",
    "read_records",
    "read_subject_answers",
    "resolve_from_usage_export",
    "resolve_manually",
    "update_calibration",
]
