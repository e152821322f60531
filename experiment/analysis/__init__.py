"""What the answers and the verdicts of an experiment show together."""

from experiment.analysis.clustered_rate import Rate, RateTally
from experiment.analysis.compliance import Analysis, Comparison, analyse_compliance
from experiment.analysis.judge_rates import JudgeRate, JudgeRates, rate_judges
from experiment.analysis.kind_counts import KindCount
from experiment.analysis.measures import choose_measure
from experiment.analysis.observation import Observation

__all__ = [
    "Analysis",
    "Comparison",
    "JudgeRate",
    "JudgeRates",
    "KindCount",
    "Observation",
    "Rate",
    "RateTally",
    "analyse_compliance",
    "choose_measure",
    "rate_judges",
]
