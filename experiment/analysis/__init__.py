"""What the answers and the verdicts of an experiment show together."""

from experiment.analysis.cell_rates import CellRate
from experiment.analysis.clustered_rate import Rate, RateTally
from experiment.analysis.comparisons import Comparison, ComplianceRate
from experiment.analysis.compliance import (
    Analysis,
    FactorEffect,
    analyse_compliance,
)
from experiment.analysis.evidence import Evidence, format_p, format_points
from experiment.analysis.gap_differences import GapDifference
from experiment.analysis.gaps import ComplianceGap, MissingBounds, list_pairs
from experiment.analysis.judge_rates import JudgeRate, JudgeRates, rate_judges
from experiment.analysis.kind_counts import KindCount
from experiment.analysis.observation import Observation
from experiment.analysis.outcomes import (
    AS_IN_FILE,
    choose_measure,
    find_outcome,
    list_measures,
)
from experiment.analysis.published import PublishedGap

__all__ = [
    "AS_IN_FILE",
    "Analysis",
    "CellRate",
    "Comparison",
    "ComplianceGap",
    "ComplianceRate",
    "Evidence",
    "FactorEffect",
    "GapDifference",
    "JudgeRate",
    "JudgeRates",
    "KindCount",
    "MissingBounds",
    "Observation",
    "PublishedGap",
    "Rate",
    "RateTally",
    "analyse_compliance",
    "choose_measure",
    "find_outcome",
    "format_p",
    "format_points",
    "list_measures",
    "list_pairs",
    "rate_judges",
]
