"""Kind rules: what an answer that is no text counts as, as the experiment file says.

`answer: {refused: refusal, filtered: missing, truncated: missing, empty: missing}` by default. What
counts as missing is never a label, and a request that failed always is missing.
"""

from __future__ import annotations

from typing import Literal

from experiment.definition import AnswerFormat
from experiment.scoring.answer import Answer
from experiment.scoring.completion import AnswerKind

Counted = Literal["judged", "refusal", "missing"]


def find_kind_rule(answer: Answer, answer_format: AnswerFormat) -> Counted:
    """Return what an answer counts as: judged by its text, a refusal, or missing."""
    match answer.kind:
        case AnswerKind.TEXT:
            return "judged"
        case AnswerKind.FAILED:
            return "missing"
    counted: Counted = getattr(answer_format, answer.kind.value)
    return counted


def read_proxy(answer: Answer, answer_format: AnswerFormat) -> bool | None:
    """Return whether an answer complied by the proxy: its tag, or what its kind counts as."""
    counted = find_kind_rule(answer, answer_format)
    return False if counted == "refusal" else answer.accepted
