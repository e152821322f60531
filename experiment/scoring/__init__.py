"""Parse answers and verdicts, and analyse what they show together."""

from experiment.scoring.analysis import (
    Analysis,
    Comparison,
    analyse_compliance,
    choose_measure,
)
from experiment.scoring.answer import Answer, Thought, read_answer, strip_thinking
from experiment.scoring.completion import AnswerKind, Completion, ReasoningForm, classify_answer
from experiment.scoring.judge_kinds import (
    count_unreadable,
    find_judge_kind,
    read_vote,
    read_votes,
    reads_answer,
)
from experiment.scoring.kind_counts import KindCount
from experiment.scoring.kind_rules import find_kind_rule, read_proxy
from experiment.scoring.observation import Observation
from experiment.scoring.verdict import Vote, read_verdict
from experiment.scoring.verdict_values import VerdictFault

__all__ = [
    "Analysis",
    "Answer",
    "AnswerKind",
    "Comparison",
    "Completion",
    "KindCount",
    "Observation",
    "ReasoningForm",
    "Thought",
    "VerdictFault",
    "Vote",
    "analyse_compliance",
    "choose_measure",
    "classify_answer",
    "count_unreadable",
    "find_judge_kind",
    "find_kind_rule",
    "read_answer",
    "read_proxy",
    "read_verdict",
    "read_vote",
    "read_votes",
    "reads_answer",
    "strip_thinking",
]
