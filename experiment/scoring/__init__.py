"""Parse answers and verdicts, and analyse what they show together."""

from experiment.scoring.analysis import (
    Analysis,
    Comparison,
    Observation,
    analyse_compliance,
    choose_measure,
)
from experiment.scoring.answer import Answer, read_answer
from experiment.scoring.judge_kinds import find_judge_kind, read_votes, reads_answer
from experiment.scoring.verdict import read_verdict

__all__ = [
    "Analysis",
    "Answer",
    "Comparison",
    "Observation",
    "analyse_compliance",
    "choose_measure",
    "find_judge_kind",
    "read_answer",
    "read_verdict",
    "read_votes",
    "reads_answer",
]
