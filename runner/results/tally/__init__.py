"""What the answers of a run come to: one pass over its ledger, by one process or several."""

from runner.results.tally.job_answers import group_answers, join_answer
from runner.results.tally.observations import ObservationReader, VerdictCount
from runner.results.tally.price_check import PriceCheck
from runner.results.tally.run_records import RunRecords, count_current_answers
from runner.results.tally.run_tally import CountCheck, RunTally
from runner.results.tally.whole_run import read_observations, tally_run

__all__ = [
    "CountCheck",
    "ObservationReader",
    "PriceCheck",
    "RunRecords",
    "RunTally",
    "VerdictCount",
    "count_current_answers",
    "group_answers",
    "join_answer",
    "read_observations",
    "tally_run",
]
