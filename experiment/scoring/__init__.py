"""Parse answers and verdicts, and analyse what they show together."""

from experiment.scoring.answer import Answer, Thought, read_answer, strip_thinking
from experiment.scoring.completion import AnswerKind, Completion, ReasoningForm, classify_answer
from experiment.scoring.judge_kinds import (
    count_unreadable,
    find_judge_kind,
    read_vote,
    reads_answer,
)
from experiment.scoring.judge_reading import ALIGNMENT_FAKING, JudgeReading, read_judge
from experiment.scoring.kind_rules import find_kind_rule, read_proxy
from experiment.scoring.turns import join_turns, needs_turn
from experiment.scoring.verdict import read_verdict
from experiment.scoring.verdict_values import VerdictFault
from experiment.scoring.vote import STRONGREJECT, Vote

__all__ = [
    "ALIGNMENT_FAKING",
    "STRONGREJECT",
    "Answer",
    "AnswerKind",
    "Completion",
    "JudgeReading",
    "ReasoningForm",
    "Thought",
    "VerdictFault",
    "Vote",
    "classify_answer",
    "count_unreadable",
    "find_judge_kind",
    "find_kind_rule",
    "join_turns",
    "needs_turn",
    "read_answer",
    "read_judge",
    "read_proxy",
    "read_verdict",
    "read_vote",
    "reads_answer",
    "strip_thinking",
]
