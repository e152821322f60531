"""What came of a run: report, exports, reconciliation, calibration."""

from runner.results.answer_export import export_answers
from runner.results.calibration_update import update_calibration
from runner.results.figures import (
    PAUSE,
    StrataTally,
    StratumActual,
    find_in_flight,
    name_answer,
)
from runner.results.reconciliation import (
    LedgerFolder,
    Resolution,
    find_unbooked_costs,
    resolve_from_usage_export,
    resolve_manually,
)
from runner.results.report import (
    Report,
    build_report,
    judge_outcome,
)
from runner.results.run_state import RunState, find_unplanned_batches
from runner.results.tally import (
    CountCheck,
    ObservationReader,
    PriceCheck,
    RunRecords,
    count_current_answers,
    group_answers,
    join_answer,
    read_observations,
)

__all__ = [
    "PAUSE",
    "CountCheck",
    "LedgerFolder",
    "ObservationReader",
    "PriceCheck",
    "Report",
    "Resolution",
    "RunRecords",
    "RunState",
    "StrataTally",
    "StratumActual",
    "build_report",
    "count_current_answers",
    "export_answers",
    "find_in_flight",
    "find_unbooked_costs",
    "find_unplanned_batches",
    "group_answers",
    "join_answer",
    "judge_outcome",
    "name_answer",
    "read_observations",
    "resolve_from_usage_export",
    "resolve_manually",
    "update_calibration",
]
