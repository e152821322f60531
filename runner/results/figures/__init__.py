"""The figures of a report that are not its result: strata, stages, lengths, spending, prices."""

from runner.results.figures.batches import (
    count_batched,
    count_ways,
    list_batches,
    list_batching,
)
from runner.results.figures.caching import list_caching, list_savings
from runner.results.figures.experiment_facts import describe_experiment
from runner.results.figures.lengths import Lengths
from runner.results.figures.planned_prices import list_planned_prices
from runner.results.figures.run_part import PartRun, compare_part
from runner.results.figures.spending import MAX_MOMENTS, PAUSE, Spending, read_spending
from runner.results.figures.stages import list_stages, sum_stages
from runner.results.figures.stratum_actual import (
    AnswerName,
    StrataTally,
    StratumActual,
    TalliedSums,
    find_in_flight,
    list_answered,
    name_answer,
)

__all__ = [
    "MAX_MOMENTS",
    "PAUSE",
    "AnswerName",
    "Lengths",
    "PartRun",
    "Spending",
    "StrataTally",
    "StratumActual",
    "TalliedSums",
    "compare_part",
    "count_batched",
    "count_ways",
    "describe_experiment",
    "find_in_flight",
    "list_answered",
    "list_batches",
    "list_batching",
    "list_caching",
    "list_planned_prices",
    "list_savings",
    "list_stages",
    "name_answer",
    "read_spending",
    "sum_stages",
]
