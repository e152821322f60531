"""Parse answers and verdicts, and analyse what they show together."""

from experiment.scoring.answer import Answer, Thought, read_answer, strip_thinking
from experiment.scoring.completion import (
    FILTER,
    LENGTH,
    AnswerKind,
    Completion,
    ReasoningForm,
    classify_answer,
)
from experiment.scoring.judge_kinds import (
    count_faults,
    find_judge_kind,
    read_vote,
)
from experiment.scoring.judge_reading import ALIGNMENT_FAKING, JudgeReader, JudgeReading
from experiment.scoring.kind_rules import find_kind_rule, read_proxy
from experiment.scoring.readers import JudgesReader, choose_readers, read_unanswered
from experiment.scoring.selection import (
    AnswerPlace,
    Choice,
    depends_on_answer,
    list_possible_readers,
    may_read_in,
    may_read_kind,
    says_any,
)
from experiment.scoring.turns import join_turns, needs_turn
from experiment.scoring.verdict import read_verdict
from experiment.scoring.verdict_values import VerdictFault
from experiment.scoring.vote import STRONGREJECT, Vote

__all__ = [
    "ALIGNMENT_FAKING",
    "FILTER",
    "LENGTH",
    "STRONGREJECT",
    "Answer",
    "AnswerKind",
    "AnswerPlace",
    "Choice",
    "Completion",
    "JudgeReader",
    "JudgeReading",
    "JudgesReader",
    "ReasoningForm",
    "Thought",
    "VerdictFault",
    "Vote",
    "choose_readers",
    "classify_answer",
    "count_faults",
    "depends_on_answer",
    "find_judge_kind",
    "find_kind_rule",
    "join_turns",
    "list_possible_readers",
    "may_read_in",
    "may_read_kind",
    "needs_turn",
    "read_answer",
    "read_proxy",
    "read_unanswered",
    "read_verdict",
    "read_vote",
    "says_any",
    "strip_thinking",
]
